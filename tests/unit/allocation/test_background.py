"""The background under a meter that is noisy or late, and beside cars that are slow."""

from random import Random

import numpy as np
import pytest

from edge.allocation.background import Background, updated
from edge.allocation.draws import Draws
from edge.allocation.noise import LEAST_PEAKS
from edge.units import PhaseAmps

RATING_A = 63.0


class Circuit:
    """A metered circuit with one car, read each ``period_s``; remembers from reading to reading."""

    def __init__(self, *, meter_delay_s: float = 5.0, period_s: float = 1.0) -> None:
        self.now = 1000.0
        self.known: Background | None = None
        self._meter_delay_s, self._period_s = meter_delay_s, period_s

    def read(
        self,
        measured_a: float,
        car_a: float,
        *,
        told_a: float | None = None,
        likely_a: float | None = None,
        not_yet_a: float = 0.0,
        spare_a: float = 0.0,
        unseen: bool = False,
    ) -> float:
        """A period later, the car having just been sampled, unless it is ``unseen``: the estimate on L1.

        ``told_a`` may be below what it draws, while it comes down, or above, while it may come up; then ``likely_a`` is
        what it will draw, and ``not_yet_a`` what of that it may not draw yet; ``spare_a`` of what it was told it
        needn't have.
        """
        self.now += self._period_s
        car = np.full((1, 3), car_a)
        told = car if told_a is None else np.full((1, 3), told_a)
        draws = Draws(
            low_a=car,
            high_a=np.maximum(car, told),
            guessed_a=np.zeros((1, 3)),
            sampled_a=car,
            clear=np.array([True]),
            told_a=told,
            likely_a=told if likely_a is None else np.full((1, 3), likely_a),
            not_yet_a=np.full((1, 3), not_yet_a),
            spare_a=np.full((1, 3), spare_a),
            unseen=unseen,
            drawn_at=np.array([1000.0 if unseen else self.now]),
        )
        self.known = updated(
            self.known,
            PhaseAmps.same(measured_a),
            self.now,
            draws,
            rating_a=RATING_A,
            meter_delay_s=self._meter_delay_s,
            period_s=self._period_s,
        )
        assert self.known.estimate_a is not None
        return self.known.estimate_a.l1


def noisy(rng: Random, amps: float) -> float:
    return amps * (1.0 + rng.uniform(-0.02, 0.02))


def test_noise_does_not_ratchet_the_estimate_up() -> None:
    """Ten minutes of 2 % of 50 A: it stays within 1 A of the truth, and moves a few times only."""
    rng, circuit = Random(1), Circuit()
    estimates = [circuit.read(noisy(rng, 50.0), 16.0) for _ in range(600)]
    assert max(abs(amps - 34.0) for amps in estimates[60:]) < 1.0
    assert len(set(estimates[300:])) <= 2


def test_under_noise_a_rise_beyond_it_counts_at_once() -> None:
    """10 A more, with the next reading, as good as one reading is."""
    rng, circuit = Random(2), Circuit()
    for _ in range(60):
        circuit.read(noisy(rng, 50.0), 16.0)
    assert abs(circuit.read(noisy(rng, 60.0), 16.0) - 44.0) < 1.3


def test_under_noise_a_small_rise_counts_within_half_a_minute() -> None:
    """2 A more are hardly more than the noise of one reading; their mean is."""
    rng, circuit = Random(3), Circuit()
    for _ in range(300):
        circuit.read(noisy(rng, 50.0), 16.0)
    estimates = [circuit.read(noisy(rng, 52.0), 16.0) for _ in range(30)]
    assert estimates[-1] > 35.5


def test_after_a_gap_the_building_counts_for_all_that_it_takes() -> None:
    """The meter is silent for a minute, in which its cars come down and the building rises: what they drew before it
    hides nothing of that.
    """
    circuit = Circuit()
    for _ in range(20):
        circuit.read(40.0, 32.0)
    circuit.now += 60.0
    assert circuit.read(26.0, 6.0) == 20.0


def test_after_a_gap_a_late_reading_is_no_fall() -> None:
    """A car has come up just now, and the reading may show it as it was: the building takes no less for that."""
    circuit = Circuit()
    for _ in range(20):
        circuit.read(40.0, 6.0)
    circuit.now += 60.0
    assert [circuit.read(40.0, 16.0) for _ in range(3)] == [34.0] * 3


def test_without_noise_nothing_is_averaged() -> None:
    """A tenth of an ampere more counts at once; and a load that steps now and then is no noise."""
    circuit = Circuit()
    for number in range(60):
        circuit.read(50.0 if number % 6 else 40.0, 16.0)
    assert circuit.known is not None
    assert len(circuit.known.peaks_a) >= LEAST_PEAKS
    assert circuit.read(50.1, 16.0) == 50.1 - 16.0


def test_noise_is_judged_by_its_standard_deviation() -> None:
    """Of 2 % of 50 A, uniform: 0.58 A."""
    rng, circuit = Random(5), Circuit()
    for _ in range(200):
        circuit.read(noisy(rng, 50.0), 16.0)
    assert circuit.known is not None
    assert all(abs(amps - 0.58) < 0.15 for amps in circuit.known.noise_a())


def test_cars_that_come_up_one_after_the_other_are_no_noise() -> None:
    """Each second another one takes 3 A: what flows above the rating then counts at once, though most readings have
    differed by as much from the one before.
    """
    circuit = Circuit()
    for number in range(18):
        circuit.read(10.0 + 3.0 * number, 3.0 * number)
    assert circuit.known is not None
    assert len(circuit.known.peaks_a) >= LEAST_PEAKS
    assert circuit.known.noise_a() == (0.0, 0.0, 0.0)
    assert circuit.read(66.0, 51.0) == 15.0


def test_a_late_meter_still_shows_what_a_car_drew_before() -> None:
    """The car's sample has come down, the meter will in 8 s: that is no rise of the building, then or after."""
    circuit = Circuit(meter_delay_s=10.0)
    for _ in range(20):
        circuit.read(50.0, 16.0)
    assert [circuit.read(50.0, 6.0) for _ in range(8)] == [34.0] * 8
    assert [circuit.read(40.0, 6.0) for _ in range(20)] == [34.0] * 20


def test_a_late_meter_does_not_show_yet_what_a_car_draws_now() -> None:
    """The car's sample has risen, the meter will in 8 s: that is no fall of the building."""
    circuit = Circuit(meter_delay_s=10.0)
    for _ in range(20):
        circuit.read(40.0, 6.0)
    assert [circuit.read(40.0, 16.0) for _ in range(8)] == [34.0] * 8
    assert [circuit.read(50.0, 16.0) for _ in range(20)] == [34.0] * 20


@pytest.mark.parametrize("period_s", [2.0, 5.0, 10.0])
def test_between_two_readings_a_car_may_have_moved_before_the_meter_shows_it(period_s: float) -> None:
    """However far they are apart: neither counts as the building's, if the next one shows it."""
    circuit = Circuit(meter_delay_s=1.0, period_s=period_s)
    circuit.read(50.0, 16.0)
    circuit.read(50.0, 16.0)
    assert circuit.read(50.0, 6.0) == 34.0
    assert circuit.read(40.0, 6.0) == 34.0
    assert circuit.read(40.0, 16.0) == 34.0
    assert circuit.read(50.0, 16.0) == 34.0


@pytest.mark.parametrize("period_s", [2.0, 5.0, 10.0])
def test_what_a_car_drew_two_readings_ago_hides_no_rise(period_s: float) -> None:
    """What the car has come down by, the building has come up by. (It was hidden for three periods more.)"""
    circuit = Circuit(meter_delay_s=1.0, period_s=period_s)
    for _ in range(4):
        circuit.read(50.0, 16.0)
    assert [circuit.read(50.0, 6.0) for _ in range(3)] == [34.0, 44.0, 44.0]


def test_what_a_late_meter_can_show_no_more_is_forgotten_with_the_next_reading() -> None:
    """A meter that tells every ten seconds, and may be late by 22: after thirty it shows nothing of what the car drew
    before. (It was remembered for a reading more.)"""
    circuit = Circuit(meter_delay_s=22.0, period_s=10.0)
    for _ in range(4):
        circuit.read(50.0, 16.0)
    assert [circuit.read(50.0, 6.0) for _ in range(5)] == [34.0, 34.0, 34.0, 44.0, 44.0]


def test_a_lost_reading_lets_nothing_hide_behind_what_was_before_it() -> None:
    """The building takes what the car has left since."""
    circuit = Circuit(meter_delay_s=1.0, period_s=5.0)
    for _ in range(4):
        circuit.read(50.0, 16.0)
    circuit.now += 5.0
    assert circuit.read(50.0, 6.0) == 44.0


def test_an_overload_is_answered_once_and_then_when_it_is_seen_what_came_of_it() -> None:
    """A car that is slow to obey isn't cut for again and again."""
    circuit = Circuit()
    for _ in range(20):
        circuit.read(60.0, 16.0)
    estimates = [circuit.read(66.0, 22.0, told_a=16.0, unseen=True) for _ in range(30)]
    assert estimates[8:] == [50.0] * 22, "as if it had obeyed"
    assert set(estimates[:8]) == {44.0}


def test_under_noise_a_peak_does_not_hide_the_fall_after_it() -> None:
    """A car took 20 A more than it was known to for a moment, and then nothing: a few readings later that is no load of
    the building any more, whatever the highest of them was. (It took a hundred and twenty-eight.)
    """
    rng, circuit = Random(4), Circuit()
    for _ in range(300):
        circuit.read(noisy(rng, 40.0), 16.0)
    assert circuit.read(60.0, 16.0) > 40.0
    estimates = [circuit.read(noisy(rng, 24.0), 0.0) for _ in range(12)]
    assert abs(estimates[-1] - 24.0) < 1.5


def test_a_cut_of_what_a_car_does_not_take_is_no_cut() -> None:
    """It was told 22 A and seen to take 16: where 3 A too much flow, it is 3 A of the 16 that have to go."""
    circuit = Circuit()
    for _ in range(20):
        circuit.read(60.0, 16.0)
    assert circuit.read(66.0, 16.0, told_a=22.0, likely_a=16.0) == 50.0


@pytest.mark.parametrize(
    ("measured_a", "spare_a", "building_a"),
    [
        (68.0, 30.0, 52.0),  # 5 A too much, and 10 that aren't drawn yet
        (68.0, 12.0, 49.0),  # of 12 A above the minimum 5 go for what is too much
        (80.0, 5.0, 54.0),  # more than that is too much: nobody is stopped for what is guessed
    ],
)
def test_a_car_that_may_still_be_coming_up_is_cut_of_what_it_does_not_draw_yet(
    measured_a: float, spare_a: float, building_a: float
) -> None:
    """Raised from 16 to 26 A a moment ago, it isn't sampled since. If it draws them, all else is the building's; if
    not, a cut may only take what isn't drawn yet. But for that nobody is stopped.
    """
    circuit = Circuit()
    for _ in range(20):
        circuit.read(60.0, 16.0)
    assert circuit.read(measured_a, 16.0, told_a=26.0, not_yet_a=10.0, spare_a=spare_a) == building_a
