"""Pacing: cuts at once; raises after a moment, in steps that are worth it, no more than a station's memory bears."""

from itertools import pairwise

from edge.domain.setpoint import Purpose
from edge.domain.site import ControlSettings
from tests.unit.allocation.practice import Car, Case, check_in_the_loop, check_unharmed, main

PACED = Case(fuses=main(32), cars={"A": Car(), "B": Car()}, expected={"A": 16, "B": 16})


def test_a_cut_is_told_in_the_tick_that_sees_its_reason() -> None:
    """A load of 10 A more: 11 A each are written at the next reading."""
    loop = check_in_the_loop(PACED)
    at = loop.now
    loop.load("main", 10, 10, 10)
    loop.run(0.5)
    told = {command.key.station: (when, command.limit_a) for when, command in loop.written[-2:]}
    assert told == {"A": (at, 11.0), "B": (at, 11.0)}
    check_unharmed(loop.run(30))


def test_raises_wait_until_the_limit_has_stood_for_a_moment() -> None:
    """Between two raises of an EVSE lie at least 5 s; and each pays only with room that a cut has freed for sure."""
    loop = PACED.loop().settle()
    loop.load("main", 10, 10, 10)
    loop.run(30)
    loop.load("main", 0, 0, 0)
    loop.settle()
    check_unharmed(loop)
    assert loop.told == {"A": 16, "B": 16}
    for name in "AB":
        told = [
            (at, command.limit_a)
            for at, command in loop.written
            if command.key.station == name and command.purpose is Purpose.SESSION
        ]
        rises = [(at, before[0]) for before, (at, amps) in pairwise(told) if amps > before[1]]
        assert rises
        assert all(at - before >= 5 for at, before in rises)


def test_a_small_raise_is_told_when_the_limit_would_be_written_again_anyhow() -> None:
    """0.8 A more than the minimum: not before a minute, and not never."""
    case = Case(fuses=main(10, 3.2), cars={"A": Car()}, expected={"A": 6.8})
    loop = case.loop().run(50)
    assert loop.told == {"A": 6.0}
    loop.run(30)
    assert loop.told == {"A": 6.8}
    check_unharmed(loop)


def test_a_small_raise_after_a_cut_waits_as_long() -> None:
    """0.4 A come and go: cut at once, given back a minute later, and not with every wave of the load."""
    case = Case(fuses=main(20), cars={"A": Car()}, expected={"A": 20})
    loop = case.loop().settle()
    since = loop.now
    for _ in range(6):
        for load_a in (0.4, 0.0):
            loop.load("main", load_a, load_a, load_a)
            loop.run(15)
    told = [command.limit_a for at, command in loop.written if at >= since]
    assert sum(later > earlier for earlier, later in pairwise(told)) <= 3
    loop.run(70)
    assert loop.told["A"] == 20
    check_unharmed(loop)


def test_a_station_is_told_no_more_raises_than_its_memory_bears() -> None:
    """20 at once and then 6 an hour here; cuts are never counted."""
    settings = ControlSettings(raises_per_hour=6.0)
    loop = PACED.loop(settings).settle()
    for _ in range(30):
        loop.load("main", 10, 10, 10)
        loop.run(15)
        loop.load("main", 0, 0, 0)
        loop.run(40)
    check_unharmed(loop)
    session = [
        command.limit_a
        for _, command in loop.written
        if command.key.station == "A" and command.purpose is Purpose.SESSION
    ]
    raises = sum(later > earlier for earlier, later in pairwise(session))
    assert 18 <= raises <= 23
    assert loop.told["A"] == 11
    assert loop.reason("A") == "11.0 A: held: the station has been told enough for now"
