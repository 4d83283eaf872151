"""Quantities to readings: signs and plausibility."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MeterImplausible
from edge.metering.families import FAMILIES, Quantity
from edge.metering.readings import Energies, energies, reading
from edge.units import PhaseAmps

SDM630 = FAMILIES["eastron_sdm630"]
GOOD: dict[Quantity, float | None] = {
    Quantity.VOLTAGE_L1: 230.0,
    Quantity.VOLTAGE_L2: 231.0,
    Quantity.VOLTAGE_L3: 232.0,
    Quantity.CURRENT_L1: 10.0,
    Quantity.CURRENT_L2: 11.0,
    Quantity.CURRENT_L3: 12.0,
    Quantity.POWER_L1: 2300.0,
    Quantity.POWER_L2: -2500.0,
    Quantity.POWER_L3: 0.0,
    Quantity.POWER: -200.0,
    Quantity.FREQUENCY: 50.0,
}


def test_magnitudes_take_the_sign_of_their_phases_power() -> None:
    """A phase that feeds into the grid has a negative current; without power the current counts as drawn."""
    found = reading("grid", 7.0, SDM630, GOOD, Energies(1.0, None))
    assert found.current_a == PhaseAmps(10.0, -11.0, 12.0)
    assert (found.meter, found.at, found.power_w, found.frequency_hz) == ("grid", 7.0, -200.0, 50.0)
    assert found.voltage_v == (230.0, 231.0, 232.0)
    assert (found.import_wh, found.export_wh) == (1.0, None)


def test_signed_currents_stay_as_they_are() -> None:
    """A meter that gives the direction itself isn't corrected by its power."""
    signed = SDM630.model_copy(update={"current": "signed"})
    found = reading("grid", 0.0, signed, GOOD | {Quantity.CURRENT_L1: -3.0}, Energies())
    assert found.current_a == PhaseAmps(-3.0, 11.0, 12.0)


def test_a_magnitude_that_arrives_negative_counts_once() -> None:
    """Some firmware signs the current as well as the power: the sign is the power's, not the product of both."""
    found = reading("grid", 0.0, SDM630, GOOD | {Quantity.CURRENT_L2: -11.0}, Energies())
    assert found.current_a.l2 == -11.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (Quantity.CURRENT_L2, None, "no current on L2"),
        (Quantity.CURRENT_L2, 10_001.0, "10001 A on L2"),
        (Quantity.CURRENT_L2, -10_001.0, "-10001 A on L2"),
        (Quantity.VOLTAGE_L3, None, "no voltage on L3"),
        (Quantity.VOLTAGE_L3, 79.0, "79 V on L3"),
        (Quantity.VOLTAGE_L3, 301.0, "301 V on L3"),
    ],
)
def test_what_cannot_be_true_is_no_reading(name: Quantity, value: float | None, words: str) -> None:
    """A missing or absurd current or voltage makes the whole sample unusable."""
    with pytest.raises(MeterImplausible, match=words):
        reading("grid", 0.0, SDM630, GOOD | {name: value}, Energies())


def test_an_absurd_frequency_is_left_out() -> None:
    """Nothing depends on the frequency (some units give ten times the truth): the currents are kept."""
    assert reading("grid", 0.0, SDM630, GOOD | {Quantity.FREQUENCY: 500.0}, Energies()).frequency_hz is None


def test_energies_are_never_negative() -> None:
    """A register below zero is left out, the other one kept."""
    assert energies({Quantity.IMPORT: -1.0, Quantity.EXPORT: 5.0}) == Energies(None, 5.0)


@given(st.dictionaries(st.sampled_from(Quantity), st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_any_values_give_a_reading_in_range_or_none(values: dict[Quantity, float | None]) -> None:
    """No values lead to another error, nor to a current or voltage out of range."""
    try:
        found = reading("grid", 0.0, SDM630, GOOD | values, energies(values))
    except MeterImplausible:
        return
    assert all(abs(amps) <= 10_000 for amps in found.current_a)
    assert found.voltage_v is not None
    assert all(80 <= volts <= 300 for volts in found.voltage_v)
