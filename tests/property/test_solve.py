"""The solver on random trees: never over a limit, exact by linear programs, fair to the order, nothing left lying."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allocation.problem import Branch, Capacity, Claim, Outlet, Problem, Wiring
from edge.allocation.solution import Solution
from edge.allocation.solve import solve
from edge.domain.setpoint import Reason
from edge.domain.site import EvseKey
from edge.units import PHASES, Amps, PhaseAmps
from tests.property.solve_oracle import Oracle
from tests.property.solve_problems import MIXED, SINGLE, problem, shuffled

TOLERANCE_A = 1e-6
RAISE_A = 1e-4  # more than any tolerance lets a continuous EVSE rise

seeds = st.integers(0, 2**32 - 1)
balances = st.booleans()


def examples(count: int) -> settings:
    """So many, the same in every run."""
    return settings(max_examples=count, derandomize=True, deadline=None, database=None)


@examples(300)
@given(seed=seeds)
def test_exact_by_linear_programs(seed: int) -> None:
    """Admission, floors and max-min shares of continuous EVSEs are those of a chain of linear programs."""
    given_problem = problem(Random(seed), steps_a=(0.0,))
    assert solve(given_problem).limits_a == pytest.approx(Oracle(given_problem).answer(), abs=TOLERANCE_A)


@examples(30)
@given(seed=seeds)
def test_exact_by_linear_programs_on_larger_sites(seed: int) -> None:
    """The same with up to 40 EVSEs."""
    given_problem = problem(Random(seed), evses=40, circuits=12, steps_a=(0.0,))
    assert solve(given_problem).limits_a == pytest.approx(Oracle(given_problem).answer(), abs=TOLERANCE_A)


@examples(100)
@given(seed=seeds)
def test_exact_in_balance_where_nobody_competes_for_it(seed: int) -> None:
    """With an imbalance limit and EVSEs of one phase, without power limits, the shares of those admitted are those of
    linear programs that have the limit as rows."""
    given_problem = problem(
        Random(seed), evses=8, steps_a=(0.0,), phases=SINGLE, powers=False, needs=False, imbalance=True
    )
    solution = solve(given_problem)
    oracle = Oracle(given_problem)
    assert solution.limits_a == pytest.approx(oracle.answer(among=_admitted(solution)), abs=TOLERANCE_A)


@examples(200)
@given(seed=seeds, imbalance=balances)
def test_never_over_a_limit(seed: int, imbalance: bool) -> None:
    """Circuits, powers and balance hold; each EVSE has 0, or whole steps from its minimum to what its car can use."""
    given_problem = problem(Random(seed), evses=14, imbalance=imbalance)
    limits_a = solve(given_problem).limits_a
    oracle = Oracle(given_problem)
    assert (oracle.matrix @ np.array(limits_a) <= oracle.bound + TOLERANCE_A).all()
    for amps, claim in zip(limits_a, given_problem.claims, strict=True):
        assert amps == 0 or amps >= claim.min_a - TOLERANCE_A
        assert amps <= min(claim.max_a, claim.demand_a) + TOLERANCE_A
        if claim.step_a > 0:
            assert abs(amps / claim.step_a - round(amps / claim.step_a)) < TOLERANCE_A


@examples(200)
@given(seed=seeds, imbalance=balances)
def test_nothing_is_left_that_one_could_use_alone(seed: int, imbalance: bool) -> None:
    """Nobody can be raised by a step, nor admitted at its minimum, while all others keep what they have."""
    given_problem = problem(Random(seed), evses=14, imbalance=imbalance)
    limits_a = solve(given_problem).limits_a
    oracle = Oracle(given_problem)
    for number, claim in enumerate(given_problem.claims):
        raised = np.array(limits_a)
        raised[number] = _next(claim, limits_a[number])
        if raised[number] <= min(claim.max_a, claim.demand_a):
            assert (oracle.matrix @ raised > oracle.bound).any()


@examples(150)
@given(seed=seeds, imbalance=balances)
def test_the_order_of_the_input_plays_no_part(seed: int, imbalance: bool) -> None:
    """Permuting EVSEs and circuits permutes the answer, to the last bit."""
    rng = Random(seed)
    given_problem = problem(rng, evses=14, imbalance=imbalance)
    other, places = shuffled(rng, given_problem)
    limits_a, setpoints = _told(given_problem)
    others_a, other_setpoints = _told(other)
    assert others_a == [limits_a[place] for place in places]
    assert other_setpoints == [setpoints[place] for place in places]


@examples(50)
@given(seed=seeds, imbalance=balances)
def test_the_same_problem_has_the_same_answer(seed: int, imbalance: bool) -> None:
    """Asked twice, and with a wiring made afresh."""
    first = problem(Random(seed), imbalance=imbalance)
    second = problem(Random(seed), imbalance=imbalance)
    assert _told(first) == _told(first) == _told(second)


@examples(150)
@given(seed=seeds, imbalance=balances)
def test_the_reason_is_true(seed: int, imbalance: bool) -> None:
    """Whoever is held by its car or itself has its all; whoever is held by a circuit finds that circuit full."""
    given_problem = problem(Random(seed), evses=14, imbalance=imbalance)
    solution = solve(given_problem)
    for number, claim in enumerate(given_problem.claims):
        setpoint = solution.setpoint(number, EvseKey(station="x", evse=1))
        most_a = min(claim.max_a, claim.demand_a)
        step_a = max(claim.step_a, RAISE_A)
        assert setpoint.limit_a is not None
        assert "None" not in setpoint.text
        match setpoint.reason:
            case Reason.DEMAND_MET | Reason.MAXIMUM:
                assert setpoint.limit_a > most_a - step_a
            case Reason.CIRCUIT_FULL | Reason.IMBALANCE:
                assert setpoint.used_a is not None
                assert setpoint.rating_a is not None
                assert setpoint.used_a + step_a > setpoint.rating_a - TOLERANCE_A
            case Reason.CIRCUIT_POWER_FULL:
                assert setpoint.used_w is not None
                assert setpoint.rating_w is not None
                phases = len(given_problem.wiring.outlets[number].phases)
                volts = given_problem.nominal_voltage_v
                assert setpoint.used_w + step_a * phases * volts > setpoint.rating_w - TOLERANCE_A * volts
            case Reason.READY_IN_TIME:
                assert claim.need is not None
                assert setpoint.limit_a >= claim.min_a
            case _:
                assert setpoint.limit_a == 0


@examples(100)
@given(seed=seeds, cut=st.floats(0.0, 1.0))
def test_less_headroom_never_raises_the_sum_on_one_phase_set(seed: int, cut: float) -> None:
    """Where all EVSEs use the same phases, no power limit couples them and all minima still fit, cutting a limit
    anywhere never raises the sum: then whatever is left anywhere is in somebody's use."""
    rng = Random(seed)
    phases = rng.choice(MIXED)
    before = problem(rng, steps_a=(0.0,), phases=(phases,), powers=False, needs=False)
    before = replace(before, claims=tuple(replace(claim, min_a=0.0) for claim in before.claims))
    place = rng.randrange(len(before.capacities))
    capacity = before.capacities[place]
    l1, l2, l3 = (None if amps is None else amps * cut for amps in capacity.limit_a)
    cut_capacity = replace(capacity, limit_a=(l1, l2, l3))
    after = replace(before, capacities=(*before.capacities[:place], cut_capacity, *before.capacities[place + 1 :]))
    assert sum(solve(after).limits_a) <= sum(solve(before).limits_a) + TOLERANCE_A


def test_less_headroom_may_raise_the_sum_across_phases() -> None:
    """It isn't so in general: a cut on L1 lowers the car on three phases and so frees L2 and L3 for two others. The
    fair shares are right both times."""
    before = _one_circuit((12.0, 12.0, 12.0), (PHASES, (PHASES[1],), (PHASES[2],)))
    after = _one_circuit((6.0, 12.0, 12.0), (PHASES, (PHASES[1],), (PHASES[2],)))
    assert solve(before).limits_a == (6.0, 6.0, 6.0)
    assert solve(after).limits_a == (6.0, 6.0, 6.0)
    after = _one_circuit((3.0, 12.0, 12.0), (PHASES, (PHASES[1],), (PHASES[2],)))
    assert solve(after).limits_a == (3.0, 9.0, 9.0)


def test_less_headroom_may_raise_the_sum_where_a_minimum_no_longer_fits() -> None:
    """Nor with minima: a cut that puts out the first car of two phases lets in two of one phase."""
    phases = (PHASES[:2], (PHASES[0],), (PHASES[1],))
    minima = (10.0, 6.0, 6.0)
    before = _one_circuit((10.0, 10.0, None), phases, minima=minima)
    after = _one_circuit((9.9, 10.0, None), phases, minima=minima)
    assert solve(before).limits_a == (10.0, 0.0, 0.0)
    assert solve(after).limits_a == (0.0, 9.9, 10.0)


def _one_circuit(
    limit_a: tuple[Amps | None, Amps | None, Amps | None],
    phases: tuple[tuple[object, ...], ...],
    minima: tuple[Amps, ...] = (0.0, 0.0, 0.0),
) -> Problem:
    outlets = tuple(
        Outlet(id=f"cp-{number}", circuit="main", phases=tuple(phase for phase in PHASES if phase in used))
        for number, used in enumerate(phases)
    )
    return Problem(
        wiring=Wiring(branches=(Branch(id="main", parent=None),), outlets=outlets),
        capacities=(Capacity(limit_a=limit_a, background_a=PhaseAmps.same(0.0)),),
        claims=tuple(Claim(min_a=min_a, max_a=32.0, demand_a=32.0) for min_a in minima),
    )


def _admitted(solution: Solution) -> list[int]:
    """Numbers of the EVSEs that were admitted, in order of precedence."""
    rows = solution.case.columns.order
    return [int(solution.case.layout.rows[row]) for row in rows if solution.admitted.rows[row]]


def _told(given_problem: Problem) -> tuple[list[Amps], list[str]]:
    solution = solve(given_problem)
    key = EvseKey(station="x", evse=1)
    texts = [solution.setpoint(number, key).text for number in range(len(given_problem.claims))]
    return list(solution.limits_a), texts


def _next(claim: Claim, amps: Amps) -> Amps:
    """The next that the EVSE could have."""
    if claim.step_a == 0:
        return max(claim.min_a, amps + RAISE_A)
    return max(math.ceil(claim.min_a / claim.step_a - TOLERANCE_A) * claim.step_a, amps + claim.step_a)
