"""The solver on cases from practice, in amperes, and each row of its order of precedence."""

from dataclasses import dataclass

import pytest

from edge.allocation.problem import Branch, Capacity, Need, Outlet, Problem, Wiring
from edge.allocation.solve import solve
from edge.units import PHASES, Amps
from tests.unit.allocation.solve_sites import L1, L2, L3, Car, circuit, limits, site

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    problem: Problem
    expected: dict[str, Amps]


def _garage(amps: Amps) -> dict[str, tuple[str, Capacity]]:
    return {"garage": ("main", circuit(amps))}


# What users of other controllers report, and what must happen instead.
PRACTICE = {
    "what one doesn't want, the other gets": Case(
        problem=site(circuit(32), {"A": Car(wants_a=32), "B": Car(wants_a=8)}),
        expected={"A": 24, "B": 8},
    ),
    "three share, none is capped to 3 A": Case(
        problem=site(circuit(35), {name: Car(wants_a=16) for name in "ABC"}),
        expected={"A": 11.667, "B": 11.667, "C": 11.667},
    ),
    "the third waits": Case(
        problem=site(circuit(15), {"A": Car(charging=True), "B": Car(charging=True), "C": Car(since_s=0.0)}),
        expected={"A": 7.5, "B": 7.5, "C": 0},
    ),
    "7/7 of 14 A falls to 11: one keeps all, one pauses": Case(
        problem=site(circuit(11), {"A": Car(charging=True, since_s=20.0), "B": Car(charging=True, since_s=10.0)}),
        expected={"A": 0, "B": 11},
    ),
    "a sub-circuit of half the size": Case(
        problem=site(
            circuit(32),
            {
                "above": Car(wants_a=16, phases=PHASES, min_a=10, rank=0),
                "below": Car(wants_a=16, phases=PHASES, circuit="garage", rank=0),
                "last": Car(wants_a=16, phases=PHASES, circuit="garage", rank=1),
            },
            below=_garage(16),
        ),
        expected={"above": 16, "below": 10, "last": 6},
    ),
    "never above what is left beside the building": Case(
        problem=site(circuit(10, background=(3.2, 0, 0)), {"new": Car()}),
        expected={"new": 6.8},
    ),
    "overload on L3 leaves L1 alone": Case(
        problem=site(circuit(20, background=(0, 0, 25)), {"one": Car(phases=(L1,)), "three": Car(phases=(L3,))}),
        expected={"one": 20, "three": 0},
    ),
}

PRECEDENCE = {
    "minima: rank before who charges": Case(
        problem=site(circuit(7), {"A": Car(charging=True, rank=1), "B": Car(rank=0)}),
        expected={"A": 0, "B": 7},
    ),
    "minima: who charges before the longest wait": Case(
        problem=site(circuit(7), {"A": Car(since_s=1.0), "B": Car(charging=True, since_s=9.0)}),
        expected={"A": 0, "B": 7},
    ),
    "minima: the longest wait before the id": Case(
        problem=site(circuit(7), {"A": Car(since_s=9.0), "B": Car(since_s=1.0)}),
        expected={"A": 0, "B": 7},
    ),
    "minima: no waiting time comes last": Case(
        problem=site(circuit(7), {"A": Car(), "B": Car(since_s=1e12)}),
        expected={"A": 0, "B": 7},
    ),
    "minima: the id at last, not the place in the list": Case(
        problem=site(circuit(7), {"B": Car(), "A": Car()}),
        expected={"B": 0, "A": 7},
    ),
    "a minimum too large is passed over, not waited for": Case(
        problem=site(circuit(14), {"A": Car(), "B": Car(min_a=10), "C": Car()}),
        expected={"A": 7, "B": 0, "C": 7},
    ),
    "the minima of a later rank come before the rest of an earlier one": Case(
        problem=site(circuit(20), {"A": Car(rank=0), "B": Car(rank=1)}),
        expected={"A": 14, "B": 6},
    ),
    "weights share inside a rank": Case(
        problem=site(circuit(30), {"A": Car(weight=2.0), "B": Car(weight=1.0)}),
        expected={"A": 20, "B": 10},
    ),
    "a weight never takes a minimum": Case(
        problem=site(circuit(30), {"A": Car(weight=100.0), "B": Car(weight=0.001)}),
        expected={"A": 24, "B": 6},
    ),
    "what a full sub-circuit can't take goes to the others": Case(
        problem=site(
            circuit(50),
            {"A": Car(), "B": Car(circuit="garage"), "C": Car(circuit="garage")},
            below=_garage(16),
        ),
        expected={"A": 32, "B": 8, "C": 8},
    ),
    "rotated phases meet where they meet": Case(
        problem=site(
            circuit([32, 20, 32]),
            {"A": Car(phases=(L2,)), "B": Car(phases=(L2, L3)), "C": Car(phases=(L3,)), "D": Car(phases=(L1,))},
        ),
        expected={"A": 10, "B": 10, "C": 22, "D": 32},
    ),
    "a power limit counts each phase": Case(
        problem=site(circuit(None, watts=230 * 40), {"A": Car(phases=PHASES), "B": Car(phases=(L1,))}),
        expected={"A": 10, "B": 10},
    ),
    "a power limit and a phase limit, whichever is full first": Case(
        problem=site(circuit([10, None, None], watts=230 * 40), {"A": Car(phases=(L1,)), "B": Car(phases=(L2, L3))}),
        expected={"A": 10, "B": 15},
    ),
    "a background counts against the power limit": Case(
        problem=site(circuit(None, watts=230 * 40, background=(5, 10, 5)), {"A": Car(phases=(L1,))}),
        expected={"A": 20},
    ),
    "export makes room": Case(
        problem=site(circuit(10, background=(-4, 0, 0)), {"A": Car()}),
        expected={"A": 14},
    ),
    "a background counts at its own circuit only": Case(
        problem=site(
            circuit(32),
            {"A": Car(), "B": Car(circuit="garage")},
            below={"garage": ("main", circuit(20, background=(10, 0, 0)))},
        ),
        expected={"A": 22, "B": 10},
    ),
    "no limit at all": Case(problem=site(circuit(None), {"A": Car()}), expected={"A": 32}),
    "less wanted than the minimum is nothing": Case(
        problem=site(circuit(32), {"A": Car(wants_a=5), "B": Car(wants_a=0), "C": Car()}),
        expected={"A": 0, "B": 0, "C": 32},
    ),
}

NEEDS = {
    "the rate that makes it ready is a floor": Case(
        problem=site(
            circuit(30),
            {"A": Car(need=Need(energy_wanted_wh=230 * 20, time_left_s=HOUR_S)), "B": Car()},
        ),
        expected={"A": 20, "B": 10},
    ),
    "a floor below the fair share changes nothing": Case(
        problem=site(
            circuit(30),
            {"A": Car(need=Need(energy_wanted_wh=230 * 8, time_left_s=HOUR_S)), "B": Car()},
        ),
        expected={"A": 15, "B": 15},
    ),
    "three phases need a third of the current": Case(
        problem=site(
            circuit(30),
            {"A": Car(phases=PHASES, need=Need(energy_wanted_wh=3 * 230 * 20, time_left_s=HOUR_S)), "B": Car()},
        ),
        expected={"A": 20, "B": 10},
    ),
    "least slack first, as far as it fits": Case(
        problem=site(
            circuit(40),
            {
                "A": Car(need=Need(energy_wanted_wh=230 * 2 * 24, time_left_s=2 * HOUR_S)),  # 24 A, slack 30 min
                "B": Car(need=Need(energy_wanted_wh=230 * 26, time_left_s=HOUR_S)),  # 26 A, slack 11 min
            },
        ),
        expected={"A": 14, "B": 26},
    ),
    "a departure that has passed wants all": Case(
        problem=site(circuit(40), {"A": Car(need=Need(energy_wanted_wh=10, time_left_s=-1)), "B": Car()}),
        expected={"A": 32, "B": 8},
    ),
    "no energy wanted is no need": Case(
        problem=site(circuit(40), {"A": Car(need=Need(energy_wanted_wh=0, time_left_s=-1)), "B": Car()}),
        expected={"A": 20, "B": 20},
    ),
    "a need doesn't reach into an earlier rank": Case(
        problem=site(
            circuit(30), {"A": Car(rank=1, need=Need(energy_wanted_wh=9999, time_left_s=60)), "B": Car(rank=0)}
        ),
        expected={"A": 6, "B": 24},
    ),
    "a floor is a whole step, and not too late": Case(
        problem=site(
            circuit(30),
            {"A": Car(step_a=1, need=Need(energy_wanted_wh=230 * 19.2, time_left_s=HOUR_S)), "B": Car()},
        ),
        expected={"A": 20, "B": 10},
    ),
}

STEPS = {
    "rounded down, and the step that still fits given out by id": Case(
        problem=site(circuit(35), {name: Car(wants_a=16, step_a=1) for name in "CBA"}),
        expected={"C": 11, "B": 12, "A": 12},
    ),
    "whoever is furthest below comes first": Case(
        problem=site(circuit(31), {"A": Car(step_a=1, weight=20.2), "B": Car(step_a=1, weight=10.8)}),
        expected={"A": 20, "B": 11},
    ),
    "a rank before a shortfall": Case(
        problem=site(
            circuit(15.5),
            {"A": Car(step_a=1, wants_a=16, rank=0), "B": Car(step_a=1, rank=1), "C": Car(step_a=0.1, rank=1, min_a=0)},
        ),
        expected={"A": 9, "B": 6, "C": 0.5},
    ),
    "what no step fits goes to the continuous": Case(
        problem=site(circuit(15), {"A": Car(step_a=1), "B": Car()}),
        expected={"A": 7, "B": 8},
    ),
    "tenths": Case(
        problem=site(circuit(20), {name: Car(step_a=0.1) for name in "ABC"}),
        expected={"A": 6.7, "B": 6.7, "C": 6.6},
    ),
    "a fine step takes at once what a coarse one leaves": Case(
        problem=site(
            circuit(10_000),
            {
                "coarse": Car(step_a=9000, min_a=0, max_a=1e5, wants_a=1e5),
                "fine": Car(step_a=0.001, min_a=0, max_a=1e5, wants_a=1e5),
            },
        ),
        expected={"coarse": 0, "fine": 10_000},
    ),
    "a minimum between two steps is the upper one": Case(
        problem=site(circuit(6.9), {"A": Car(min_a=6.5, step_a=1)}),
        expected={"A": 0},
    ),
    "a demand between two steps is the lower one": Case(
        problem=site(circuit(32), {"A": Car(wants_a=13.9, step_a=1)}),
        expected={"A": 13},
    ),
}


@pytest.mark.parametrize("name", PRACTICE)
def test_practice(name: str) -> None:
    """Cases that peers fail at."""
    assert limits(PRACTICE[name].problem) == PRACTICE[name].expected


@pytest.mark.parametrize("name", PRECEDENCE)
def test_precedence(name: str) -> None:
    """Minima, ranks, weights, and what limits count."""
    assert limits(PRECEDENCE[name].problem) == PRECEDENCE[name].expected


@pytest.mark.parametrize("name", NEEDS)
def test_needs(name: str) -> None:
    """Floors for cars whose energy and departure are known."""
    assert limits(NEEDS[name].problem) == NEEDS[name].expected


@pytest.mark.parametrize("name", STEPS)
def test_steps(name: str) -> None:
    """Whole steps, and what rounding leaves over."""
    assert limits(STEPS[name].problem) == STEPS[name].expected


def test_headroom_is_what_the_contract_says() -> None:
    """Limit less this circuit's own background less its EVSEs; None without a limit."""
    problem = site(
        circuit(32, background=(2, 0, 1.5)),
        {"CP3": Car(wants_a=16, phases=PHASES, circuit="garage")},
        below={"garage": ("main", circuit([16, 16, None]))},
    )
    assert solve(problem).headroom_a == ((14.0, 16.0, 14.5), (0.0, 0.0, None))


def test_a_wiring_without_evses() -> None:
    """Nobody to serve is no fault; the headroom is still told."""
    solution = solve(site(circuit(16), {}))
    assert (solution.limits_a, solution.headroom_a) == ((), ((16.0, 16.0, 16.0),))


@pytest.mark.parametrize(
    ("branches", "outlets", "words"),
    [
        ([("a", "b"), ("b", "a"), ("c", None)], [], "doesn't lead to the grid connection"),
        ([("a", "b")], [], "not exactly one circuit has no parent"),
        ([("a", None), ("b", None)], [], "not exactly one circuit has no parent"),
        ([("a", None), ("b", "c")], [], "doesn't lead to the grid connection"),
        ([("a", None), ("a", None)], [], "two circuits have the same id"),
        ([("a", None)], [("x", "a"), ("x", "a")], "two EVSEs have the same id"),
        ([("a", None)], [("x", "b")], "there is no circuit 'b'"),
    ],
)
def test_a_wiring_that_is_no_tree_is_refused(
    branches: list[tuple[str, str | None]], outlets: list[tuple[str, str]], words: str
) -> None:
    """What can't be laid out is an error at once, never an endless walk."""
    wiring = Wiring(
        branches=tuple(Branch(id=name, parent=parent) for name, parent in branches),
        outlets=tuple(Outlet(id=name, circuit=on, phases=(L2,)) for name, on in outlets),
    )
    with pytest.raises(ValueError, match=words):
        wiring.layout  # noqa: B018


def test_a_problem_that_doesnt_match_its_wiring_is_refused() -> None:
    """A claim for each outlet, a capacity for each branch."""
    wiring = Wiring(branches=(Branch(id="a", parent=None),), outlets=())
    with pytest.raises(ValueError, match="one claim for each outlet"):
        solve(Problem(wiring=wiring, capacities=(), claims=()))
