"""What the solver found: currents, what is left, and for each EVSE the constraint that binds it.

Currents are at hand; reasons are made when they are asked for.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from edge.allocation.balance import Admitted, reach
from edge.allocation.columns import EPSILON_A
from edge.allocation.fill import FREE
from edge.allocation.layout import LINES_PER_CIRCUIT, PAIRS, POWER, Floats, Ints, used
from edge.allocation.problem import Problem
from edge.allocation.ranks import Case, Shared
from edge.domain.setpoint import Reason, Setpoint
from edge.domain.site import EvseKey
from edge.units import PHASES, Amps, PhaseAmps, Volts, watts

# Decimals of a current: beyond what any instrument resolves, within what floats hold. Continuous currents are rounded
# down to it, so that adding them up in any order stays under a limit.
DECIMALS = 9
SHOWN_A = 0.1  # sentences have one decimal: what lies closer is the same to who reads them
_HAIR = 1e-3  # of the last decimal: what is so close below a round number is that number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """What a setpoint names. ``circuits`` are ids in the layout's places; ``limit_a`` has one entry a line; ``max_a``
    and ``demand_a`` have one a row: what the EVSE can give and the car can use.
    """

    circuits: tuple[str, ...]
    limit_a: Floats
    max_a: Floats
    demand_a: Floats
    nominal_voltage_v: Volts

    @classmethod
    def of(cls, problem: Problem, case: Case) -> "Terms":
        rows = [problem.claims[number] for number in case.layout.rows.tolist()]
        limit = case.columns.room_a + case.columns.base_a
        if problem.imbalance_limit_a is not None:
            limit[case.layout.balance] = problem.imbalance_limit_a
        return cls(
            circuits=tuple(problem.wiring.branches[number].id for number in case.layout.circuits.tolist()),
            limit_a=limit,
            max_a=np.array([claim.max_a for claim in rows]),
            demand_a=np.array([claim.demand_a for claim in rows]),
            nominal_voltage_v=problem.nominal_voltage_v,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """The answer to a problem. Whatever goes by number follows the problem's wiring."""

    terms: Terms
    case: Case
    admitted: Admitted
    shared: Shared  # the exact shares, before whole steps
    amps: Floats  # by row of the layout
    balanced: bool  # whether what the EVSEs are given makes the rooms on the lines of balance

    def among(self, amps: Floats, admitted: Admitted) -> "Solution":
        """The same, with what others were given of what it left."""
        return replace(self, amps=amps, admitted=admitted)

    @cached_property
    def limits_a(self) -> tuple[Amps, ...]:
        """What each EVSE may draw per phase, in the order of the wiring's outlets."""
        down = np.floor(self.amps * 10**DECIMALS + _HAIR) / 10**DECIMALS
        stepped = np.round(self.amps, DECIMALS)
        exact: Floats = np.where(self.case.columns.step_a > 0, stepped, down)[self.case.layout.row_of] + 0.0  # no -0.0
        return tuple(exact.tolist())

    @cached_property
    def headroom_a(self) -> tuple[tuple[Amps | None, Amps | None, Amps | None], ...]:
        """What is left of each circuit's limit per phase after its background and the EVSEs, None without a limit; in
        the order of the wiring's branches. Below 0 where the background alone is over the limit."""
        left = np.round(self._left_a, DECIMALS) + 0.0  # no -0.0
        by_circuit: list[tuple[Amps | None, Amps | None, Amps | None]] = [(None, None, None)] * len(
            self.case.layout.circuits
        )
        for place, number in enumerate(self.case.layout.circuits.tolist()):
            l1, l2, l3 = (
                float(amps) if np.isfinite(amps) else None for amps in left[place * LINES_PER_CIRCUIT :][:POWER]
            )
            by_circuit[number] = (l1, l2, l3)
        return tuple(by_circuit)

    def setpoint(self, number: int, key: EvseKey) -> Setpoint:
        """The current of one EVSE with what binds it; ``number`` is its place in the wiring."""
        row = int(self.case.layout.row_of[number])
        amps = self.limits_a[number]
        reason, line = self.binding(row)
        where: dict[str, Any] = {} if line is None else self.place(line)
        if reason in (Reason.WAITING_FOR_ROOM, Reason.BELOW_MINIMUM):
            where["min_a"] = round(float(self.case.columns.lower_a[row]), DECIMALS)
        return Setpoint(key=key, limit_a=amps, reason=reason, **where)

    @cached_property
    def _used(self) -> Floats:
        layout = self.case.layout
        return used(layout.lines, layout.uses, self.amps, layout.size)

    @cached_property
    def _left_a(self) -> Floats:
        room = self.case.columns.room_a.copy()
        if self.balanced:
            room[self.case.layout.balance] = reach(self.case, self.amps)
        left: Floats = room - self._used
        return left

    def binding(self, row: int) -> tuple[Reason, int | None]:
        """The constraint that binds a row, and its line where it is one."""
        columns = self.case.columns
        demand, most = self.terms.demand_a[row], self.terms.max_a[row]
        amps = self.amps[row]
        if self.overloaded[row] != FREE:
            return Reason.OVERLOAD, int(self.overloaded[row])
        if not columns.able[row]:
            if min(most, demand) <= 0:
                return Reason.DEMAND_MET, None
            return (Reason.NO_WHOLE_STEP if columns.lower_a[row] > most else Reason.BELOW_MINIMUM), None
        if not self.admitted.rows[row]:
            return Reason.WAITING_FOR_ROOM, self._refusing_line(row)
        if amps >= columns.upper_a[row] - EPSILON_A:
            if demand > most:
                return Reason.MAXIMUM, None
            return (Reason.WHOLE_STEPS if demand - amps >= SHOWN_A - EPSILON_A else Reason.DEMAND_MET), None
        floor = self.case.floors.rate_a[row]
        if floor > columns.lower_a[row] and abs(amps - floor) <= EPSILON_A:
            return Reason.READY_IN_TIME, self._full_line(row)
        line = self._full_line(row)
        return self._why_full(line), line

    def _why_full(self, line: int) -> Reason:
        if line >= self.case.layout.line_count:
            return Reason.IMBALANCE
        return Reason.CIRCUIT_POWER_FULL if line % LINES_PER_CIRCUIT == POWER else Reason.CIRCUIT_FULL

    def _refusing_line(self, row: int) -> int:
        line = int(self.admitted.refused_by[row])
        return line if line != FREE else self._tightest_line(row, self.case.columns.lower_a[row])

    def _full_line(self, row: int) -> int:
        """The line that held the row's exact share, if it still does; the rounding of others may have moved it."""
        return int(self.full_lines[row])

    @cached_property
    def overloaded(self) -> Ints:
        """For each row the nearest line on which the background alone is beyond the limit, :data:`FREE` where none."""
        lines = self.case.lines
        over = self.case.columns.room_a[lines] < -EPSILON_A
        return np.where(over.any(axis=1), lines[np.arange(len(lines)), over.argmax(axis=1)], FREE)

    @cached_property
    def full_lines(self) -> Ints:
        """For each row the line that has no room for a step more of it; of those without any the tightest."""
        step = np.maximum(self.case.columns.step_a, 10 * EPSILON_A)
        held = self.shared.held_by
        holds = (held != FREE) & (self._left_a[held] < step - EPSILON_A)
        lines, uses = self.case.lines, self.case.uses
        spare = np.where(uses > 0, self._left_a[lines] - uses * step[:, None], np.inf)
        return np.where(holds, held, lines[np.arange(len(lines)), spare.argmin(axis=1)])

    def _tightest_line(self, row: int, amps: Amps) -> int:
        """The line that has the least room beside ``amps`` more of this row."""
        lines, uses = self.case.lines[row], self.case.uses[row]
        spare = np.where(uses > 0, self._left_a[lines] - uses * amps, np.inf)
        return int(lines[spare.argmin()])

    def place(self, line: int) -> dict[str, Any]:
        """A line in the terms of a setpoint."""
        layout = self.case.layout
        flows = float(self.case.columns.base_a[line] + self._used[line])
        if line >= layout.line_count:
            high, low = PAIRS[line - layout.line_count]
            base = layout.root * LINES_PER_CIRCUIT
            flows = float((self.case.columns.base_a + self._used)[[base + high, base + low]] @ [1.0, -1.0])
            if not self.balanced:  # what others are given balances nothing, but what they draw for sure
                flows = float(self.terms.limit_a[line] - self._left_a[line])
            return {
                "circuit": self._circuit(layout.root),
                "phase": PHASES[high],
                "other_phase": PHASES[low],
                "used_a": flows,
                "rating_a": float(self.terms.limit_a[line]),
            }
        place, kind = divmod(line, LINES_PER_CIRCUIT)
        if kind == POWER:
            return {
                "circuit": self._circuit(place),
                "used_w": watts(PhaseAmps(flows, 0.0, 0.0), self.terms.nominal_voltage_v),
                "rating_w": watts(PhaseAmps(float(self.terms.limit_a[line]), 0.0, 0.0), self.terms.nominal_voltage_v),
            }
        return {
            "circuit": self._circuit(place),
            "phase": PHASES[kind],
            "used_a": flows,
            "rating_a": float(self.terms.limit_a[line]),
        }

    def _circuit(self, place: int) -> str:
        return self.terms.circuits[place]
