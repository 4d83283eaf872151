"""The imbalance limit: at the grid connection, two phases may differ by no more than a given current.

In terms of the EVSEs: those that use phase p and not q ("the one side") may together draw what balance allows while
nobody counters, and as much more as those that use q and not p ("the other side") draw in the end. EVSEs on both
phases don't touch the balance of the two. So each ordered pair of phases is a line like any other, and its rows share
it max-min fairly; only its room depends on the answer. Where the background alone is beyond the limit, the limit for
that pair is the background's difference: the EVSEs may not make it larger.

*What is exact, and what isn't.* The answer is a fixed point: shares that are exact for rooms that are what the shares
make them. It is never beyond the limit, it is the same for any order of the EVSEs, and no EVSE can be raised alone. It
is lexicographically max-min wherever no EVSE of the other side competes with a third EVSE for a full line: nobody is
drawn *above* its own fair share at the expense of others only to give the one side more room, as a linear program
would. Whoever is on the other side rises to its fair share anyhow. Where no fixed point is found (with a limit of 0 A
that happens, with those of grid codes it is rare), and where whole steps unbalance a pair, the one side is cut until
all pairs are in balance, and what that leaves is given out to whomever it can still raise.

*Admission.* A minimum on the one side fits if the minima before it, and what the other side reaches in the end, leave
it room: others may be raised to balance it. What they reach is found by trial: at first it is taken to be all they can
use; where that proves too much, those of the one side are admitted afresh with what was reached. So cars that balance
each other start together, whoever of them comes first. A minimum for which another EVSE would have to be kept below
its fair share, or drawn above it, waits.
"""

from dataclasses import dataclass

import numpy as np

from edge.allocation.admission import grant
from edge.allocation.layout import OPPOSITE, Bools, Floats, Ints
from edge.allocation.ranks import Case, Shared, share
from edge.allocation.rounding import in_whole_steps

TOLERANCE_A = 1e-8  # a fixed point is one when it misses by no more
NUDGE_A = 1e-3  # by which a room is moved to see what the answer makes of it; a tenth of the smallest step in use
NEWTON_STEPS = 25  # rooms are piecewise linear in each other: a handful is usual
SINGULAR = 1e-9  # a determinant below this: the rooms make each other, any step will do
TRIALS = 8  # of admission, before whoever is too much is taken out one by one
CUTS = 50  # after so many cuts that each unbalanced another pair, take out instead


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Admitted:
    """Who gets at least its minimum, and which line refused each other row."""

    rows: Bools
    refused_by: Ints


def rooms(case: Case, balance_a: Floats) -> Floats:
    """The room on each line, with these rooms on the six lines of balance."""
    room = case.columns.room_a.copy()
    room[case.layout.balance] = balance_a
    return room


def reach(case: Case, amps: Floats) -> Floats:
    """The room on the six lines of balance that these currents make."""
    sides = case.used(amps)[case.layout.balance]
    return np.asarray(case.columns.room_a[case.layout.balance] + sides[OPPOSITE])


def excess(case: Case, amps: Floats) -> Floats:
    """By how much these currents are beyond the limit, for each pair of phases."""
    sides = case.used(amps)[case.layout.balance]
    return np.asarray(sides - case.columns.room_a[case.layout.balance] - sides[OPPOSITE])


def admit(case: Case, room_a: Floats, among: Bools | None = None) -> Admitted:
    """Minima in order of precedence, each if it fits beside those before it; of all who can use any, or ``among``."""
    candidates = case.columns.able if among is None else case.columns.able & among
    order = case.columns.order[candidates[case.columns.order]]
    granted, refused_by = grant(
        case.lines.take(order, axis=0), case.uses.take(order, axis=0), case.columns.lower_a[order], room_a
    )
    rows = np.zeros(len(case.columns.able), dtype=np.bool_)
    rows[order] = granted
    by = np.full(len(rows), -1, dtype=np.int64)
    by[order] = refused_by
    return Admitted(rows=rows, refused_by=by)


def sparing(case: Case, admitted: Admitted, runs: Bools, room_a: Floats) -> Admitted:
    """With those who run already and would be admitted in that room, too; what refused them stays."""
    return Admitted(rows=admitted.rows | (admit(case, room_a).rows & runs), refused_by=admitted.refused_by)


def share_in_balance(case: Case) -> tuple[Admitted, Shared]:
    """Admit and share. The limit may still be missed where no fixed point was found: see :func:`repaired`."""
    ceiling = reach(case, np.where(case.columns.able, case.columns.upper_a, 0.0))
    for _ in range(TRIALS):
        admitted = admit(case, rooms(case, ceiling))
        shared = _fixed_point(case, admitted.rows)
        reached = reach(case, shared.amps)
        least = case.used(case.minima(admitted.rows))[case.layout.balance]
        lacking = least > reached + TOLERANCE_A
        if not lacking.any():
            break
        ceiling = np.where(lacking, reached, ceiling)
    return admitted, shared


def _fixed_point(case: Case, admitted: Bools) -> Shared:
    """Newton's method on the rooms of those lines of balance that bind; the others stay without limit.

    A room is never less than the minima on its line, even where balance has less for them.
    """
    least = case.used(case.minima(admitted))[case.layout.balance]
    ceiling = np.full(len(least), np.inf)
    shared = share(case, admitted, rooms(case, ceiling))
    for _ in range(NEWTON_STEPS):
        reached = reach(case, shared.amps)
        sides = case.used(shared.amps)[case.layout.balance]
        binds = np.isfinite(ceiling)
        loose = binds & (sides < ceiling - TOLERANCE_A)
        fresh = ~binds & (sides > reached + TOLERANCE_A)
        at_least = binds & (ceiling <= least) & (reached <= least)
        missed = binds & ~loose & ~at_least & (np.abs(reached - ceiling) > TOLERANCE_A)
        if not (loose | fresh | missed).any():
            break
        following = np.where(loose, np.inf, np.where(fresh, reached, ceiling))
        moving = np.flatnonzero(binds & ~loose & ~at_least)
        if missed.any():
            following[moving] += _newton_step(case, admitted, ceiling, moving, reached)
        ceiling = np.maximum(following, least)
        shared = share(case, admitted, rooms(case, ceiling))
    return shared


def _newton_step(case: Case, admitted: Bools, ceiling_a: Floats, moving: Ints, reached_a: Floats) -> Floats:
    """By how much to move each of the rooms in ``moving`` so that all become what the answer makes of them."""
    missing = (reached_a - ceiling_a)[moving]
    slopes = np.empty((len(moving), len(moving)))
    for column, pair in enumerate(moving.tolist()):
        nudged = ceiling_a.copy()
        nudged[pair] += NUDGE_A
        slopes[:, column] = (reach(case, share(case, admitted, rooms(case, nudged)).amps) - reached_a)[moving] / NUDGE_A
    matrix = np.eye(len(moving)) - slopes
    if abs(float(np.linalg.det(matrix))) < SINGULAR:
        return missing
    return np.asarray(np.linalg.solve(matrix, missing), dtype=np.float64)


def repaired(case: Case, admitted: Bools, amps: Floats) -> tuple[Bools, Floats]:
    """Lower these currents, none of which leaves its steps or bounds, until they are in balance.

    Whoever is on the one side of a pair that is beyond the limit is cut, fairly, to what the other side allows. If
    that leaves one of them less than its minimum, the last in precedence of that side is taken out.
    """
    admitted, amps = admitted.copy(), amps.copy()
    cuts = 0
    while (beyond := excess(case, amps) > TOLERANCE_A).any():
        ceiling = np.where(beyond, reach(case, amps), np.inf)
        least = case.used(case.minima(admitted))[case.layout.balance]
        too_much = beyond & (least > ceiling + TOLERANCE_A)
        if too_much.any() or cuts >= CUTS:
            pair = int(np.flatnonzero(too_much if too_much.any() else beyond)[0])
            out = _last_on(case, admitted, pair)
            admitted[out], amps[out] = False, 0.0
        else:
            cuts += 1
            amps = in_whole_steps(case, share(case, admitted, rooms(case, ceiling), most_a=amps).amps)
    return admitted, amps


def _last_on(case: Case, admitted: Bools, pair: int) -> int:
    """The last in precedence of those who are on this line of balance."""
    on_it = (case.lines == case.layout.line_count + pair).any(axis=1)
    return int(case.columns.order[(admitted & on_it)[case.columns.order]][-1])
