"""A meter that fails, and comes back; in amperes. Stale is five seconds."""

import pytest

from edge.domain.setpoint import Reason
from edge.units import PHASES
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.plugs import OBEYS_S
from tests.unit.allocation.practice import Car, Case, Fuse, check_unharmed, main

STALE_S = 5.0
TICK_S = 1.0


def _three_of_16(background_a: float = 10.0) -> ClosedLoop:
    """63 A, three three-phase cars of 16 A."""
    cars = {name: Car(wants_a=16, phases=PHASES) for name in "ABC"}
    loop = Case(fuses=main(63, background_a), cars=cars, expected={}).loop().settle()
    assert loop.told == {"A": 16, "B": 16, "C": 16}
    return loop


def test_a_dead_meter_is_safe_currents_and_not_three_times_16_for_ever() -> None:
    """6 A each as soon as it is stale and the cars have obeyed, and for as long as it is dead."""
    loop = _three_of_16()
    loop.meters_answer = False
    loop.run(STALE_S)
    assert loop.told == {"A": 16, "B": 16, "C": 16}
    loop.run(2 * TICK_S + OBEYS_S)
    assert loop.told == {"A": 6, "B": 6, "C": 6}
    assert loop.reason("A") == "6.0 A: meter meter-main gives no reading: safe current"
    since = len(loop.seen)
    loop.run(600)
    assert all(told == {"A": 6, "B": 6, "C": 6} for _, told in loop.seen[since:])
    check_unharmed(loop)


def test_the_building_may_grow_meanwhile_up_to_what_is_reserved_for_it() -> None:
    """63 A less 45 A: three times 6 A fit beside that."""
    loop = _three_of_16()
    loop.meters_answer = False
    loop.run(STALE_S + 2 * TICK_S + OBEYS_S)
    loop.load("main", 45, 45, 45)
    loop.run(300)
    check_unharmed(loop)


def test_safe_currents_that_dont_fit_beside_the_building_arent_given_to_all() -> None:
    """32 A, of which the building had 18: two minima are left, and the third car waits."""
    cars = {name: Car(wants_a=16, phases=PHASES) for name in "ABC"}
    loop = Case(fuses=main(37, 18), cars=cars, expected={}).loop().settle()
    assert loop.told == {"A": 6.3, "B": 6.3, "C": 6.3} or sum(loop.told.values()) == pytest.approx(19, abs=0.2)
    loop.load("main", 22, 22, 22)
    loop.run(60)
    loop.meters_answer = False
    loop.run(60)
    assert sorted(loop.told.values()) == [0, 6, 6]
    check_unharmed(loop)


def test_the_reserve_of_the_building_counts_when_nobody_measures_it() -> None:
    """The installer knows of 50 A at worst; 10 A flowed when the meter died: two minima of the 13 A that are left."""
    cars = {name: Car(wants_a=16, phases=PHASES) for name in "ABC"}
    loop = Case(fuses=main(63, 10, reserve_a=50), cars=cars, expected={}).loop().settle()
    loop.meters_answer = False
    loop.run(60)
    assert sorted(loop.told.values()) == [0, 6, 6]
    check_unharmed(loop)


def test_while_a_meter_is_late_nothing_rises() -> None:
    """A car arrives when the last reading is three seconds old: it isn't started on it, and is told why."""
    loop = Case(fuses=main(63, 10), cars={"A": Car(wants_a=16), "B": Car(wants_a=16, since_s=100)}, expected={}).loop()
    loop.run(97)
    loop.meters_answer = False
    loop.run(4)
    assert loop.told == {"A": 16, "B": 0}
    assert loop.reason("B") == "0.0 A: meter meter-main is late: nothing rises until it answers"
    loop.meters_answer = True
    loop.run(10)
    assert loop.told["B"] >= 6
    check_unharmed(loop)


def test_a_meter_that_misses_two_polls_costs_nobody_anything() -> None:
    """Three seconds without a reading."""
    loop = _three_of_16()
    since = len(loop.seen)
    loop.meters_answer = False
    loop.run(3)
    loop.meters_answer = True
    loop.run(60)
    assert all(told == {"A": 16, "B": 16, "C": 16} for _, told in loop.seen[since:])


def test_recovery_is_gradual() -> None:
    """For half a minute after the meter is back raises are of 2 A at most; a minute later all is as it was."""
    loop = _three_of_16()
    loop.meters_answer = False
    loop.run(60)
    loop.meters_answer = True
    since = len(loop.seen)
    back_at = loop.now
    reasons = set()
    for _ in range(30):
        loop.run(TICK_S)
        reasons |= {point.reason for point in loop.decision.setpoints}
    assert Reason.RECOVERING in reasons
    for name in "ABC":
        steps = [
            now[name] - before[name]
            for (at, now), (_, before) in zip(loop.seen[since + 1 :], loop.seen[since:], strict=False)
            if at < back_at + 30
        ]
        assert max(steps) <= 2.0 + 1e-6
    loop.run(60)
    assert loop.told == {"A": 16, "B": 16, "C": 16}
    check_unharmed(loop)


def test_a_meter_that_comes_and_goes_never_lets_the_cars_jump() -> None:
    """Ten seconds dead, ten alive, for ten minutes: nobody is above what it was before, and no rating is exceeded."""
    loop = _three_of_16()
    for _ in range(30):
        loop.meters_answer = not loop.meters_answer
        loop.run(10)
        assert max(loop.told.values()) <= 16
    check_unharmed(loop)


def test_a_sub_circuits_meter_lowers_its_own_cars_alone() -> None:
    """The car beside it keeps its current."""
    fuses = main(63) | {"garage": Fuse(amps=32, background=main(1)["main"].background)}
    loop = Case(fuses=fuses, cars={"in": Car(circuit="garage", wants_a=16), "out": Car(wants_a=16)}, expected={}).loop()
    loop.settle()
    loop.silent_meters.add("meter-garage")
    loop.run(30)
    assert loop.told == {"in": 6, "out": 16}
    check_unharmed(loop)
