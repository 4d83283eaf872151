"""Phase rotation: which grid phase a car really loads, and what that leaves to the others; in amperes."""

from itertools import permutations

import pytest

from edge.units import PHASES, Amps, Phase
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import (
    L1,
    L2,
    L3,
    Car,
    Case,
    check_in_the_loop,
    check_on_paper,
    check_unharmed,
    main,
)

ROTATIONS = tuple(permutations(PHASES))


def _beside_one_on_each_phase(rotation: tuple[Phase, ...], count: int) -> Case:
    """A three-phase EVSE whose car uses the EVSE's first ``count`` phases, and a car of 32 A on each grid phase."""
    used = rotation[:count]
    expected: dict[str, Amps] = {"rotated": 16}
    for phase in PHASES:
        expected[f"on {phase}"] = 16 if phase in used else 32
    return Case(
        fuses=main(32),
        cars={"rotated": Car(phases=rotation, uses=used)}
        | {f"on {phase}": Car(phases=(phase,), charging=False) for phase in PHASES},
        expected=expected,
    )


CASES = {
    f"{'-'.join(rotation)}, {count} in use": _beside_one_on_each_phase(rotation, count)
    for rotation in ROTATIONS
    for count in (1, 2, 3)
} | {
    "two-phase EVSEs meet on the phase that they share": Case(
        fuses=main(32),
        cars={"A": Car(phases=(L1, L2)), "B": Car(phases=(L2, L3)), "C": Car(phases=(L1,)), "D": Car(phases=(L3,))},
        expected={"A": 16, "B": 16, "C": 16, "D": 16},
    ),
    "... and what one phase can't take goes to the other": Case(
        fuses=main(32, (0, 12, 0)),
        cars={"A": Car(phases=(L1, L2)), "B": Car(phases=(L2, L3)), "C": Car(phases=(L1,)), "D": Car(phases=(L3,))},
        expected={"A": 10, "B": 10, "C": 22, "D": 22},
    ),
    "single-phase EVSEs spread over the phases": Case(
        fuses=main(32),
        cars={name: Car(phases=(phase,)) for name, phase in zip("ABCD", (L1, L2, L3, L1), strict=True)},
        expected={"A": 16, "B": 32, "C": 32, "D": 16},
    ),
    "L3 full: those rotated so that they don't use it go on": Case(
        fuses=main(32, (0, 0, 30)),
        cars={
            "on L1": Car(phases=(L1,)),
            "on L2, L1": Car(phases=(L2, L1)),
            "on L3": Car(phases=(L3,)),
            "on all": Car(phases=(L3, L1, L2)),
        },
        expected={"on L1": 16, "on L2, L1": 16, "on L3": 0, "on all": 0},
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


def test_six_rotated_evses_with_one_phase_cars_fill_all_three_phases() -> None:
    """Two on each phase. Before the phases are known all six count on each: 32 A are five minima, and the sixth waits;
    20 s after they are seen, everybody has 16 A."""
    case = Case(
        fuses=main(32),
        cars={f"car {number}": Car(phases=each, uses=each[:1]) for number, each in enumerate(ROTATIONS)},
        expected={f"car {number}": 16 for number in range(6)},
    )
    loop = case.loop().run(20)
    assert sorted(loop.told.values()) == [0, 6, 6, 6, 6, 6]
    check_unharmed(loop.settle())
    assert loop.told == case.expected


def test_a_car_that_uses_another_phase_after_all_counts_there_at_once() -> None:
    """Learned as one-phase, on L1; then it takes up L2 and L3, where two others have all: nothing is exceeded for
    longer than a cut takes, and the shares are those of a three-phase car."""
    case = _beside_one_on_each_phase(PHASES, 1)
    loop = case.loop().settle()
    assert loop.told == case.expected
    loop.plugs["rotated"].uses = PHASES
    loop.excuse()
    loop.run(60)
    loop.settle()
    check_unharmed(loop)
    assert set(loop.told.values()) == {16}


def test_stations_that_name_their_phases_otherwise_than_the_file() -> None:
    """Two one-phase cars on L2, told on L1: L2 carried 29 of 20 A for good, as none of the two was counted on it, and
    what L1 lacked of their draw was taken for the sun's. Their phases aren't believed any more, and both charge."""
    case = Case(fuses=main(20), cars={name: Car(phases=PHASES, uses=(L2,), wants_a=16) for name in "AB"}, expected={})
    loop = case.loop()
    for plug in loop.plugs.values():
        plug.tells_on = (L1,)
    loop.run(1800)
    over = [at for at, circuit in loop.overloads]
    assert len(over) * 0.5 < 120
    assert max(over) < 300
    assert min(plug.energy_wh for plug in loop.plugs.values()) > 500


def test_a_building_that_fills_a_phase_alone_costs_the_others_for_a_while_only() -> None:
    """L2 carries more than its rating, and it isn't the car on L1: that rests for a while, and charges again when L2
    has room."""
    case = Case(fuses=main(20), cars={"A": Car(phases=PHASES, uses=(L1,), wants_a=16)}, expected={})
    loop = case.loop().settle()
    assert loop.told == {"A": 16}
    loop.load("main", 0, 25, 0)
    loop.run(20)
    assert loop.told == {"A": 16}
    loop.run(60)
    assert loop.told == {"A": 0}
    loop.load("main", 0, 10, 0)
    loop.run(180)
    assert loop.told == {"A": 16}


def test_a_car_that_is_stopped_takes_no_part_in_what_the_building_overloads() -> None:
    """The building alone is over all phases for minutes, and the car on L1 has long been told 0 A: where it draws stays
    known. (It counted on all three for the rest of its session, and so unbalanced nothing.)"""
    car = Car(phases=PHASES, uses=(L1,), wants_a=32)
    loop = Case(fuses=main(32), cars={"A": car}, imbalance_a=10, expected={}).loop().settle()
    assert loop.told == {"A": 10}
    loop.load("main", 36, 36, 36)
    loop.run(200)
    assert loop.told == {"A": 0}
    loop.load("main", 0, 0, 0)
    loop.run(300)
    assert loop.told == {"A": 10}


def _one_on_l1_doubted(imbalance_a: Amps) -> ClosedLoop:
    """32 A; a car on L1, and for a minute a building that alone has 36 A on L2: the car is stopped."""
    car = Car(phases=PHASES, uses=(L1,), wants_a=32)
    loop = Case(fuses=main(32), cars={"A": car}, imbalance_a=imbalance_a, expected={}).loop().settle()
    assert loop.told == {"A": imbalance_a}
    loop.load("main", 0, 36, 0)
    loop.run(100)
    assert loop.told == {"A": 0}
    return loop


def test_a_car_whose_phases_are_doubted_unbalances_those_on_which_it_is_seen() -> None:
    """L2 may have been over by the car, too, so it counts there for the fuse; for balance to count on more is not the
    safe side. (It was told 32 A on L1 alone, where phases may differ by 10, for the rest of its session.)"""
    loop = _one_on_l1_doubted(10)
    before = len(loop.overloads)
    loop.load("main", 0, 0, 0)
    loop.run(600)
    assert loop.overloads[before:] == []
    assert loop.told == {"A": 10}


def test_a_rise_beside_a_doubted_car_shows_as_imbalance() -> None:
    """The building takes 8 A on L1 in a moment when that may be the car: the phases differ by too much, and it is the
    car that can come down."""
    loop = _one_on_l1_doubted(15)
    loop.load("main", 0, 0, 0)
    loop.run(600)
    assert loop.told == {"A": 15}
    begun = loop.now
    loop.load("main", 8, 0, 0)
    loop.run(120)
    assert [at for at, _ in loop.overloads if at > begun + 20.0] == []
    assert loop.told == {"A": 7}


@pytest.mark.parametrize("ends", ["it leaves", "it is full", "it is cut"])
def test_a_car_taken_for_drawing_on_a_wrong_phase_leaves_no_room_there(ends: str) -> None:
    """A charges on L1 and counts on L2, too, since the building overloaded that: 16 A of the building's 20 A on L2 are
    taken for A's. When A comes down they come to light; before that they are not given to B, on L2."""
    cars = {"A": Car(phases=PHASES, uses=(L1,), wants_a=16), "B": Car(phases=(L2,), wants_a=32)}
    loop = Case(fuses=main(40), cars=cars, expected={}).loop().settle()
    loop.load("main", 0, 42, 0)
    loop.run(60)
    loop.load("main", 0, 20, 0)
    loop.run(180)
    assert loop.told == {"A": 16, "B": 20}
    before = len(loop.overloads)
    match ends:
        case "it leaves":
            loop.leave("A")
        case "it is full":
            loop.plugs["A"].uses = ()
        case _:
            loop.load("main", 35, 20, 0)
    loop.run(120)
    assert loop.overloads[before:] == []
    assert loop.told["B"] >= 14
