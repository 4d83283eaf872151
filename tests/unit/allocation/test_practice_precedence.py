"""Order of precedence: a row and more for each of its first four points; in amperes.

Its second point, limits of outsiders, has a table of its own, as have needs, turns, trimming and pacing.
"""

import pytest

from edge.units import PHASES
from tests.unit.allocation.practice import (
    L2,
    Car,
    Case,
    Fuse,
    check_in_the_loop,
    check_on_paper,
    main,
)

CASES = {
    # 1. Ratings.
    "1 a fuse less its margin": Case(
        fuses=main(34, margin_a=2),
        cars={"A": Car(), "B": Car()},
        expected={"A": 16, "B": 16},
    ),
    "1 the fuse that is full first": Case(
        fuses=main(32) | {"garage": Fuse(amps=10)},
        cars={"A": Car(), "B": Car(circuit="garage")},
        expected={"A": 22, "B": 10},
    ),
    "1 each phase by itself": Case(
        fuses=main(32, (20, 10, 0)),
        cars={"A": Car(), "B": Car(phases=(L2,)), "C": Car(phases=PHASES[2:])},
        expected={"A": 12, "B": 22, "C": 32},
    ),
    # 2. The lowest limit wins.
    "2 power below the fuse": Case(
        fuses=main(32, watts=230 * 20),
        cars={"A": Car()},
        expected={"A": 20},
    ),
    "2 the fuse below the power": Case(
        fuses=main(16, watts=230 * 40),
        cars={"A": Car(), "B": Car(phases=(L2,))},
        expected={"A": 16, "B": 16},
    ),
    # 3. Minima.
    "3 rank before who charges": Case(
        fuses=main(7),
        cars={"A": Car(charging=True, rank=1), "B": Car(rank=0)},
        expected={"A": 0, "B": 7},
    ),
    "3 who charges before who waits": Case(
        fuses=main(7),
        cars={"A": Car(), "B": Car(charging=True)},
        expected={"A": 0, "B": 7},
    ),
    "3 the longest wait before the name": Case(
        fuses=main(7),
        cars={"A": Car(since_s=9), "B": Car(since_s=1)},
        expected={"A": 0, "B": 7},
    ),
    "3 the name at last": Case(
        fuses=main(7),
        cars={"B": Car(), "A": Car()},
        expected={"A": 7, "B": 0},
    ),
    "3 at least the minimum or nothing": Case(
        fuses=main(13),
        cars={"A": Car(min_a=8), "B": Car(), "C": Car()},
        expected={"A": 13, "B": 0, "C": 0},
    ),
    "3 a minimum too large is passed over": Case(
        fuses=main(14),
        cars={"A": Car(), "B": Car(min_a=10), "C": Car()},
        expected={"A": 7, "B": 0, "C": 7},
    ),
    "3 all minima before anybody's rest": Case(
        fuses=main(20),
        cars={"A": Car(rank=0), "B": Car(rank=1)},
        expected={"A": 14, "B": 6},
    ),
    # 4. The rest.
    "4 rank by rank": Case(
        fuses=main(40),
        cars={name: Car(wants_a=16, rank=rank) for rank, name in enumerate("ABC")},
        expected={"A": 16, "B": 16, "C": 8},
    ),
    "4 what an early rank can't use, a later one gets": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=10, rank=0), "B": Car(rank=1)},
        expected={"A": 10, "B": 22},
    ),
    "4 weights inside a rank": Case(
        fuses=main(30),
        cars={"A": Car(weight=2.0), "B": Car(weight=1.0)},
        expected={"A": 20, "B": 10},
    ),
    "4 no weight takes a minimum": Case(
        fuses=main(30),
        cars={"A": Car(weight=100.0), "B": Car(weight=0.01)},
        expected={"A": 24, "B": 6},
    ),
    "4 a full sub-circuit leaves its share to the others": Case(
        fuses=main(50) | {"garage": Fuse(amps=16)},
        cars={"A": Car(), "B": Car(circuit="garage"), "C": Car(circuit="garage")},
        expected={"A": 32, "B": 8, "C": 8},
    ),
    "4 three levels": Case(
        # b is full at 6 + 8, so B's share is a's 24 less them; A has what a and main leave: 40 - 24.
        fuses=main(40) | {"a": Fuse(amps=24), "b": Fuse(amps=14, parent="a")},
        cars={
            "A": Car(),
            "B": Car(circuit="a"),
            "C": Car(circuit="b", min_a=8, rank=1),
            "D": Car(circuit="b"),
        },
        expected={"A": 16, "B": 10, "C": 8, "D": 6},
    ),
    "4 a step of 1 A": Case(
        fuses=main(31),
        cars={"A": Car(step_a=1), "B": Car(step_a=1)},
        expected={"A": 16, "B": 15},
    ),
    "4 what no step fits goes to the continuous": Case(
        fuses=main(15),
        cars={"A": Car(step_a=1), "B": Car()},
        expected={"A": 7, "B": 8},
    ),
}

# What a site file can say and a problem on paper can't.
LOOP_CASES = {
    "3 a guaranteed minimum before one that charges": Case(
        fuses=main(7),
        cars={"A": Car(charging=True), "B": Car(guaranteed=True)},
        expected={"A": 0, "B": 7},
    ),
    "3 rank before a guaranteed minimum": Case(
        fuses=main(7),
        cars={"A": Car(rank=0), "B": Car(rank=1, guaranteed=True)},
        expected={"A": 7, "B": 0},
    ),
    "3 a guarantee is for the minimum alone": Case(
        fuses=main(20),
        cars={"A": Car(), "B": Car(guaranteed=True)},
        expected={"A": 10, "B": 10},
    ),
    "3 who must not fall to 0 before all ranks": Case(
        fuses=main(7),
        cars={"A": Car(rank=0), "B": Car(rank=1, never_zero=True)},
        expected={"A": 0, "B": 7},
    ),
    "3 ... with its minimum alone": Case(
        fuses=main(20),
        cars={"A": Car(rank=0), "B": Car(rank=1, never_zero=True)},
        expected={"A": 14, "B": 6},
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


@pytest.mark.parametrize("name", LOOP_CASES)
def test_in_the_loop_alone(name: str) -> None:
    """The same for what only a site file can say."""
    check_in_the_loop(LOOP_CASES[name])
