"""What less headroom does to the shares: where it never raises the sum, where it may, and what is true everywhere."""

from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from edge.allocation.problem import Branch, Capacity, Claim, Outlet, Problem, Wiring
from edge.allocation.solution import Solution
from edge.allocation.solve import solve
from edge.units import PHASES, Amps, PhaseAmps
from tests.property.solve_examples import examples
from tests.property.solve_problems import ROTATIONS, SINGLE, problem

TOLERANCE_A = 1e-6

seeds = st.integers(0, 2**32 - 1)

# Phases of which any two are the same or have nothing in common, and steps that all share.
APART = ((ROTATIONS[0],), (ROTATIONS[3],), (PHASES[1:],), SINGLE, (PHASES[:1],), (PHASES[:2], PHASES[2:]))
ALIKE_A = (0.0, 0.1, 1.0)


@examples(300)
@given(seed=seeds, cut=st.floats(0.0, 1.0))
def test_less_headroom_never_raises_the_sum_where_circuits_are_nested(seed: int, cut: float) -> None:
    """The widest form in which it is true: the sets of EVSEs on any two limits are nested or apart (EVSEs on the same
    phases or on none in common; power limits where all use the same), all have the same step, and the cut doesn't
    change who is admitted. Then whatever is left is in somebody's use, whatever ranks, weights, needs and minima say,
    and the sum is what the circuits can carry."""
    rng = Random(seed)
    phases = rng.choice(APART)
    before = problem(rng, steps_a=(rng.choice(ALIKE_A),), phases=phases, powers=len(phases) == 1)
    wide, tight = solve(before), solve(_cut_somewhere(rng, before, cut))
    assume(_admitted(wide) == _admitted(tight))
    assert sum(tight.limits_a) <= sum(wide.limits_a) + TOLERANCE_A


@examples(100)
@given(seed=seeds, cut=st.floats(0.0, 1.0))
def test_less_headroom_never_serves_the_worst_served_better(seed: int, cut: float) -> None:
    """What is true on every tree, for those of one rank whose minima are 0: the fair share of the worst served, by
    weight, is no more with less headroom; nor is the second worst where that one is the same, and so on."""
    rng = Random(seed)
    before = problem(rng, steps_a=(0.0,), needs=False)
    before = replace(before, claims=tuple(replace(claim, min_a=0.0, rank=0) for claim in before.claims))
    for wide, tight in zip(_by_weight(before), _by_weight(_cut_somewhere(rng, before, cut)), strict=True):
        assert tight <= wide + TOLERANCE_A
        if tight < wide - TOLERANCE_A:
            break


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


def _cut_somewhere(rng: Random, before: Problem, share: float) -> Problem:
    """One circuit has less room on one phase or all, or less power."""
    place = rng.randrange(len(before.capacities))
    capacities = list(before.capacities)
    capacities[place] = _cut(rng, capacities[place], share)
    return replace(before, capacities=tuple(capacities))


def _cut(rng: Random, capacity: Capacity, share: float) -> Capacity:
    on = rng.choice((PHASES, PHASES, *SINGLE))
    l1, l2, l3 = (
        amps * share if amps is not None and phase in on else amps
        for phase, amps in zip(PHASES, capacity.limit_a, strict=True)
    )
    limit_w = capacity.limit_w
    if limit_w is not None and rng.random() < 0.5:
        limit_w *= share
    return replace(capacity, limit_a=(l1, l2, l3), limit_w=limit_w)


def _by_weight(given_problem: Problem) -> list[float]:
    """The shares per weight, the lowest first."""
    amps = solve(given_problem).limits_a
    return sorted(each / claim.weight for each, claim in zip(amps, given_problem.claims, strict=True))


def _admitted(solution: Solution) -> list[int]:
    """Numbers of the EVSEs that were admitted, in order of precedence."""
    rows = solution.case.columns.order
    return [int(solution.case.layout.rows[row]) for row in rows if solution.admitted.rows[row]]
