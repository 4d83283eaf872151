"""One phase or three, where a station can be told; in amperes, on three phases of 32 A unless a case says otherwise.

An EVSE changes over when the other number of phases has served clearly better for a minute (15 s where its car can't
charge otherwise), five minutes after the last change at the earliest, and four times an hour at most.
"""

from itertools import pairwise, permutations

import pytest

from edge.domain.setpoint import Purpose
from edge.units import PHASES, Amps, Phase
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import L1, L2, Car, Case, Fuse, check_unharmed, main

SWITCHES = Car(phases=PHASES, switches=True)
# What is expected: how many phases, and the amperes on each.
CASES: dict[str, tuple[Case, int, Amps]] = {
    "room on all phases: three": (
        Case(fuses=main(32), cars={"A": SWITCHES}, expected={"A": 32}),
        3,
        32,
    ),
    "L2 is full: one phase charges where three can't": (
        Case(fuses=main(32, (0, 30, 0)), cars={"A": SWITCHES}, expected={"A": 32}),
        1,
        32,
    ),
    "its own L1 is full: neither, and it stays": (
        Case(fuses=main(32, (30, 0, 0)), cars={"A": SWITCHES}, expected={"A": 0}),
        3,
        0,
    ),
    "8 A on L3 are 24 A in all, one phase has 32": (
        Case(fuses=main(32, (0, 0, 24)), cars={"A": SWITCHES}, expected={"A": 32}),
        1,
        32,
    ),
    "12 A on L3 are 36 A in all, one phase has only 32": (
        Case(fuses=main(32, (0, 0, 20)), cars={"A": SWITCHES}, expected={"A": 12}),
        3,
        12,
    ),
    "10 A on L3 are 30 A in all: 2 A more aren't worth a change": (
        Case(fuses=main(32, (0, 0, 22)), cars={"A": SWITCHES}, expected={"A": 10}),
        3,
        10,
    ),
    "power for 15 A in all: three minima don't fit, one does": (
        Case(fuses=main(32, watts=230 * 15), cars={"A": SWITCHES}, expected={"A": 15}),
        1,
        15,
    ),
    "power for 20 A in all: three phases have as much of it": (
        Case(fuses=main(32, watts=230 * 20), cars={"A": SWITCHES}, expected={"A": 20 / 3}),
        3,
        6.6,
    ),
    "a station that can't be told waits": (
        Case(fuses=main(32, (0, 30, 0)), cars={"A": Car(phases=PHASES)}, expected={"A": 0}),
        0,
        0,
    ),
}


def _told_phases(loop: ClosedLoop, name: str = "A") -> int:
    """What its session was told last; 0 for nothing."""
    told = [
        command.phases
        for _, command in loop.written
        if command.key.station == name and command.purpose is Purpose.SESSION
    ]
    return told[-1] or 0


def _changes(loop: ClosedLoop, name: str = "A") -> list[float]:
    """When its session was told to draw on another number of phases than before."""
    told = [
        (at, command.phases)
        for at, command in loop.written
        if command.key.station == name and command.purpose is Purpose.SESSION and command.limit_a > 0
    ]
    return [at for (_, before), (at, phases) in pairwise(told) if phases != before]


@pytest.mark.parametrize("name", CASES)
def test_in_the_loop(name: str) -> None:
    """So many phases, and so much on each, when all has settled."""
    case, phases, amps = CASES[name]
    loop = case.loop().settle(calm_s=100)
    check_unharmed(loop)
    assert amps == 0 or _told_phases(loop) == phases
    assert loop.told["A"] == pytest.approx(amps, abs=0.1)
    assert len(_changes(loop)) <= 1


@pytest.mark.parametrize("phases", [*permutations(PHASES)])
def test_one_phase_is_the_evses_own_l1(phases: tuple[Phase, ...]) -> None:
    """Two phases are full; only an EVSE whose own L1 is on the third charges, there."""
    case = Case(fuses=main(32, (0, 30, 30)), cars={"A": Car(phases=phases, switches=True)}, expected={})
    loop = case.loop().settle(calm_s=100)
    check_unharmed(loop)
    assert loop.told["A"] == (32 if phases[0] is PHASES[0] else 0)


def test_it_comes_back_to_three_phases_when_there_is_room() -> None:
    """Not before five minutes have passed since the last change, and a minute of better."""
    loop = CASES["L2 is full: one phase charges where three can't"][0].loop().settle(calm_s=100)
    (first,) = _changes(loop) or [0.0]
    loop.load("main", 0, 0, 0)
    loop.run(400)
    check_unharmed(loop)
    assert _told_phases(loop) == 3
    assert loop.told["A"] == 32
    assert _changes(loop)[-1] - first >= 300


def test_a_load_that_comes_and_goes_doesnt_wear_the_contactors() -> None:
    """L2 fills and empties every three minutes for 36 min: no more than four changes at once and two in that time, five
    minutes apart."""
    loop = Case(fuses=main(32), cars={"A": SWITCHES}, expected={}).loop().settle()
    for _ in range(6):
        loop.load("main", 0, 30, 0)
        loop.run(180)
        loop.load("main", 0, 0, 0)
        loop.run(180)
    changes = _changes(loop)
    assert 2 <= len(changes) <= 4 + 2
    assert all(later - earlier >= 300 for earlier, later in pairwise(changes))
    assert loop.overloads == []


def test_precedence_decides_for_whom_it_changes() -> None:
    """Rank 0 has three phases where that serves it better; rank 1 has what one phase gives it beside that."""
    case = Case(
        fuses=main(32) | {"garage": Fuse(amps=32, watts=230 * 55)},
        cars={
            "first": Car(wants_a=16, phases=PHASES, circuit="garage", switches=True, rank=0),
            "later": Car(wants_a=16, phases=PHASES, circuit="garage", switches=True, rank=1),
        },
        expected={},
    )
    loop = case.loop().settle(calm_s=100)
    check_unharmed(loop)
    # 55 A in all: 48 for the first on three phases, which leaves 7 for the other on one.
    assert (_told_phases(loop, "first"), loop.told["first"]) == (3, 16)
    assert (_told_phases(loop, "later"), loop.told["later"]) == (1, 7)


@pytest.mark.parametrize("tells_power", [False, True], ids=["tells its phases", "tells its power alone"])
def test_a_station_that_ignores_it_is_counted_on_all_its_phases(tells_power: bool) -> None:
    """L2 is full but for 2 A. Told one phase the station charges on three: what it overloads L2 with is its minimum,
    until its next sample shows that and it has obeyed the cut; it isn't tried again in this session."""
    deaf = Car(phases=PHASES, switches=True, ignores_phases=True, tells_power=tells_power)
    loop = Case(fuses=main(32, (0, 30, 0)), cars={"A": deaf}, expected={}).loop().run(900)
    overloads = [at for at, _ in loop.overloads]
    assert 0 < len(overloads) * 0.5 <= 20  # seconds
    assert overloads[-1] - overloads[0] <= 20
    assert {text for _, text in loop.overloads} == {"main carries (6.0, 36.0, 6.0)"}
    assert loop.told["A"] == 0
    loop.load("main", 0, 20, 0)
    loop.settle(calm_s=100)
    assert (loop.told["A"], _told_phases(loop)) == (12, 3)


def test_a_station_that_begins_to_ignore_it_is_cut_beside_others() -> None:
    """It charges on three phases when it is told one, for the sake of a car on L2: both share L2 from then on."""
    cars = {"A": Car(phases=PHASES, switches=True, ignores_phases=True), "B": Car(phases=(L2,), since_s=200)}
    loop = Case(fuses=main(32, (0, 22, 22)), cars=cars, expected={}).loop().run(200)
    assert (loop.told["A"], _told_phases(loop)) == (10, 3)
    loop.settle(calm_s=100)
    assert loop.overloads == []
    assert sum(loop.told.values()) <= 10
    loop.load("main", 0, 0, 0)
    loop.settle(calm_s=100)
    check_unharmed(loop)
    assert loop.told == {"A": 16, "B": 16}


def test_it_rises_on_one_phase_when_it_is_seen_there() -> None:
    """Not before: a limit that others have no room for on L2 isn't given on trust."""
    loop = CASES["L2 is full: one phase charges where three can't"][0].loop().run(15)
    while loop.told["A"] == 0:
        loop.run(0.5)
    drawn_at = next(state.drawn_at for state in [loop.decision.snapshot.evses[0]])
    assert drawn_at is not None
    while loop.told["A"] == 6:
        loop.run(0.5)
    state = loop.decision.snapshot.evses[0]
    assert state.drawn_at is not None
    assert state.drawn_at > drawn_at
    assert state.draw_a is not None
    assert state.draw_a.l1 == 6.0


def test_a_station_that_ignores_it_and_measures_one_phase_is_found_by_the_meter() -> None:
    """Its samples tell of L1 alone; half a minute of too much on L2, and it counts on all that is wired to it."""
    loop = Case(fuses=main(32, (0, 30, 0)), cars={"A": SWITCHES}, expected={}).loop()
    loop.plugs["A"].ignores_phases, loop.plugs["A"].tells_on = True, (L1,)
    loop.run(900)
    overloads = [at for at, _ in loop.overloads]
    assert 30 <= overloads[-1] - overloads[0] <= 45
    assert loop.told["A"] == 0
