"""Sharing on random trees: never over a line, exact by definition and by an independent solver, fair to the order."""

from collections.abc import Sequence
from random import Random
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]  # it comes without types

from edge.allocation.share import Claim, Line, share
from edge.units import PHASES, Amps

ROTATIONS = (
    PHASES,
    (PHASES[1], PHASES[2], PHASES[0]),
    (PHASES[2], PHASES[0], PHASES[1]),
    (PHASES[0],),
    (PHASES[1],),
    (PHASES[2],),
    (PHASES[0], PHASES[2]),
)
TOLERANCE_A = 1e-6
Vector: TypeAlias = npt.NDArray[np.float64]


def examples(count: int) -> settings:
    """So many, the same in every run."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


class Problem:
    """A random tree of circuits with claims on it, in order of precedence."""

    def __init__(self, rng: Random, *, circuits: int, claims: int) -> None:
        parents: dict[str, str | None] = {"c0": None}
        depth = {"c0": 1}
        for number in range(1, circuits):
            parent = rng.choice([name for name in parents if depth[name] < 6])
            parents[f"c{number}"], depth[f"c{number}"] = parent, depth[parent] + 1
        self.claims = [self._claim(rng, parents) for _ in range(claims)]
        # From too little for the minima to enough for all.
        plenty = rng.choice([0.3, 0.6, 1.0, 1.5])
        self.room = {line: 0.0 for name in parents for line in ((name, phase) for phase in PHASES)}
        for claim in self.claims:
            for line in claim.lines:
                self.room[line] += claim.max_a * plenty * rng.uniform(0.2, 1.0)
        for line in rng.sample(list(self.room), len(self.room) // 10):
            self.room[line] -= rng.choice([0.0, 10.0, 50.0])

    @staticmethod
    def _claim(rng: Random, parents: dict[str, str | None]) -> Claim:
        path = []
        step: str | None = rng.choice(list(parents))
        while step is not None:
            path.append(step)
            step = parents[step]
        min_a = rng.choice([0.0, 6.0, 6.0, 6.0, 10.0])
        return Claim(
            min_a=min_a,
            max_a=rng.choice([min_a, 16.0, 32.0, rng.uniform(max(min_a, 6.0), 40.0)]),
            lines=tuple((name, phase) for name in path for phase in rng.choice(ROTATIONS)),
            rank=rng.choice([0, 0, 1, 2]),
            weight=rng.choice([1.0, 1.0, 2.0, 0.5, rng.uniform(0.1, 5.0)]),
        )

    def used_a(self, amps: Sequence[Amps]) -> dict[Line, Amps]:
        used = dict.fromkeys(self.room, 0.0)
        for claim, given_a in zip(self.claims, amps, strict=True):
            for line in claim.lines:
                used[line] += given_a
        return used

    def share(self) -> list[Amps]:
        return [given.amps for given in share(self.claims, self.room)]

    def __repr__(self) -> str:
        return f"Problem(room={self.room}, claims={self.claims})"


def problems(*, circuits: int, claims: int) -> st.SearchStrategy[Problem]:
    def build(seed: int) -> Problem:
        rng = Random(seed)
        return Problem(rng, circuits=rng.randint(1, circuits), claims=rng.randint(1, claims))

    return st.integers(0, 2**64).map(build)


def admitted(problem: Problem) -> list[bool]:
    """Who gets its minimum: by the rule, in order, what fits beside those before."""
    left = {line: max(amps, 0.0) for line, amps in problem.room.items()}
    fits = []
    for claim in problem.claims:
        fits.append(all(left[line] >= claim.min_a - 1e-9 for line in claim.lines))
        if fits[-1]:
            for line in claim.lines:
                left[line] -= claim.min_a
    return fits


@examples(1500)
@given(problems(circuits=12, claims=25))
def test_no_line_is_over_its_room(problem: Problem) -> None:
    """Neither in a circuit nor in one above it."""
    for line, used_a in problem.used_a(problem.share()).items():
        assert used_a <= max(problem.room[line], 0.0) + TOLERANCE_A, line


@examples(1500)
@given(problems(circuits=12, claims=25))
def test_each_gets_nothing_or_at_least_its_minimum(problem: Problem) -> None:
    """And never more than its maximum; who is admitted is decided by precedence alone."""
    for claim, amps, fits in zip(problem.claims, problem.share(), admitted(problem), strict=True):
        if fits:
            assert claim.min_a - TOLERANCE_A <= amps <= claim.max_a + TOLERANCE_A
        else:
            assert amps == 0.0


@examples(1500)
@given(problems(circuits=12, claims=25))
def test_nobody_can_be_raised_but_at_the_cost_of_one_who_has_no_more(problem: Problem) -> None:
    """The definition: whoever is below its maximum sits on a full line, where nobody it may take from has more.

    It may take from those of a later rank what they have above their minimum, and from those of its own rank what they
    have above their minimum and above it, per weight.
    """
    amps, fits = problem.share(), admitted(problem)
    used = problem.used_a(amps)
    for index, claim in enumerate(problem.claims):
        if not fits[index] or amps[index] >= claim.max_a - TOLERANCE_A:
            continue
        level = amps[index] / claim.weight

        def can_give(line: Line, mine: int = index, mine_level: float = level) -> bool:
            return any(
                amps[other] > problem.claims[other].min_a + TOLERANCE_A
                and (
                    problem.claims[other].rank > problem.claims[mine].rank
                    or (
                        problem.claims[other].rank == problem.claims[mine].rank
                        and amps[other] / problem.claims[other].weight > mine_level + TOLERANCE_A
                    )
                )
                for other in range(len(amps))
                if other != mine and line in problem.claims[other].lines
            )

        full = [line for line in claim.lines if used[line] >= problem.room[line] - TOLERANCE_A]
        assert any(not can_give(line) for line in full), (index, amps)


@examples(300)
@given(problems(circuits=12, claims=25))
def test_what_binds_a_claim_is_full(problem: Problem) -> None:
    """A claim below its maximum names a line that is full, or too full for its minimum; at its maximum none does."""
    shares = share(problem.claims, problem.room)
    used = problem.used_a([given.amps for given in shares])
    minima = problem.used_a(
        [claim.min_a if fits else 0.0 for claim, fits in zip(problem.claims, admitted(problem), strict=True)]
    )
    for claim, given_share, fits in zip(problem.claims, shares, admitted(problem), strict=True):
        line = given_share.bound_by
        if not fits:
            assert line is not None
            assert line in claim.lines
            assert max(problem.room[line], 0.0) - minima[line] < claim.min_a
        elif line is None:
            assert given_share.amps == pytest.approx(claim.max_a, abs=TOLERANCE_A)
        else:
            assert line in claim.lines
            assert used[line] >= problem.room[line] - TOLERANCE_A


@examples(300)
@given(problems(circuits=5, claims=8))
def test_it_is_what_a_linear_solver_finds(problem: Problem) -> None:
    """An oracle that knows nothing of water: each rank's lowest level is raised as far as it goes, then the next."""
    assert problem.share() == pytest.approx(solved(problem), abs=1e-6)


def solved(problem: Problem) -> list[Amps]:
    """Lexicographic max-min by linear programs over the amperes ``a`` and a level ``t``.

    Rank by rank: maximise ``t`` while each free claim has ``a >= w t``; whoever can't have more than that (or than its
    minimum) in any solution is fixed there; again with the others, until nobody is free. Later ranks wait at their
    minima, earlier ones stay where they are.
    """
    fits = admitted(problem)
    low = np.array([claim.min_a if fit else 0.0 for claim, fit in zip(problem.claims, fits, strict=True)])
    high = np.array([claim.max_a if fit else 0.0 for claim, fit in zip(problem.claims, fits, strict=True)])
    lines = np.array([[float(line in claim.lines) for claim in problem.claims] for line in problem.room])
    room = np.array([max(amps, 0.0) for amps in problem.room.values()])
    value = low.copy()
    for rank in sorted({claim.rank for claim in problem.claims}):
        free = [i for i, claim in enumerate(problem.claims) if fits[i] and claim.rank == rank]
        while free:
            level = _most(None, 0.0, free, problem, value, high, lines, room)
            floor = {i: max(value[i], problem.claims[i].weight * level) for i in free}
            stuck = [i for i in free if _most(i, level, free, problem, value, high, lines, room) <= floor[i] + 1e-7]
            assert stuck, "nobody is at the end of its level"
            for i in stuck:
                value[i] = floor[i]
            free = [i for i in free if i not in stuck]
    return [float(amps) for amps in value]


def _most(
    one: int | None,
    level: float,
    free: list[int],
    problem: Problem,
    value: Vector,
    high: Vector,
    lines: Vector,
    room: Vector,
) -> float:
    """The most that one can have while all the free are at the level at least; or, for None, the highest level."""
    count = len(value)
    above_level = np.zeros((len(free), count + 1))
    for row, i in enumerate(free):
        above_level[row, i], above_level[row, count] = -1.0, problem.claims[i].weight
    slack = 1e-9  # for the rounding of the levels before
    found = linprog(
        -np.eye(count + 1)[count if one is None else one],
        A_ub=np.vstack([np.hstack([lines, np.zeros((len(lines), 1))]), above_level]),
        b_ub=np.concatenate([room + slack, np.full(len(free), slack)]),
        bounds=[
            *((value[i], max(high[i], value[i]) if i in free else value[i]) for i in range(count)),
            (0.0, None) if one is None else (level, level),
        ],
        method="highs",
    )
    assert found.success, found.message
    return float(-found.fun)


@examples(300)
@given(problems(circuits=8, claims=12), st.randoms(use_true_random=False))
def test_the_order_of_those_who_are_admitted_does_not_matter(problem: Problem, rng: Random) -> None:
    """Where all minima fit, permuting the claims permutes the answer: order decides who is admitted, nothing else."""
    fits = admitted(problem)
    problem.claims = [claim for claim, fit in zip(problem.claims, fits, strict=True) if fit]
    before = problem.share()
    order = list(range(len(problem.claims)))
    rng.shuffle(order)
    problem.claims = [problem.claims[i] for i in order]
    assert problem.share() == pytest.approx([before[i] for i in order], abs=TOLERANCE_A)


@examples(300)
@given(problems(circuits=1, claims=12), st.floats(0.0, 30.0))
def test_less_room_gives_no_more_on_one_circuit_while_the_same_are_admitted(problem: Problem, less_a: float) -> None:
    """And nobody gets more than before: on a single line what one loses no other gains."""
    problem.claims = [
        Claim(min_a=c.min_a, max_a=c.max_a, lines=(("c0", PHASES[0]),), rank=c.rank, weight=c.weight)
        for c in problem.claims
    ]
    before, was = problem.share(), admitted(problem)
    problem.room = {line: room - less_a for line, room in problem.room.items()}
    if admitted(problem) == was:
        for amps, earlier in zip(problem.share(), before, strict=True):
            assert amps <= earlier + TOLERANCE_A


def test_less_room_can_give_a_higher_sum() -> None:
    """By the nature of admission and of max-min: no promise is made of the sum, only that no line is over its room."""
    l1, l2 = ("main", PHASES[0]), ("main", PHASES[1])

    def amps(room_a: dict[Line, Amps], *claims: Claim) -> list[Amps]:
        return [given.amps for given in share(claims, room_a)]

    # A minimum that no longer fits on L1 frees the claim's other phase.
    cars = [Claim(min_a=6, max_a=32, lines=lines) for lines in ((l1,), (l1, l2), (l2,))]
    assert amps({l1: 12.0, l2: 32.0}, *cars) == [6, 6, 26]
    assert amps({l1: 11.0, l2: 32.0}, *cars) == [11, 0, 32]
    # Admission apart: a three-phase car that is held back on L2 leaves L1 and L3 to two others.
    l3 = ("main", PHASES[2])
    cars = [Claim(min_a=0, max_a=16, lines=lines) for lines in ((l1,), (l1, l2, l3), (l3,))]
    assert amps({l1: 16.0, l2: 10.0, l3: 16.0}, *cars) == [8, 8, 8]
    assert amps({l1: 16.0, l2: 6.0, l3: 16.0}, *cars) == [10, 6, 10]
