"""Sharing, as users of other controllers report that it fails; in amperes."""

import pytest

from edge.units import PHASES
from tests.unit.allocation.practice import (
    L1,
    L3,
    Car,
    Case,
    Fuse,
    check_in_the_loop,
    check_on_paper,
    main,
)

CASES = {
    "32 A, wanting 32 and 8: 24 and 8": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=32), "B": Car(wants_a=8)},
        expected={"A": 24, "B": 8},
    ),
    "the same where the EVSEs could give 32: the trim's margin of 2 A is the price of not being told": Case(
        fuses=main(32),
        cars={"A": Car(wants_a=32), "B": Car(wants_a=8, max_a=32)},
        expected={"A": 24, "B": 8},
        settled={"A": 22, "B": 10},
    ),
    "35 A, three of 16: 11.67 each, none capped to 3 A": Case(
        fuses=main(35),
        cars={name: Car(wants_a=16) for name in "ABC"},
        expected=dict.fromkeys("ABC", 35 / 3),
    ),
    "35 A, three of 16 in tenths: 11.6 each, and the two tenths that are left": Case(
        fuses=main(35),
        cars={name: Car(wants_a=16, step_a=0.1) for name in "ABC"},
        expected={"A": 11.7, "B": 11.7, "C": 11.6},
    ),
    "15 A, two charge at 7.5, the third waits": Case(
        fuses=main(15),
        cars={"A": Car(charging=True), "B": Car(charging=True), "C": Car()},
        expected={"A": 7.5, "B": 7.5, "C": 0},
    ),
    "32 A over 16 A, three-phase: 16, 10 and 6, nothing stranded": Case(
        fuses=main(32) | {"garage": Fuse(amps=16)},
        cars={
            "above": Car(wants_a=16, phases=PHASES, min_a=10, rank=0),
            "below": Car(wants_a=16, phases=PHASES, circuit="garage", rank=0),
            "last": Car(wants_a=16, phases=PHASES, circuit="garage", rank=1),
        },
        expected={"above": 16, "below": 10, "last": 6},
    ),
    "10 A less 3.2 A: never above 6.8": Case(
        fuses=main(10, 3.2),
        cars={"new": Car()},
        expected={"new": 6.8},
    ),
    "L3 overloaded: the car on L1 keeps its current": Case(
        fuses=main(20, (0, 0, 20)),
        cars={"one": Car(phases=(L1,)), "three": Car(phases=(L3,))},
        expected={"one": 20, "three": 0},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_on_paper(name: str) -> None:
    """The solver's answer."""
    check_on_paper(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_the_loop(name: str) -> None:
    """What the cars are limited to when all has settled."""
    check_in_the_loop(CASES[name])
