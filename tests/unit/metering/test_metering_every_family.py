"""Every family reads its simulated device right: whose registers were written without the catalogue."""

import pytest

from edge.domain.connection import MODBUS
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Quantity
from edge.metering.sample import sample
from simulators.meter.maps import MAPS
from simulators.meter.state import LineState
from tests.meter_families import FAMILY_IDS, SINGLE_PHASE, STATES, WITHOUT_POWER, told
from tests.register_reads import family_of, read_all


def test_every_family_has_a_simulated_device() -> None:
    """The catalogue, the simulated maps and the list of these tests name the same families."""
    assert tuple(name for name, family in FAMILIES.items() if family.transports == MODBUS) == FAMILY_IDS
    assert set(MAPS) == set(FAMILY_IDS)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("family_id", FAMILY_IDS)
def test_every_quantity_is_read_right(family_id: str, state: str) -> None:
    """Each quantity of the family, none more and none less, has the value that is true at the device."""
    device, truth = MAPS[family_id], STATES[state]
    family = family_of(FAMILIES[family_id], device, truth)
    found = read_all(family, device, truth)
    expected = told(family_id, truth)
    assert {name.value for name in found} == set(expected.values)
    for name, value in expected.values.items():
        assert found[Quantity(name)] == pytest.approx(value, rel=expected.relative), name


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("family_id", FAMILY_IDS)
def test_the_total_power_is_signed(family_id: str, state: str) -> None:
    """Whether the family tells it as one number, as what is drawn and what is fed in, or by phase."""
    device, truth = MAPS[family_id], STATES[state]
    family = family_of(FAMILIES[family_id], device, truth)
    expected_w = truth.power_w[0] if family_id in SINGLE_PHASE else truth.total_w
    tells_none = family_id in WITHOUT_POWER
    found_w = sample(family, read_all(family, device, truth)).power
    assert found_w == (None if tells_none else pytest.approx(expected_w, rel=1e-6))


# Where a family marks what isn't available: by all ones, by overflow, by NaN.
_MARKING = (
    "abb_b23_b24",
    "carlo_gavazzi_em24_rtu",
    "eastron_sdm630",
    "siemens_pac2200_3200",
    "sunspec_meter",
    "shelly_pro_3em",
)


@pytest.mark.parametrize("family_id", _MARKING)
def test_what_is_not_available_is_none(family_id: str) -> None:
    """Whatever the device marks as not available is None; nothing else of it is."""
    device = MAPS[family_id]
    nothing = LineState(
        voltage_v=(None, None, None),
        current_a=(None, None, None),
        power_w=(None, None, None),
        total_w=None,
        frequency_hz=None,
        import_wh=None,
        export_wh=None,
    )
    found = read_all(family_of(FAMILIES[family_id], device, nothing), device, nothing)
    assert found
    assert set(found.values()) == {None}
