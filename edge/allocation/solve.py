"""The exact allocation on a tree of circuits: who may draw how much, and what binds each.

1. Minima, in order of precedence: rank, then who charges before who waits, then the longest wait, then the id. An EVSE
   gets at least its minimum or nothing (:mod:`edge.allocation.admission`).
2. Then rank by rank. First the floors of known needs, least slack first, as far as they fit
   (:mod:`edge.allocation.need`); then weighted max-min fair above them, on the whole tree, per phase and in power: no
   EVSE can be raised but by lowering one of its rank that has no more per weight or is at its floor or minimum, or one
   of an earlier rank (:mod:`edge.allocation.fill`).
3. Then whole steps, rounded down, and what that leaves over given out again (:mod:`edge.allocation.rounding`).

With an imbalance limit, which takes something from "exact": :mod:`edge.allocation.balance`.
"""

import numpy as np

from edge.allocation.admission import FITS
from edge.allocation.balance import Admitted, admit, reach, repaired, rooms, share_in_balance, sparing
from edge.allocation.layout import Bools, Floats
from edge.allocation.problem import Problem
from edge.allocation.ranks import Case, share
from edge.allocation.rounding import given_out, in_whole_steps
from edge.allocation.solution import Solution, Terms


def solve(problem: Problem) -> Solution:
    """The allocation. The same problem gives the same answer, bit for bit, in whatever order it names its parts.

    :raises ValueError: where the wiring is no tree, or the problem doesn't match its wiring.
    """
    case = Case.of(problem)
    return solved(case, Terms.of(problem, case), balanced=problem.imbalance_limit_a is not None)


def solved(case: Case, terms: Terms, *, balanced: bool, spared: tuple[Bools, Floats] | None = None) -> Solution:
    """:func:`solve` for a problem in the solver's own form; ``balanced``: there is an imbalance limit, and what the
    EVSEs are given makes its rooms. (Else the rooms on its lines are what the columns say.) ``spared``: who keeps its
    minimum, if it fits with so much more room on each line.
    """
    columns = case.columns
    if balanced:
        return _in_balance(case, terms)
    admitted = admit(case, columns.room_a)
    if spared is not None:
        runs, more_a = spared
        admitted = sparing(case, admitted, runs, columns.room_a + more_a)
    shared = share(case, admitted.rows, columns.room_a)
    amps = shared.amps
    if columns.step_a.any() and admitted.rows.any():  # else there is nothing to round, and nothing left over
        amps = given_out(case, admitted.rows, in_whole_steps(case, amps), amps, lambda _: columns.room_a)
    return Solution(terms=terms, case=case, admitted=admitted, shared=shared, amps=amps, balanced=False)


def _in_balance(case: Case, terms: Terms) -> Solution:
    admitted, shared = share_in_balance(case)
    rows, amps = repaired(case, admitted.rows, in_whole_steps(case, shared.amps))

    def room_for(amps: Floats) -> Floats:
        return rooms(case, np.maximum(reach(case, amps), 0.0))

    late = admit(case, room_for(amps) - case.used(amps), among=~rows)
    while True:
        rows = rows | late.rows
        amps = given_out(case, rows, np.where(late.rows, case.columns.lower_a, amps), shared.amps, room_for)
        # What was given out may balance a minimum that didn't fit before.
        late = admit(case, room_for(amps) - case.used(amps), among=~rows)
        if not late.rows.any():
            break
    refused_by = np.where(rows, FITS, late.refused_by)
    return Solution(
        terms=terms,
        case=case,
        admitted=Admitted(rows=rows, refused_by=refused_by),
        shared=shared,
        amps=amps,
        balanced=True,
    )
