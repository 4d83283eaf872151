"""SunSpec devices: found at any of three places, walked model by model, read like any other family."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MeterImplausible
from edge.metering.catalogue import FAMILIES
from edge.metering.family import CURRENTS, POWERS, Block, CurrentSign, Family, Quantity, Read, RegisterType
from edge.metering.quality import Judge
from edge.units import PHASES, PhaseAmps
from simulators.meter.maps import Layout
from simulators.meter.maps.sunspec import (
    inverter_with_floats,
    inverter_with_integers,
    meter_with_floats,
    meter_with_integers,
)
from tests.meter_families import FEEDING_IN, FEEDING_ON_L2, told
from tests.register_reads import read_all, walked

METER = FAMILIES["sunspec_meter"]
INVERTER = FAMILIES["sunspec_inverter"]


def found_in(device: Layout, wanted: Family = METER) -> Family:
    """The family of the device, by discovery."""
    assert wanted.discovery is not None
    return walked(wanted.discovery(), device, FEEDING_ON_L2)


@pytest.mark.parametrize("base", [40_000, 0, 50_000])
@pytest.mark.parametrize(
    "make", [lambda base: meter_with_integers(203, base=base), lambda base: meter_with_floats(213, base=base)]
)
def test_meters_are_found_wherever_their_map_begins(make: Callable[[int], Layout], base: int) -> None:
    """Both layouts of a wye meter are read right from each of the three places."""
    device = make(base)
    found = read_all(found_in(device), device, FEEDING_IN)
    expected = told("sunspec_meter", FEEDING_IN).values
    assert {name.value: value for name, value in found.items()} == pytest.approx(expected)


@pytest.mark.parametrize("make", [inverter_with_integers, inverter_with_floats])
@pytest.mark.parametrize("wiring", [1, 2, 3])
def test_an_inverter_feeds_out_of_its_circuit(make: Callable[[int], Layout], wiring: int) -> None:
    """What an inverter gives is negative, its yield is what the circuit exports; only its own phases are told."""
    model = (100 if make is inverter_with_integers else 110) + wiring
    device = make(model)
    family = found_in(device, INVERTER)
    found = read_all(family, device, FEEDING_IN)
    assert family.current_sign is CurrentSign.SIGNED
    assert family.phases == PHASES[:wiring]
    assert [found.get(name) for name in CURRENTS] == pytest.approx(
        [*(-20.5, -21.25, -22.75)[:wiring], *[None] * (3 - wiring)]
    )
    assert found[Quantity.POWER] == pytest.approx(-15_360.0)
    assert found[Quantity.EXPORT_WH] == pytest.approx(7_654_000.0)
    assert Quantity.IMPORT_WH not in found


@pytest.mark.parametrize("make", [inverter_with_integers, inverter_with_floats])
@pytest.mark.parametrize("wiring", [1, 3])
def test_an_inverter_that_charges_its_battery_draws(make: Callable[[int], Layout], wiring: int) -> None:
    """A hybrid inverter's power turns negative; its currents, which have no sign, then flow into the circuit."""
    device = make((100 if make is inverter_with_integers else 110) + wiring)
    family = found_in(device, INVERTER)
    charging = replace(FEEDING_IN, total_w=15_360.0, current_a=(20.5, 21.25, 22.75), power_w=(4880.0, 5040.0, 5440.0))
    values = read_all(family, device, charging)
    # Its magnitudes are what the registers hold, whichever way it flows.
    values |= {name: -abs(values[name] or 0.0) for name in CURRENTS[:wiring]}
    reading = Judge(meter="battery", family=family).reading(values, 1.0)
    assert reading.power_w == 15_360.0
    assert reading.current_a == PhaseAmps(20.5, *((21.25, 22.75) if wiring == 3 else (0.0, 0.0)))


@pytest.mark.parametrize("make", [meter_with_integers, meter_with_floats])
@pytest.mark.parametrize("maker", [None, "SolarEdge", "Fronius"])
def test_a_meter_behind_a_solaredge_inverter_counts_the_other_way(
    make: Callable[[int], Layout], maker: str | None
) -> None:
    """Its powers are positive towards the grid (solaredge-modbus-multi issue 69): taken as they are, a building that
    draws made room for cars."""
    device = by(maker, make(203 if make is meter_with_integers else 213))
    found = read_all(found_in(device), device, FEEDING_ON_L2)
    expected = told("sunspec_meter", FEEDING_ON_L2).values
    turned = -1.0 if maker == "SolarEdge" else 1.0
    powers = {Quantity.POWER, *POWERS}
    assert {name: value for name, value in found.items() if name in powers} == pytest.approx(
        {Quantity(name): turned * (value or 0.0) for name, value in expected.items() if name in powers}
    )
    assert found[Quantity.IMPORT_WH] == pytest.approx(expected["import_wh"])


def test_a_meter_whose_maker_can_not_be_read_is_none() -> None:
    """A direction isn't guessed: a device that is busy just then is asked again with the next poll."""
    assert METER.discovery is not None
    steps = METER.discovery()
    next(steps)
    steps.send((0x5375, 0x6E53))
    steps.send((1, 66))
    assert steps.send((203, 105)) == Read(RegisterType.HOLDING, 40_004, 16)
    with pytest.raises(MeterImplausible, match="doesn't tell who made it"):
        steps.send(None)


def by(maker: str | None, device: Layout) -> Layout:
    """The device with its maker's name in the common model."""
    name = (maker or "").encode().ljust(32, b"\0")
    words = {40_004 + at: int.from_bytes(name[2 * at : 2 * at + 2], "big") for at in range(16)}
    return replace(device, fixed={**device.fixed, **words})


def test_a_single_phase_meter_has_its_total_as_the_phases_power() -> None:
    """Model 201 need not give the power per phase: the total is that of its one phase."""
    device = meter_with_integers(201, phases=1)
    family = found_in(device)
    found = read_all(family, device, FEEDING_ON_L2)
    assert family.phases == PHASES[:1]
    assert found[Quantity.POWER_L1] == found[Quantity.POWER] == 80.0
    assert Quantity.CURRENT_L2 not in found


@pytest.mark.parametrize("make", [meter_with_integers, meter_with_floats])
@pytest.mark.parametrize("wiring", [3, 4])
def test_voltages_to_neutral_may_be_missing(make: Callable[[int], Layout], wiring: int) -> None:
    """No model demands them, and a delta network (204, 214) has none: what the device marks as absent is no fault."""
    device = make((200 if make is meter_with_integers else 210) + wiring)
    family = found_in(device)
    without = replace(FEEDING_IN, voltage_v=(None, None, None))
    reading = Judge(meter="grid", family=family).reading(read_all(family, device, without), 1.0)
    assert reading.current_a == PhaseAmps(-20.5, -21.25, -22.75)
    assert reading.voltage_v is None


def test_no_read_is_longer_than_modbus_allows() -> None:
    """The float model has 126 registers, one more than a read may have: it is read in parts."""
    for device in (meter_with_floats(213), meter_with_integers(203)):
        family = found_in(device)
        assert all(block.count <= 125 for block in (*family.fast, *family.slow))
        assert {block.count for block in family.fast} != {block.count for block in family.slow}


@pytest.mark.parametrize(
    ("device", "wanted", "said"),
    [
        (meter_with_integers(203), INVERTER, "the device has no model of a SunSpec inverter; its models are: 1, 203"),
        (inverter_with_integers(103), METER, "the device has no model of a SunSpec meter; its models are: 1, 103"),
        (meter_with_integers(203, base=30_000), METER, "no SunSpec map at register 40000 or 0 or 50000"),
    ],
)
def test_what_is_not_there_is_said(device: Layout, wanted: Family, said: str) -> None:
    """A device without a map, or without such a model, is named with what it has."""
    with pytest.raises(MeterImplausible, match=said):
        found_in(device, wanted)


def test_a_model_too_short_for_its_points_is_passed_over() -> None:
    """A model whose length doesn't hold what is to be read isn't read beyond its end."""
    device = meter_with_integers(203)
    at = 40_000 + 2 + 2 + 66
    short = Layout(tables=device.tables, cells=device.cells, filled=device.filled, fixed={**device.fixed, at + 1: 50})
    with pytest.raises(MeterImplausible, match="no model of a SunSpec meter"):
        found_in(short)


def test_a_model_beyond_the_last_register_is_passed_over() -> None:
    """A length that leads past address 65535 ends the walk: no such register could be asked for."""
    assert METER.discovery is not None
    steps = METER.discovery()
    next(steps)
    steps.send((0x5375, 0x6E53))
    assert steps.send((1, 65_500 - 40_004)) == Read(RegisterType.HOLDING, 65_500, 2)
    with pytest.raises(MeterImplausible, match="its models are: 1, 203"):
        steps.send((203, 105))


@given(st.data(), st.sampled_from((METER, INVERTER)))
def test_any_answers_end_the_walk(data: st.DataObject, wanted: Family) -> None:
    """Whatever a device says, the walk ends after a bounded number of reads, in a family or in a sentence."""
    assert wanted.discovery is not None
    steps = wanted.discovery()
    words = st.sampled_from((0x5375, 0x6E53, 0, 1, 66, 103, 203, 213, 105, 0xFFFF)) | st.integers(0, 0xFFFF)
    read: Read = next(steps)
    for _ in range(200):
        assert 0 <= read.address <= read.address + read.count <= 0x10000
        answers = st.none() | st.tuples(words, words) | st.just((0x5375, 0x6E53))
        try:
            read = steps.send(data.draw(answers))
        except StopIteration as stop:
            blocks: tuple[Block, ...] = (*stop.value.fast, *stop.value.slow)
            assert all(block.address + block.count <= 0x10000 for block in blocks)
            return
        except MeterImplausible:
            return
    pytest.fail("still walking after 200 reads")
