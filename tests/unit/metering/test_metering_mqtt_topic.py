"""Messages of an MQTT topic: where a number stands, what it means, and what is no reading."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.topic import JsonPath, TopicValue, parse_json_path
from edge.errors import MeterImplausible
from edge.metering.family import CURRENTS, POWERS, CurrentSign, Quantity
from edge.metering.mqtt_topic import LONGEST, read_message, topic_family
from edge.metering.sample import tells_direction
from edge.units import PHASES

WANTED = (
    TopicValue(quantity="current_l1_a", path=("phases", 0, "i")),
    TopicValue(quantity="current_l2_a", path=("phases", 1, "i")),
    TopicValue(quantity="power_w", path=("total", "kW"), scale=1000.0),
)
MESSAGE = b'{"phases": [{"i": 10.5}, {"i": "-3.25"}], "total": {"kW": 1.75}}'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()),
        ("power", ("power",)),
        ("$.power", ("power",)),
        ("phases[0].i", ("phases", 0, "i")),
        ("$[2]['total power'].kW", (2, "total power", "kW")),
        ('["a.b"].c', ("a.b", "c")),
        ("1-0:31.7.0", ("1-0:31", "7", "0")),
    ],
)
def test_json_paths(text: str, path: JsonPath) -> None:
    """Names, positions and quoted names, with or without the dollar."""
    assert parse_json_path(text) == path


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "a[", "a[-1]", "a[x]", "a b", "$a", "a[0]b", "a.", "['']", "a[1][", "$.$"]
)
def test_what_is_no_json_path(text: str) -> None:
    """Anything else is refused, with the place from which it can't be read."""
    with pytest.raises(ValueError, match=r"is empty|can't be read from"):
        parse_json_path(text)


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    """No text leads to another error."""
    try:
        path = parse_json_path(text)
    except ValueError:
        return
    assert all(isinstance(step, int) or step for step in path)


@pytest.mark.parametrize(
    ("quantities", "shows"),
    [
        (("current_l1_a", "current_l2_a", "current_l3_a"), True),  # a topic's currents are taken as signed
        (("current_l1_a", "power_l1_w"), True),
        (("power_drawn_w", "power_fed_w"), True),
        (("power_drawn_w",), False),
        (("import_wh", "export_wh"), False),
    ],
)
def test_which_topics_show_what_is_fed_in(quantities: tuple[str, ...], shows: bool) -> None:
    """By a power with a sign, by drawn and fed apart, or by currents: energies are too slow."""
    path = parse_json_path("$.x")
    assert tells_direction(topic_family([TopicValue(quantity=each, path=path) for each in quantities])) is shows


def test_numbers_are_found_and_scaled() -> None:
    """Numbers and numbers in quotes, each at its place and in its unit."""
    assert read_message(MESSAGE, WANTED) == {
        Quantity.CURRENT_L1: 10.5,
        Quantity.CURRENT_L2: -3.25,
        Quantity.POWER: 1750.0,
    }


def test_a_message_may_be_a_bare_number() -> None:
    """With the path $ the message itself is the number."""
    assert read_message(b"42.5", (TopicValue(quantity="power_w", path=()),)) == {Quantity.POWER: 42.5}


@pytest.mark.parametrize("message", [b'{"phases": [{"i": 1}]}', b'{"phases": [{"i": 1}, {"i": null}], "total": 7}'])
def test_null_and_missing_are_none(message: bytes) -> None:
    """What the message leaves out or calls null isn't available; what it tells stays."""
    found = read_message(message, WANTED)
    assert (found[Quantity.CURRENT_L1], found[Quantity.CURRENT_L2], found[Quantity.POWER]) == (1.0, None, None)


@pytest.mark.parametrize("nothing", [b"NaN", b"-Infinity", b'"NaN"', b"null", b"1" + b"0" * 400])
def test_what_publishers_write_for_no_value(nothing: bytes) -> None:
    """NaN without quotes is no JSON (letscontrolit/ESPEasy issue 470): it costs its own quantity, not the message."""
    found = read_message(MESSAGE.replace(b"1.75", nothing).replace(b"10.5", b"10"), WANTED)
    assert found == {Quantity.CURRENT_L1: 10.0, Quantity.CURRENT_L2: -3.25, Quantity.POWER: None}
    rest = MESSAGE.replace(b"1.75", b"NaN").replace(b"10.5", b"1" + b"0" * 400)
    assert read_message(rest, WANTED)[Quantity.CURRENT_L1] is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"[" * 60_000, "no JSON"),
        (b"not json", "no JSON; check the topic"),
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"{}", r"without a number at \$\.phases\[0\]\.i, \$\.phases\[1\]\.i, \$\.total\.kW"),
        (b'{"total": {"kW": true}}', r"no number at \$\.total\.kW"),
        (b'{"total": {"kW": "off"}}', r"no number at \$\.total\.kW"),
        (b'{"total": {"kW": [1]}}', r"no number at \$\.total\.kW"),
        (b'{"total": {"kW": "nan"}}', "without a number"),
        (b" " * (LONGEST + 1), "longer than"),
    ],
)
def test_what_is_no_reading_is_said(message: bytes, said: str) -> None:
    """A message that can't be read says why, and where it was looked at."""
    with pytest.raises(MeterImplausible, match=said):
        read_message(message, WANTED)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("phases", "i", "total", "kW")), inner),
    max_leaves=12,
)


@given(anything.map(orjson.dumps) | st.binary(max_size=60))
def test_any_message_is_a_reading_or_said(message: bytes) -> None:
    """Whatever is published gives finite numbers, None, or a sentence."""
    try:
        found = read_message(message, WANTED)
    except MeterImplausible:
        return
    assert all(value is None or math.isfinite(value) for value in found.values())


def test_the_family_of_a_topic() -> None:
    """It measures the phases that are named; the power of each tells the direction, else the currents' own sign."""
    assert topic_family(WANTED).phases == PHASES[:2]
    assert topic_family(WANTED).current_sign is CurrentSign.SIGNED
    names = (*CURRENTS, *POWERS)
    with_powers = topic_family([TopicValue(quantity=name.value, path=(name.value,)) for name in names])
    assert with_powers.current_sign is CurrentSign.MAGNITUDE
    assert with_powers.quantities == set(names)
    assert with_powers.phases == PHASES
