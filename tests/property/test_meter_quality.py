"""Whatever numbers a meter tells, a reading stays within what can be true, and energy never falls."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.reading import MeterReading, Quality
from edge.errors import MeterImplausible
from edge.metering.catalogue import FAMILIES
from edge.metering.energies import EnergyCounter
from edge.metering.family import Quantity
from edge.metering.quality import HOLD_S, Judge
from edge.metering.sample import MAX_VOLTAGE_V, MIN_VOLTAGE_V

NUMBERS = st.none() | st.floats() | st.floats(-100, 400) | st.just(230.0)
POLLS = st.lists(st.dictionaries(st.sampled_from(list(Quantity)), NUMBERS), max_size=12)
RATING_A = 63.0


@given(st.sampled_from(sorted(FAMILIES)), POLLS, st.lists(st.floats(0.1, 5.0), min_size=12, max_size=12))
def test_no_values_make_an_impossible_reading(
    name: str, polls: list[dict[Quantity, float | None]], pauses: list[float]
) -> None:
    """Currents within ten times the rating, voltages in their window, and nothing held for longer than is said."""
    judge = Judge(meter="grid", family=FAMILIES[name], rating_a=RATING_A)
    now = 0.0
    for poll, pause_s in zip(polls, pauses, strict=False):
        now += pause_s
        # A decoder tells nothing but what its family has.
        values = {quantity: value for quantity, value in poll.items() if quantity in FAMILIES[name].quantities}
        try:
            judge.take_slow(values, now)
            reading = judge.reading(values, now)
        except MeterImplausible:
            continue
        assert reading.quality is Quality.HELD or reading.at == now
        assert now - reading.at <= HOLD_S
        _check(reading)


def _check(reading: MeterReading) -> None:
    """The bounds of any reading. At the least voltage a phase's power may ask for more than the current told."""
    most_a = 10 * RATING_A * MAX_VOLTAGE_V / MIN_VOLTAGE_V
    assert reading.current_a is None or all(abs(amps) <= most_a for amps in reading.current_a)
    voltages = [volts for volts in reading.voltage_v or () if volts is not None]
    assert all(MIN_VOLTAGE_V <= volts <= MAX_VOLTAGE_V for volts in voltages)
    powers = [watts for watts in reading.phase_power_w or () if watts is not None]
    assert all(abs(watts) <= 10 * RATING_A * MAX_VOLTAGE_V for watts in powers)
    assert reading.frequency_hz is None or 40 <= reading.frequency_hz <= 70
    assert reading.import_wh is None or reading.import_wh >= 0


@given(st.lists(st.none() | st.floats() | st.floats(0, 1e7) | st.floats(0, 5000), max_size=40))
def test_energy_never_falls(reads: list[float | None]) -> None:
    """Resets, jumps and nonsense included."""
    counter, last = EnergyCounter(most_w=40_000.0), 0.0
    for number, raw_wh in enumerate(reads):
        counter.take(raw_wh, 5.0 * number)
        value_wh = counter.value_wh(5.0 * number)
        if value_wh is not None:
            assert value_wh >= last - 1e-6 * max(last, 1.0)
            last = value_wh
