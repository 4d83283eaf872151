"""The register tables of simulated meters: strict as the meters are, and sound in every state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.meter.maps import MAPS
from simulators.meter.maps.layout import Kind
from simulators.meter.state import LineState
from tests.meter_families import FEEDING_ON_L2

any_value = st.none() | st.floats(-1e12, 1e12)
any_three = st.tuples(any_value, any_value, any_value)


@pytest.mark.parametrize("name", sorted(MAPS))
@given(
    st.builds(
        LineState,
        current_a=any_three,
        voltage_v=any_three,
        power_w=any_three,
        total_w=any_value,
        frequency_hz=any_value,
        import_wh=any_value,
        export_wh=any_value,
    )
)
def test_any_state_is_told_in_words(name: str, state: LineState) -> None:
    """Whatever flows, each register is a word of 16 bits: what a number can't hold stays at its limit."""
    for words in MAPS[name].words(state).values():
        assert all(0 <= word <= 0xFFFF for word in words.values())
        assert all(0 <= address <= 0xFFFF for address in words)


def test_values_stay_at_the_limits_of_their_kind() -> None:
    """A count that is too large or below zero saturates, as a meter's register does."""
    assert [Kind.I16.clamped(count) for count in (-40_000, 5, 40_000)] == [-32_768, 5, 32_767]
    assert [Kind.U32.clamped(count) for count in (-1, 5, 2**40)] == [0, 5, 2**32 - 1]


def test_a_value_is_read_whole_or_not_at_all() -> None:
    """A Siemens PAC refuses a read that begins or ends inside a value; one of whole values it answers."""
    pac = MAPS["siemens_pac2200_3200"]
    assert pac.may_read("holding", 1, 6)
    assert not pac.may_read("holding", 2, 5)
    assert not pac.may_read("holding", 1, 5)
    assert not pac.may_read("holding", 803, 4)


def test_eastron_answers_at_even_addresses_only() -> None:
    """An SDM630 refuses odd starts and odd counts."""
    sdm630 = MAPS["eastron_sdm630"]
    assert sdm630.may_read("input", 0, 18)
    assert not sdm630.may_read("input", 1, 18)
    assert not sdm630.may_read("input", 0, 17)


def test_what_is_not_in_the_table_has_no_register() -> None:
    """Holes stay holes, so that a client that reads across one is refused."""
    words = MAPS["schneider_iem3x55"].words(FEEDING_ON_L2)
    assert set(words) == {"holding"}
    assert 2999 in words["holding"]
    assert 3005 not in words["holding"]


def test_devices_name_themselves() -> None:
    """The registers by which a scan knows a device are there."""
    assert MAPS["carlo_gavazzi_em3xx_em5xx"].words(FEEDING_ON_L2)["input"][0x000B] == 341
    named = MAPS["abb_b23_b24"].words(FEEDING_ON_L2)["holding"]
    text = b"".join(named[address].to_bytes(2, "big") for address in range(0x8960, 0x8966))
    assert text.startswith(b"B23")
    assert MAPS["eastron_sdm630"].words(FEEDING_ON_L2)["holding"].keys() == {0xFC00, 0xFC01}
