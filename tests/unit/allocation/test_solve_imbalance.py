"""The imbalance limit at the grid connection: 20 A unless a case says otherwise."""

import pytest

from edge.allocation.problem import Capacity, Problem
from edge.units import PHASES, Amps
from tests.unit.allocation.solve_sites import L1, L2, L3, Car, circuit, limits, site

FREE = circuit(63)


def _site(
    cars: dict[str, Car], main: Capacity = FREE, imbalance_a: Amps = 20, **below: tuple[str, Capacity]
) -> Problem:
    return site(main, cars, below=below, imbalance_a=imbalance_a)


CASES: dict[str, tuple[Problem, dict[str, Amps]]] = {
    "one phase alone": (_site({"A": Car(), "B": Car()}), {"A": 10, "B": 10}),
    "three phases don't unbalance": (_site({"A": Car(phases=PHASES)}), {"A": 32}),
    "three phases beside one: only the one is held": (
        _site({"A": Car(phases=PHASES), "B": Car(), "C": Car()}),
        {"A": 32, "B": 10, "C": 10},
    ),
    "two phases against the third": (_site({"A": Car(phases=(L1, L2))}), {"A": 20}),
    "the other side makes room": (
        _site({"A": Car(), "B": Car(), "C": Car(phases=(L2,)), "D": Car(phases=(L3,), wants_a=12)}),
        {"A": 16, "B": 16, "C": 32, "D": 12},
    ),
    "the background of the other side makes room": (
        _site({"A": Car(), "B": Car()}, circuit(63, background=(0, 4, 9))),
        {"A": 12, "B": 12},
    ),
    "a background over the limit: nobody makes it worse": (
        _site({"A": Car(), "B": Car(phases=(L2,)), "C": Car(phases=PHASES)}, circuit(63, background=(30, 0, 0))),
        {"A": 0, "B": 20, "C": 32},
    ),
    "a background over the limit: whoever balances may": (
        _site(
            {"A": Car(), "B": Car(phases=(L2,)), "C": Car(phases=(L3,), wants_a=16)}, circuit(63, background=(30, 0, 0))
        ),
        {"A": 16, "B": 32, "C": 16},
    ),
    "only a background at the grid connection counts": (
        _site({"A": Car(circuit="garage")}, garage=("main", circuit(63, background=(40, 0, 0)))),
        {"A": 20},
    ),
    "both sides share a power limit: the fixed point": (
        # Three on L1 may take 10 A more than the one on L2, and all five together 30 A:
        # 3x = 10 + y and 3x + 2y = 30.
        _site(
            {
                **{name: Car(min_a=0) for name in "ABC"},
                "D": Car(phases=(L2,), min_a=0),
                "E": Car(phases=(L3,), min_a=0),
            },
            circuit(63, watts=230 * 30),
            10,
        ),
        {"A": 5.556, "B": 5.556, "C": 5.556, "D": 6.667, "E": 6.667},
    ),
    "a rank is raised by the balance of a later one": (
        _site({"A": Car(rank=0), "B": Car(phases=(L2,), rank=1), "C": Car(phases=(L3,), rank=1, wants_a=8)}),
        {"A": 28, "B": 28, "C": 8},
    ),
    "minima fit because others can be raised": (
        _site(
            {
                **{name: Car(wants_a=8, charging=True) for name in "ABCD"},
                "E": Car(phases=(L2,)),
                "F": Car(phases=(L3,), wants_a=6),
            }
        ),
        {"A": 6.5, "B": 6.5, "C": 6.5, "D": 6.5, "E": 26, "F": 6},
    ),
    "minima that nobody can balance wait, last in precedence first": (
        _site({name: Car(since_s=float(number)) for number, name in enumerate("ABCD")}),
        {"A": 6.667, "B": 6.667, "C": 6.667, "D": 0},
    ),
    "cars that need each other start together": (
        _site({"A": Car(), "B": Car(phases=(L2,)), "C": Car(phases=(L3,))}, imbalance_a=4),
        {"A": 32, "B": 32, "C": 32},
    ),
    "whole steps stay in balance": (
        _site(
            {
                "A": Car(step_a=1),
                "B": Car(step_a=1),
                "C": Car(phases=(L2,), wants_a=7.5, step_a=1),
                "D": Car(phases=(L3,), wants_a=7.5),
            }
        ),
        {"A": 14, "B": 13, "C": 7, "D": 7.5},
    ),
    "coarse steps cut whom they unbalance": (
        _site(
            {"A": Car(), "B": Car(phases=(L2,), step_a=4, wants_a=15), "C": Car(phases=(L3,), wants_a=15)},
            imbalance_a=2,
        ),
        {"A": 14, "B": 12, "C": 14},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_balance(name: str) -> None:
    """Who may draw what when two phases may differ by so much only."""
    problem, expected = CASES[name]
    assert limits(problem) == expected


def test_what_the_fixed_point_leaves_to_a_linear_program() -> None:
    """Nobody gives way to let another balance a third. On L2 there are 16 A for B and C; four cars on L1 may take 10 A
    more than B, as D on L3 may. They get 4.5 A each; to lower C for B's sake would give all five 5.2 A."""
    cars = {
        **{name: Car(min_a=0) for name in ("A1", "A2", "A3", "A4")},
        "B": Car(phases=(L2,), min_a=0),
        "C": Car(phases=PHASES, min_a=0),
        "D": Car(phases=(L3,), min_a=0),
    }
    answer = limits(_site(cars, circuit([63, 16, 63]), 10))
    assert answer == {"A1": 4.5, "A2": 4.5, "A3": 4.5, "A4": 4.5, "B": 8, "C": 8, "D": 18}
