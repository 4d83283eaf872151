"""The simulated meters' faults by name, without sockets."""

import struct

import pytest

from simulators.meter import MeterFault, SimulatedMeter, circuit_meter
from simulators.meter.faults import MIDNIGHT_PAUSE_S, S_PER_DAY


class Day:
    """A meter with a clock and a load that a test may change."""

    def __init__(self) -> None:
        self.now_s = S_PER_DAY / 2
        self.amps = (10.0, 20.0, 30.0)
        self.wh = 5000.0
        self.meter: SimulatedMeter = circuit_meter(
            current_a=lambda: self.amps,
            import_wh=lambda: self.wh,
            nominal_voltage_v=230.0,
            day_s=lambda: self.now_s,
        )

    def floats(self, start: int, count: int) -> tuple[float, ...]:
        """Float32 input registers."""
        return struct.unpack(f">{count // 2}f", self.meter.read(4, start, count))


def test_a_turned_transformer_measures_a_negative_power() -> None:
    """On L2: the current is a magnitude, the power and the total tell."""
    day = Day()
    day.meter.fault = MeterFault.INVERTED_CT
    assert day.floats(6, 6) == (10.0, 20.0, 30.0)
    assert day.floats(12, 6) == (2300.0, -4600.0, 6900.0)
    assert day.floats(52, 2) == (4600.0,)


def test_swapped_transformers_measure_each_others_current() -> None:
    """L2 and L3."""
    day = Day()
    day.meter.fault = MeterFault.SWAPPED_PHASES
    assert day.floats(6, 6) == (10.0, 30.0, 20.0)


def test_a_spike_now_and_then() -> None:
    """Each fifth measurement is 65,536 times too large."""
    day = Day()
    day.meter.fault = MeterFault.WORD_SPIKE
    assert [day.floats(6, 2)[0] for _ in range(5)] == [10.0] * 4 + [655_360.0]


def test_not_available_is_not_zero() -> None:
    """NaN in a table of floats."""
    day = Day()
    day.meter.fault = MeterFault.NAN
    assert all(value != value for value in day.floats(6, 6))


def test_a_register_that_begins_again() -> None:
    """At 0 when the fault begins; it counts from there."""
    day = Day()
    day.meter.fault = MeterFault.REGISTER_RESET
    assert day.floats(72, 2) == (0.0,)
    day.wh += 250.0
    assert day.floats(72, 2) == (0.25,)


def test_silent_around_midnight_of_its_own_clock() -> None:
    """For 40 s, 20 of them in the new day."""
    day = Day()
    day.meter.fault = MeterFault.MIDNIGHT_PAUSE
    silent = {}
    for second in (-30, -19, 0, 19, 30):
        day.now_s = second % S_PER_DAY
        silent[second] = day.meter.delivery().is_silent
    assert silent == {-30: False, -19: True, 0: True, 19: True, 30: False}
    assert MIDNIGHT_PAUSE_S == 40.0


@pytest.mark.parametrize(
    ("fault", "unlike"),
    [(MeterFault.CRC, "is_broken"), (MeterFault.WRONG_SLAVE, "unit"), (MeterFault.SLOW, "delay_s")],
)
def test_how_answers_go_wrong(fault: MeterFault, unlike: str) -> None:
    """Some or all of a hundred answers differ from a sound one in that respect."""
    day = Day()
    sound = getattr(day.meter.delivery(), unlike)
    day.meter.fault = fault
    wrong = sum(getattr(day.meter.delivery(), unlike) != sound for _ in range(100))
    assert {MeterFault.CRC: 10 <= wrong <= 30, MeterFault.WRONG_SLAVE: 35 <= wrong <= 65}.get(fault, wrong == 100)


def test_noise_turns_one_bit() -> None:
    """Which the check sum must find."""
    meter, frame = Day().meter, bytes(range(20))
    for _ in range(50):
        differing = [a ^ b for a, b in zip(frame, meter.broken(frame), strict=True) if a != b]
        assert len(differing) == 1
        assert differing[0].bit_count() == 1
