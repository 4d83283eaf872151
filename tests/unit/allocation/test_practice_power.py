"""Limits of a circuit's total power; in amperes and, at 230 V, watts."""

import pytest

from edge.domain.setpoint import Reason
from edge.units import PHASES
from tests.unit.allocation.practice import (
    L2,
    L3,
    Car,
    Case,
    Fuse,
    check_in_the_loop,
    check_on_paper,
    check_unharmed,
    main,
)

CASES = {
    "each phase counts: 40 A in all are 10 A on four": Case(
        fuses=main(63, watts=230 * 40),
        cars={"A": Car(phases=PHASES), "B": Car()},
        expected={"A": 10, "B": 10},
    ),
    "11 kW for a garage: 48 A are 8 A on six phases; the car on main has the rest of the fuse": Case(
        fuses=main(40) | {"garage": Fuse(amps=32, watts=230 * 48)},
        cars={
            "above": Car(phases=PHASES),
            "A": Car(phases=PHASES, circuit="garage"),
            "B": Car(phases=PHASES, circuit="garage"),
        },
        expected={"above": 24, "A": 8, "B": 8},
    ),
    "a phase is full before the power: the other phases have it": Case(
        # L1 has 10 A left. Of 40 A in all B can have what A leaves, on two phases.
        fuses=main(32, (22, 0, 0), watts=230 * 62),
        cars={"A": Car(), "B": Car(phases=(L2, L3))},
        expected={"A": 10, "B": 15},
    ),
    "the building counts": Case(
        fuses=main(63, (5, 10, 5), watts=230 * 40),
        cars={"A": Car()},
        expected={"A": 20},
    ),
    "a building that exports makes room": Case(
        fuses=main(63, (-4, -4, -4), watts=230 * 18),
        cars={"A": Car(phases=PHASES)},
        expected={"A": 10},
    ),
    "no power for one more minimum: it waits": Case(
        fuses=main(63, watts=230 * 35),
        cars={"A": Car(phases=PHASES, charging=True), "B": Car(phases=PHASES)},
        expected={"A": 35 / 3, "B": 0},
    ),
    "rank by rank": Case(
        fuses=main(63, watts=230 * 60),
        cars={"A": Car(phases=PHASES, rank=1), "B": Car(phases=PHASES, rank=0)},
        expected={"A": 6, "B": 14},
    ),
    "weights": Case(
        fuses=main(63, watts=230 * 30),
        cars={"A": Car(weight=2), "B": Car(phases=(L2,))},
        expected={"A": 20, "B": 10},
    ),
    "power above power": Case(
        fuses=main(63, watts=230 * 50) | {"garage": Fuse(amps=63, watts=230 * 30)},
        cars={"A": Car(), "B": Car(phases=PHASES, circuit="garage")},
        expected={"A": 20, "B": 10},
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


def test_the_sentence_is_in_watts() -> None:
    """Where the power binds, and not a phase."""
    loop = check_in_the_loop(CASES["each phase counts: 40 A in all are 10 A on four"])
    assert {point.reason for point in loop.decision.setpoints} == {Reason.CIRCUIT_POWER_FULL}
    assert loop.reason("A") == "10.0 A: main has no power left (9200 of 9200 W)"


def test_a_load_step_is_cut_for_by_power_too() -> None:
    """3 kW more in the building: 13 A less for the cars on four phases."""
    loop = check_in_the_loop(CASES["each phase counts: 40 A in all are 10 A on four"])
    loop.load("main", 6, 3, 3)
    loop.run(60)
    check_unharmed(loop)
    assert loop.told == {"A": 7, "B": 7}
