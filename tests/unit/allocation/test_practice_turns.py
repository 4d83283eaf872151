"""Turns, where the minima don't all fit; in amperes."""

import pytest

from edge.domain.setpoint import Reason
from edge.domain.site import ControlSettings
from edge.units import Amps, Seconds
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import (
    Car,
    Case,
    check_in_the_loop,
    check_on_paper,
    check_unharmed,
    main,
)

CASES = {
    "the third waits": Case(
        fuses=main(15),
        cars={"A": Car(charging=True), "B": Car(charging=True), "C": Car()},
        expected={"A": 7.5, "B": 7.5, "C": 0},
    ),
    "14 A at 7 and 7": Case(
        fuses=main(14),
        cars={"A": Car(charging=True), "B": Car(charging=True, since_s=10)},
        expected={"A": 7, "B": 7},
    ),
    "... falls to 11: one keeps 11, the other pauses": Case(
        fuses=main(14, 3),
        cars={"A": Car(charging=True), "B": Car(charging=True, since_s=10)},
        expected={"A": 11, "B": 0},
    ),
    "a lower rank waits for room, not for a turn": Case(
        fuses=main(13),
        cars={"A": Car(), "B": Car(), "C": Car(rank=1)},
        expected={"A": 6.5, "B": 6.5, "C": 0},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_on_paper(name: str) -> None:
    """The answer of the solver."""
    check_on_paper(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_the_loop(name: str) -> None:
    """What the cars are limited to when all has settled, before a turn is over."""
    check_in_the_loop(CASES[name])


def test_14_a_at_7_and_7_falls_to_11_while_they_charge() -> None:
    """The one that came first goes on alone, and has all 11 A; when the 3 A are back, both charge again."""
    loop = Case(fuses=main(14), cars={"A": Car(since_s=10), "B": Car()}, expected={"A": 7, "B": 7}).loop().settle()
    assert loop.told == {"A": 7, "B": 7}
    loop.load("main", 3, 3, 3)
    loop.run(60)
    assert loop.told == {"A": 0, "B": 11}
    loop.load("main", 0, 0, 0)
    loop.run(120)
    assert loop.told == {"A": 7, "B": 7}
    check_unharmed(loop)


def spells(loop: ClosedLoop, name: str, minimum_a: Amps = 6.0) -> list[tuple[bool, Seconds]]:
    """For how long it could charge, couldn't, could, …; the first and the last are cut off by the ends of the watch."""
    found: list[tuple[bool, Seconds]] = []
    for _, told in loop.seen:
        on = told[name] >= minimum_a
        if found and found[-1][0] is on:
            found[-1] = (on, found[-1][1] + 0.5)
        else:
            found.append((on, 0.5))
    return found


TURNS = {
    "three cars, room for two": (15.0, 3, 12),
    "three cars, room for one": (11.0, 3, 12),
    "five cars, room for two": (13.0, 5, 24),
}


@pytest.mark.parametrize("name", TURNS)
def test_nobody_starves_and_nobody_is_switched_more_often_than_once_a_turn(name: str) -> None:
    """In 12 or 24 turns of 2 min each has most of its share of the charging (which isn't whole turns, and a change
    takes 10 s and more); each spell, on or off, lasts a turn at least."""
    turn_s, limit_a, cars, turns = 120.0, *TURNS[name]
    names = "ABCDE"[:cars]
    loop = Case(fuses=main(limit_a), cars={each: Car() for each in names}, expected={}).loop(
        ControlSettings(turn_s=turn_s, min_off_s=30)
    )
    loop.run(turns * turn_s)
    check_unharmed(loop)
    room_for = int(limit_a // 6)
    for each in names:
        on_s = sum(seconds for on, seconds in spells(loop, each) if on)
        assert on_s >= 0.7 * turns * turn_s * room_for / cars
        assert all(seconds >= turn_s for _, seconds in spells(loop, each)[1:-1])


def test_a_turn_is_a_quarter_of_an_hour() -> None:
    """By default: the third car waits no longer than that, and whoever has charged longest makes way."""
    loop = Case(fuses=main(15), cars={"A": Car(), "B": Car(since_s=10), "C": Car(since_s=20)}, expected={}).loop()
    loop.run(890)
    assert (loop.told["C"], loop.reason("C").startswith("0.0 A: waits for its turn: main L1")) == (0, True)
    loop.run(60)
    assert loop.told["A"] == 0
    assert min(loop.told["B"], loop.told["C"]) >= 6
    check_unharmed(loop)


def test_a_turn_is_no_reason_to_stop_anybody_where_all_fit() -> None:
    """Two cars on 12 A: neither is ever stopped."""
    loop = Case(fuses=main(12), cars={"A": Car(), "B": Car()}, expected={}).loop(ControlSettings(turn_s=120))
    loop.run(600)
    assert [on for on, _ in spells(loop, "A")] == [False, True]
    assert [on for on, _ in spells(loop, "B")] == [False, True]


def test_a_later_rank_has_no_turn_beside_an_earlier_one() -> None:
    """Rank 0 keeps its place for as long as it charges."""
    loop = Case(fuses=main(8), cars={"A": Car(rank=1), "B": Car(rank=0)}, expected={}).loop(ControlSettings(turn_s=120))
    loop.run(600)
    assert loop.highest("A") == 0
    assert loop.told == {"A": 0, "B": 8}


def test_a_car_that_leaves_makes_room_at_once() -> None:
    """The one that waits doesn't wait for the end of a turn that nobody has."""
    loop = CASES["the third waits"].loop().settle()
    loop.leave("A")
    loop.run(20)
    assert loop.told["C"] >= 6
    loop.run(70)
    assert loop.told == {"A": 0, "B": 7.5, "C": 7.5}
    check_unharmed(loop)


def test_a_car_that_was_stopped_rests() -> None:
    """Room for it comes back after 20 s; it stays off for 60 s in all, and says why."""
    loop = CASES["14 A at 7 and 7"].loop().settle()
    loop.load("main", 3, 3, 3)
    loop.run(20)
    loop.load("main", 0, 0, 0)
    loop.run(20)
    assert loop.told["B"] == 0
    assert Reason.RESTING in {point.reason for point in loop.decision.setpoints}
    loop.run(60)
    assert loop.told == {"A": 7, "B": 7}
    stopped = [seconds for on, seconds in spells(loop, "B")[1:] if not on]
    assert len(stopped) == 1
    assert stopped[0] >= 60
    check_unharmed(loop)
