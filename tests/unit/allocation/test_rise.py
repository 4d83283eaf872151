"""A rise of the building beside cars that may be on their way up."""

import numpy as np
import pytest

from edge.allocation.background import Background, updated
from edge.allocation.draws import Draws
from edge.domain.station import CloudLimit
from edge.units import Phase, PhaseAmps
from tests.unit.allocation.practice import L1, L2, Car, Case, main

RATING_A = 63.0
TOLD_A = 16.0  # each car may draw so much


class Circuit:
    """A metered circuit with cars that were just raised; read each second, the cars sampled when it is said."""

    def __init__(self, *, cars: int = 1, meter_delay_s: float = 2.0, clear: bool = True) -> None:
        self.now = 1000.0
        self.known: Background | None = None
        self._sampled_a, self._drawn_at = [6.0] * cars, [self.now] * cars
        self._meter_delay_s, self._clear = meter_delay_s, clear

    def read(self, measured_a: float, *, samples: dict[int, float] | None = None) -> float:
        """A second later, after these samples by the number of the car: the estimate on L1."""
        self.now += 1.0
        for car, amps in (samples or {}).items():
            self._sampled_a[car], self._drawn_at[car] = amps, self.now
        sampled = np.repeat(np.array(self._sampled_a)[:, None], 3, axis=1)
        draws = Draws(
            low_a=sampled,
            high_a=np.full_like(sampled, TOLD_A),
            guessed_a=np.zeros_like(sampled),
            sampled_a=sampled,
            clear=np.full(len(sampled), self._clear),
            told_a=np.full_like(sampled, TOLD_A),
            likely_a=np.full_like(sampled, TOLD_A),
            not_yet_a=np.zeros_like(sampled),
            spare_a=np.zeros_like(sampled),
            unseen=True,
            drawn_at=np.array(self._drawn_at),
        )
        self.known = updated(
            self.known or Background(estimate_a=PhaseAmps.same(20.0)),
            PhaseAmps.same(measured_a),
            self.now,
            draws,
            rating_a=RATING_A,
            meter_delay_s=self._meter_delay_s,
        )
        assert self.known.estimate_a is not None
        return self.known.estimate_a.l1

    def read_for(self, seconds: int, measured_a: float) -> float:
        return [self.read(measured_a) for _ in range(seconds)][-1]


def test_a_rise_behind_a_car_that_takes_nothing_is_seen_with_its_sample() -> None:
    """8 A more, of a car that may take 10 A more: the sample that is taken 10 s after tells. It could hide for as long
    as the car might still follow, 40 s and more.
    """
    circuit = Circuit()
    assert circuit.read(26.0) == 20.0
    assert circuit.read_for(11, 34.0) == 20.0, "it may be the car's"
    assert circuit.read(34.0, samples={0: 6.0}) == 28.0
    assert circuit.known is not None
    assert circuit.read(34.0) == 28.0
    assert circuit.known.rise is None, "it is explained"


def test_a_car_that_takes_up_its_raise_is_no_rise() -> None:
    """Its sample tells: neither while it rises, nor after."""
    circuit = Circuit()
    rising = [circuit.read(26.0 + amps) for amps in range(11)]
    assert circuit.read(36.0, samples={0: 16.0}) == 20.0
    assert set(rising) == {20.0}
    assert circuit.read_for(60, 36.0) == 20.0


def test_what_was_sampled_before_the_rise_could_show_tells_nothing() -> None:
    """Some stations report what they measured some seconds ago: a sample 9 s after may be of before."""
    circuit = Circuit()
    circuit.read(26.0)
    circuit.read(34.0)
    circuit.read_for(8, 34.0)
    circuit.read(34.0, samples={0: 6.0})
    assert circuit.read_for(20, 34.0) == 20.0


def test_cars_that_rise_one_after_the_other_are_no_rise() -> None:
    """Each is sampled before and after the other's rise; the lowest reading is that of when neither had risen."""
    circuit = Circuit(cars=2)
    circuit.read(32.0)
    circuit.read_for(9, 42.0)  # the first has risen
    circuit.read(42.0, samples={1: 6.0})
    circuit.read(42.0, samples={0: 16.0})
    circuit.read_for(9, 52.0)  # and the second
    assert circuit.read(52.0, samples={0: 16.0, 1: 16.0}) == 20.0
    assert circuit.read_for(60, 52.0) == 20.0


def test_a_car_that_was_not_sampled_counts_as_all_that_it_may_draw() -> None:
    """Of 14 A more, 10 may be the second car's."""
    circuit = Circuit(cars=2)
    circuit.read(32.0)
    circuit.read_for(12, 46.0)
    circuit.read(46.0, samples={0: 6.0})
    assert circuit.read_for(3, 46.0) == 24.0


def test_a_load_that_passes_is_no_rise() -> None:
    """The lowest reading of the while counts."""
    circuit = Circuit()
    circuit.read(26.0)
    circuit.read_for(11, 34.0)
    circuit.read(26.0, samples={0: 6.0})
    assert circuit.read_for(20, 26.0) == 20.0


def test_a_late_meter_still_shows_what_a_car_drew() -> None:
    """It came down by itself, as its samples tell, and the meter shows that 10 s later: nothing has risen."""
    circuit = Circuit(meter_delay_s=10.0)
    circuit.read(36.0, samples={0: 16.0})
    circuit.read_for(5, 36.0)
    circuit.read(36.0, samples={0: 6.0})
    circuit.read_for(9, 36.0)
    circuit.read(36.0, samples={0: 6.0})
    assert circuit.read_for(60, 26.0) == 20.0


def test_samples_that_do_not_tell_the_phases_prove_no_rise() -> None:
    """Where only the power is known, or phases are in doubt, it may all be on the one that shows more."""
    circuit = Circuit(clear=False)
    circuit.read(26.0)
    circuit.read_for(12, 34.0)
    circuit.read(34.0, samples={0: 6.0})
    assert circuit.read_for(30, 34.0) == 20.0


def test_a_second_rise_is_not_hidden_for_long_by_a_first_that_waits() -> None:
    """The second car is never sampled: 90 s after the first rise it is begun anew."""
    circuit = Circuit(cars=2)
    circuit.read(32.0)
    circuit.read_for(10, 38.0)
    circuit.read_for(80, 46.0)
    circuit.read_for(12, 46.0)
    circuit.read(46.0, samples={0: 6.0})
    assert circuit.read_for(3, 46.0) == 24.0


@pytest.mark.parametrize("uses", [None, (L1, L2), ()], ids=["on all phases", "on two", "nothing"])
def test_in_the_loop_a_rise_does_not_hide_behind_a_car_that_is_allowed_more(uses: tuple[Phase, ...] | None) -> None:
    """It draws 8 A, or nothing, and is allowed 10 A more when its cloud's limit ends: 9 A of the building count 25 s
    after they came, and not only when the car isn't expected to follow any more."""
    loop = Case(fuses=main(40), cars={"A": Car(wants_a=8, max_a=32, uses=uses)}, expected={}).loop()
    loop.take(CloudLimit(key=loop.plugs["A"].evse.key, at=0.0, limit_a=9.0))
    loop.load("main", 10, 10, 10)
    loop.run(90)
    loop.take(CloudLimit(key=loop.plugs["A"].evse.key, at=loop.now, limit_a=None))
    loop.run(5)
    assert loop.told["A"] > 18.0
    loop.load("main", 19, 19, 19)
    loop.run(25)
    assert min(loop.decision.background_a["main"]) > 18.0
