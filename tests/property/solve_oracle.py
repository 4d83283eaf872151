"""The allocation by its definition, one linear program after the other (HiGHS). Slow, and shares no code with the
solver: rows and columns are built from the problem itself. Continuous EVSEs only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog  # type: ignore[import-untyped]

from edge.allocation.problem import Problem
from edge.units import PHASES, Phase

TINY_A = 1e-9
SAME_A = 1e-7  # what a chain of linear programs may miss
HAIR_A = 1e-9  # of room that each program has more than the one before: it must bear what that one has found
TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


class Oracle:
    """One problem as rows ``matrix @ x <= bound``."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.count = len(problem.claims)
        self._programs = 0
        rows: list[list[float]] = []
        bound: list[float] = []
        for number, branch in enumerate(problem.wiring.branches):
            capacity = problem.capacities[number]
            below = [branch.id in self._path(outlet.circuit) for outlet in problem.wiring.outlets]
            for phase, limit_a, background_a in zip(PHASES, capacity.limit_a, capacity.background_a, strict=True):
                if limit_a is not None:
                    rows.append([float(on and self._uses(i, phase)) for i, on in enumerate(below)])
                    bound.append(max(limit_a - background_a, 0.0))
            if capacity.limit_w is not None:
                rows.append([float(len(problem.wiring.outlets[i].phases) * on) for i, on in enumerate(below)])
                bound.append(max(capacity.limit_w / problem.nominal_voltage_v - sum(capacity.background_a), 0.0))
        self.tree_rows = len(rows)
        if problem.imbalance_limit_a is not None:
            root = next(n for n, branch in enumerate(problem.wiring.branches) if branch.parent is None)
            background = problem.capacities[root].background_a
            for high in PHASES:
                for low in PHASES:
                    if high != low:
                        rows.append([float(self._uses(i, high)) - self._uses(i, low) for i in range(self.count)])
                        ahead = background[high] - background[low]
                        bound.append(max(problem.imbalance_limit_a, ahead) - ahead)
        self.matrix: NDArray[np.float64] = np.array(rows).reshape(len(rows), self.count)
        self.bound: NDArray[np.float64] = np.array(bound)
        self.most = [min(claim.max_a, claim.demand_a) for claim in problem.claims]

    def answer(self, among: Sequence[int] | None = None) -> list[float]:
        """The limits of the EVSEs in the problem's order; ``among`` are those admitted, if that is not in question."""
        admitted = self.admitted() if among is None else list(among)
        lower = [claim.min_a if i in admitted else 0.0 for i, claim in enumerate(self.problem.claims)]
        upper = [most if i in admitted else 0.0 for i, most in enumerate(self.most)]
        for rank in sorted({self.problem.claims[i].rank for i in admitted}):
            members = [i for i in admitted if self.problem.claims[i].rank == rank]
            lower = self._with_floors(members, lower, upper)
            for i, amps in self._max_min(members, lower, upper).items():
                lower[i] = upper[i] = amps
        return lower

    def admitted(self) -> list[int]:
        """In order of precedence; each EVSE whose minimum leaves a feasible program with those before it."""

        def precedence(i: int) -> tuple[int, bool, float, str]:
            claim = self.problem.claims[i]
            since = claim.waiting_since_s if claim.waiting_since_s is not None else float("inf")
            return claim.rank, not claim.charging, since, self.problem.wiring.outlets[i].id

        admitted: list[int] = []
        for i in sorted(range(self.count), key=precedence):
            if self.most[i] < self.problem.claims[i].min_a or self.most[i] <= 0:
                continue
            on = np.zeros(self.count)
            on[[*admitted, i]] = [self.problem.claims[j].min_a for j in (*admitted, i)]
            if (self.matrix @ on <= self.bound + TINY_A * 1000).all():
                admitted.append(i)
        return admitted

    def _with_floors(self, members: Sequence[int], lower: list[float], upper: list[float]) -> list[float]:
        lower = list(lower)
        for i in sorted(members, key=self._slack_s):  # members are in order of precedence
            rate = self._rate(i)
            if rate > lower[i]:
                lower[i] = min(rate, self._highest(i, lower, upper))
        return lower

    def _full_rate_s(self, i: int) -> float:
        need = self.problem.claims[i].need
        power_w = self.problem.nominal_voltage_v * len(self.problem.wiring.outlets[i].phases) * self.most[i]
        return 0.0 if need is None else need.energy_wanted_wh / power_w * 3600

    def _slack_s(self, i: int) -> float:
        need = self.problem.claims[i].need
        return float("inf") if need is None else need.time_left_s - self._full_rate_s(i)

    def _rate(self, i: int) -> float:
        need = self.problem.claims[i].need
        if need is None or need.energy_wanted_wh == 0:
            return 0.0
        if need.time_left_s <= 0:
            return self.most[i]
        return min(self.most[i], self.most[i] * self._full_rate_s(i) / need.time_left_s)

    def _max_min(self, members: Sequence[int], lower: Sequence[float], upper: Sequence[float]) -> dict[int, float]:
        """Raise the lowest as far as it goes, settle whoever can't go further, and again with the others."""
        lower, upper = list(lower), list(upper)
        weight = [claim.weight for claim in self.problem.claims]
        rising = [i for i in members if upper[i] > lower[i] + TINY_A]
        settled = {i: lower[i] for i in members if i not in rising}
        while rising:
            level = self._level(rising, lower, upper)
            base = list(lower)
            for i in rising:
                base[i] = min(max(lower[i], weight[i] * level), upper[i])
            candidates = self._candidates(rising, base, upper)
            stuck = [i for i in candidates if self._highest(i, base, upper) <= base[i] + SAME_A]
            assert stuck, "at the highest level somebody can't rise"
            for i in stuck:
                settled[i] = lower[i] = upper[i] = base[i]
                rising.remove(i)
        return settled

    def _level(self, rising: Sequence[int], lower: Sequence[float], upper: Sequence[float]) -> float:
        """The highest level at which all of ``rising`` can be, none beyond its upper bound."""
        above = np.zeros((len(rising), self.count + 1))
        for row, i in enumerate(rising):
            above[row, i], above[row, -1] = -1.0, self.problem.claims[i].weight
        cost = np.zeros(self.count + 1)
        cost[-1] = -1.0
        top = min(upper[i] / self.problem.claims[i].weight for i in rising)
        found = self._solved(cost, [*zip(lower, upper, strict=True), (None, top)], above)
        return float(found[-1])

    def _candidates(self, rising: Sequence[int], base: Sequence[float], upper: Sequence[float]) -> list[int]:
        """Those of ``rising`` who don't rise when their sum is the largest: only they may be stuck."""
        cost = np.zeros(self.count)
        cost[list(rising)] = -1.0
        found = self._solved(cost, list(zip(base, upper, strict=True)))
        return [i for i in rising if found[i] <= base[i] + SAME_A]

    def _highest(self, i: int, lower: Sequence[float], upper: Sequence[float]) -> float:
        cost = np.zeros(self.count)
        cost[i] = -1.0
        return float(self._solved(cost, list(zip(lower, upper, strict=True)))[i])

    def _uses(self, i: int, phase: Phase) -> bool:
        return phase in self.problem.wiring.outlets[i].phases

    def _path(self, circuit: str) -> set[str]:
        parent = {branch.id: branch.parent for branch in self.problem.wiring.branches}
        path: set[str] = set()
        step: str | None = circuit
        while step is not None:
            path.add(step)
            step = parent[step]
        return path

    def _solved(
        self,
        cost: NDArray[np.float64],
        bounds: Sequence[tuple[float | None, float | None]],
        above: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """The solution of one program; ``above`` are further rows, which have no more than 0."""
        self._programs += 1
        bound = self.bound + HAIR_A * self._programs
        matrix = np.hstack((self.matrix, np.zeros((len(bound), len(cost) - self.count))))
        if above is not None:
            matrix, bound = np.vstack((matrix, above)), np.concatenate((bound, np.zeros(len(above))))
        result = linprog(cost, A_ub=matrix, b_ub=bound, bounds=bounds, method="highs", options=TOLERANCES)
        assert result.status == 0, result.message
        return np.asarray(result.x, dtype=np.float64)
