"""Trimming and giving back, cars that sleep; in amperes."""

from itertools import pairwise

import pytest

from edge.domain.setpoint import Reason
from edge.domain.site import ControlSettings
from edge.units import PHASES, Seconds
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import (
    Car,
    Case,
    check_in_the_loop,
    check_on_paper,
    check_unharmed,
    main,
)

# A is trimmed to what it draws and 2 A more; on paper its demand is known.
CASES = {
    "what the car leaves, the other has": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=10, max_a=32), "B": Car()},
        expected={"A": 10, "B": 22},
        settled={"A": 12, "B": 20},
    ),
    "a later rank has it, too": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=10, max_a=32, rank=0), "B": Car(rank=1)},
        expected={"A": 10, "B": 22},
        settled={"A": 12, "B": 20},
    ),
    "a car that leaves less than the margin isn't trimmed": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=15, max_a=32), "B": Car()},
        expected={"A": 15, "B": 17},
        settled={"A": 16, "B": 16},
    ),
    "a trim is never below the minimum": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=6, min_a=10, max_a=32), "B": Car()},
        expected={"A": 0, "B": 32},
        settled={"A": 10, "B": 22},
    ),
    "two that leave something": Case(
        fuses=main(48),
        cars={"A": Car(wants_a=7, max_a=32), "B": Car(wants_a=9, max_a=32), "C": Car()},
        expected={"A": 7, "B": 9, "C": 32},
        settled={"A": 9, "B": 11, "C": 28},
    ),
    "a car on one phase of three is trimmed on that": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=10, max_a=32, phases=PHASES, uses=PHASES[:1]), "B": Car(phases=PHASES)},
        expected={"A": 10, "B": 22},
        settled={"A": 12, "B": 20},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_on_paper(name: str) -> None:
    """The answer of the solver."""
    check_on_paper(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_the_loop(name: str) -> None:
    """What the cars are limited to when all has settled."""
    check_in_the_loop(CASES[name])


def _trimmed() -> ClosedLoop:
    loop = CASES["what the car leaves, the other has"].loop().settle()
    assert loop.told == {"A": 12, "B": 20}
    return loop


def test_all_is_given_back_when_the_car_takes_what_it_was_left() -> None:
    """It takes its 12 A; the next sample says so, and in the tick after it B is cut for A's fair share."""
    loop = _trimmed()
    loop.plugs["A"].wants_a = 32
    at = loop.now
    loop.run(7)
    assert any(command.key.station == "B" and command.limit_a == 16 and when >= at for when, command in loop.written)
    loop.settle()
    check_unharmed(loop)
    assert loop.told == {"A": 16, "B": 16}


def test_a_car_that_wants_a_little_more_gets_it() -> None:
    """The margin is the probe: 11.5 A are taken, so all is given back, and trimmed anew to 13.5 A."""
    loop = _trimmed()
    loop.plugs["A"].wants_a = 11.5
    loop.settle()
    check_unharmed(loop)
    assert loop.told == {"A": 13.5, "B": 18.5}


def test_a_car_near_its_end_is_followed_down() -> None:
    """It tapers by 1 A a minute from 16 to 6: what it leaves is never more than the margin and a step of the taper."""
    loop = CASES["what the car leaves, the other has"].loop()
    loop.plugs["A"].wants_a = 16
    loop.settle()
    for wants_a in range(15, 5, -1):
        loop.plugs["A"].wants_a = wants_a
        loop.run(60)
        assert loop.told["A"] <= wants_a + 3
        assert loop.told["A"] + loop.told["B"] == pytest.approx(32, abs=1.0)
    check_unharmed(loop)


def _beside_a_sleeper(turn_s: Seconds = 900.0) -> ClosedLoop:
    """A charges; B's car is there, and takes nothing. Room for one."""
    case = Case(fuses=main(11), cars={"A": Car(), "B": Car(charging=False, since_s=-1)}, expected={"A": 11, "B": 0})
    loop = case.loop(ControlSettings(turn_s=turn_s))
    loop.plugs["B"].asleep = True
    return loop


def test_a_sleeping_car_leaves_its_minimum_to_others() -> None:
    """It came first and has its minimum; it takes nothing for half a minute, and A has all."""
    loop = _beside_a_sleeper()
    loop.run(150)
    check_unharmed(loop)
    assert loop.told == {"A": 11, "B": 0}


def test_a_sleeping_car_is_woken_once_a_turn() -> None:
    """Though A could use all there is: for a minute of each turn of 5 min B is offered its minimum, and A's car, which
    would have none beside it, rests meanwhile."""
    loop = _beside_a_sleeper(turn_s=300)
    loop.run(1500)
    check_unharmed(loop)
    steps = zip(loop.seen[1:], loop.seen, strict=False)
    offers = [at for (at, told), (_, before) in steps if told["B"] > before["B"] == 0]
    assert 2 <= len(offers) <= 5
    assert all(later - earlier >= 300 - 10 for earlier, later in pairwise(offers))


def test_a_car_that_is_woken_stays_awake() -> None:
    """It needs 20 s at its minimum to wake, and then has its turn like any other."""
    loop = _beside_a_sleeper(turn_s=300)
    loop.run(200)
    assert loop.told == {"A": 11, "B": 0}
    loop.plugs["B"].wakes_after_s = 20
    loop.run(1000)
    check_unharmed(loop)
    assert not loop.plugs["B"].asleep
    charged_s = sum(0.5 for _, told in loop.seen if told["B"] >= 6)
    assert charged_s >= 300


def test_a_sleeping_car_has_its_minimum_where_there_is_room() -> None:
    """It may wake when it likes; of what is left of 32 A beside the other's demand its minimum is offered all the
    time."""
    loop = Case(fuses=main(32), cars={"A": Car(wants_a=16), "B": Car()}, expected={}).loop()
    loop.plugs["B"].asleep = True
    loop.run(200)
    assert loop.told == {"A": 16, "B": 6}
    assert loop.decision.setpoints[1].reason is Reason.CAR_PAUSED
    loop.plugs["B"].asleep = False
    loop.settle()
    assert loop.told == {"A": 16, "B": 16}
    check_unharmed(loop)


def test_an_evse_whose_cars_never_wake_from_0_keeps_its_minimum() -> None:
    """never_zero: though its car takes nothing, and another of an earlier rank could use it."""
    loop = Case(fuses=main(20), cars={"A": Car(rank=0), "B": Car(rank=1, never_zero=True)}, expected={}).loop()
    loop.plugs["B"].asleep = True
    loop.run(30)
    since = len(loop.seen)
    loop.run(600)
    assert {told["B"] for _, told in loop.seen[since:]} == {6}
    assert loop.told == {"A": 14, "B": 6}
    assert loop.reason("B") == "6.0 A: the car has paused; its minimum is there when it wakes"
    loop.plugs["B"].asleep = False
    loop.run(60)
    assert loop.drawn["B"] == 6
    check_unharmed(loop)


def test_cars_that_take_nothing_below_8_a_are_woken_with_what_nobody_wants() -> None:
    """Both begin at 7 A of 14, and pause. Their 6 A each left 2 A that nobody had, and neither ever charged."""
    loop = Case(fuses=main(14), cars={"A": Car(wants_a=16), "B": Car(wants_a=16)}, expected={}).loop()
    for plug in loop.plugs.values():
        plug.starts_at_a = 8
    loop.run(300)
    assert max(loop.drawn.values()) == 14
    first, second = sorted(loop.drawn, key=loop.drawn.__getitem__, reverse=True)
    loop.leave(first)
    loop.run(ControlSettings().turn_s + 60)
    assert loop.drawn[second] == 14
    check_unharmed(loop)


def test_a_sleeping_car_is_woken_with_no_more_than_the_others_leave() -> None:
    """A charges with all that it can use, and goes on; B is offered the rest for a minute of each turn, else 6 A."""
    loop = Case(fuses=main(30), cars={"A": Car(wants_a=16), "B": Car()}, expected={}).loop()
    loop.plugs["B"].asleep = True
    loop.run(2000)
    offered = [told["B"] for at, told in loop.seen if at > 60]
    assert {told["A"] for at, told in loop.seen if at > 60} == {16}
    assert set(offered) == {6, 14}
    assert sum(0.5 for amps in offered if amps == 14) <= 3 * 75
    check_unharmed(loop)


@pytest.mark.parametrize(("wants_a", "told_a"), [(16.0, 16.0), (9.0, 11.0)])
def test_a_car_on_one_phase_whose_station_tells_its_power_alone(wants_a: float, told_a: float) -> None:
    """16 A on one phase are 5.3 A on each of three: it was trimmed to its minimum of 6 A, and held there for good. What
    it doesn't take of what it could on one phase is taken back all the same."""
    car = Car(wants_a=wants_a, max_a=16, phases=PHASES, uses=PHASES[:1])
    loop = Case(fuses=main(32), cars={"A": car}, expected={}).loop()
    loop.plugs["A"].tells_power = True
    loop.settle()
    assert loop.told == {"A": told_a}
    check_unharmed(loop)


@pytest.mark.parametrize(("rise_a", "left_a"), [(20, 6), (30, 0)])
def test_the_building_does_not_hide_behind_a_car_that_does_not_start(rise_a: float, left_a: float) -> None:
    """A may draw 16 A and draws nothing; the building takes as much on L1, where B charges. It could be A that starts,
    until samples of A show nothing while too much flows: then it is the building, and is cut for at once."""
    loop = Case(fuses=main(32), cars={"A": Car(wants_a=16), "B": Car(wants_a=16, charging=True)}, expected={}).loop()
    loop.plugs["A"].asleep = True
    loop.run(71)
    assert loop.told == {"A": 16, "B": 16}
    loop.load("main", rise_a, 0, 0)
    loop.run(120)
    assert len(loop.overloads) * 0.5 < 5
    assert loop.told["B"] >= left_a


def test_a_car_that_starts_while_the_building_rises_is_cut_with_the_others() -> None:
    """What A takes up after its sample is A's: once it is seen, both have what the building leaves."""
    loop = Case(fuses=main(32), cars={"A": Car(wants_a=16), "B": Car(wants_a=16, charging=True)}, expected={}).loop()
    loop.plugs["A"].asleep = True
    loop.run(71)
    loop.load("main", 14, 0, 0)
    loop.run(3)
    loop.plugs["A"].asleep = False
    loop.excuse()
    loop.run(180)
    assert len(loop.overloads) * 0.5 < 5
    assert loop.told == {"A": 9, "B": 9}
