"""Whole steps: what the exact solution gives, rounded down, and what that leaves over given out again."""

from collections.abc import Callable

import numpy as np

from edge.allocation.admission import grant
from edge.allocation.columns import EPSILON_A
from edge.allocation.fill import Rows, fill
from edge.allocation.layout import Bools, Floats, used
from edge.allocation.ranks import Case

# By how much of a step the exact solution may miss a whole number and still be it: it is exact to 1e-9 A.
NEARLY_STEPS = 1e-7
# A room that grew by less than this is not given out once more.
WORTHWHILE_A = 1e-7


def in_whole_steps(case: Case, amps: Floats) -> Floats:
    """Each current rounded down to a whole number of its EVSE's steps; continuous ones stay."""
    step = case.columns.step_a
    whole = np.floor(amps / np.where(step > 0, step, 1.0) + NEARLY_STEPS) * step
    return np.where(step > 0, whole, amps)


def given_out(
    case: Case, admitted: Bools, amps: Floats, exact_a: Floats, rooms_for: Callable[[Floats], Floats]
) -> Floats:
    """Raise ``amps`` wherever a whole step fits, and the continuous ones by whatever fits; nobody is lowered.

    Rank by rank. Inside a rank in rounds: in each, every EVSE for which a step fits gets one, whoever is furthest below
    its exact value first, then in order of precedence; at last what fits no step is shared by the continuous ones.
    ``rooms_for`` gives the room on each line at the currents given; it may grow with them, and then what grew is given
    out, too.
    """
    columns = case.columns
    stepped = admitted & (columns.step_a > 0)
    continuous = admitted & (columns.step_a == 0)
    ranks = np.unique(columns.rank[admitted])
    room = rooms_for(amps)
    while True:
        for rank in ranks:
            of_rank = columns.rank == rank
            amps = _steps(case, stepped & of_rank, amps, exact_a, room)
            amps = _rest(case, continuous & of_rank, amps, room)
        before, room = room, rooms_for(amps)
        if not (room > before + WORTHWHILE_A).any():
            return amps


def _steps(case: Case, chosen: Bools, amps: Floats, exact_a: Floats, room_a: Floats) -> Floats:
    """One step for each of the chosen for which one fits, round by round until none does.

    Rounds in which a step fits for every one of them are made at once: a fine step beside a coarse one would otherwise
    take as many rounds as the one has in the other.
    """
    columns = case.columns
    amps = amps.copy()
    left = room_a - case.used(amps)
    below = np.flatnonzero(chosen)
    while True:
        below = below[amps[below] + columns.step_a[below] <= columns.upper_a[below] + EPSILON_A]
        takes = case.uses.take(below, axis=0) * columns.step_a[below, None]
        # Whoever doesn't fit now never will: what is left only shrinks.
        below = below[(takes <= np.maximum(left, 0.0)[case.lines.take(below, axis=0)] + EPSILON_A).all(axis=1)]
        if not below.size:
            return amps
        lines, uses, step = case.lines.take(below, axis=0), case.uses.take(below, axis=0), columns.step_a[below]
        rounds = _rounds_for_all(
            (columns.upper_a[below] - amps[below]) / step, left, used(lines, uses, step, len(left))
        )
        if rounds > 1:
            amps[below] += rounds * step
            left = left - used(lines, uses, rounds * step, len(left))
            continue
        # To a millionth of an ampere, so that equals are equals whatever was rounded on the way to them.
        missing = np.round(exact_a - amps, 6)
        is_below = np.zeros(len(amps), dtype=np.bool_)
        is_below[below] = True
        first = columns.order[is_below[columns.order]]
        first = first[np.argsort(-missing[first], kind="stable")]
        lines, uses, step = case.lines.take(first, axis=0), case.uses.take(first, axis=0), columns.step_a[first]
        granted, _ = grant(lines, uses, step, left)
        amps[first] += np.where(granted, step, 0.0)
        left = left - used(lines[granted], uses[granted], step[granted], len(left))


def _rounds_for_all(steps_to_top: Floats, left_a: Floats, takes_a: Floats) -> int:
    """How many whole rounds fit: none goes beyond its top, and no line, of which a round takes ``takes_a``, is full."""
    touched = takes_a > 0
    return int(np.floor(min(steps_to_top.min(), (left_a[touched] / takes_a[touched]).min(initial=np.inf))))


def _rest(case: Case, chosen: Bools, amps: Floats, room_a: Floats) -> Floats:
    """What is left, max-min fair among the chosen above what they have."""
    members = np.flatnonzero(chosen)
    if not members.size:
        return amps
    rows = Rows(
        lines=case.lines[members],
        uses=case.uses[members],
        lower_a=amps[members],
        upper_a=np.maximum(case.columns.upper_a[members], amps[members]),
        weight=case.columns.weight[members],
    )
    raised = amps.copy()
    raised[members], _ = fill(rows, room_a - case.used(amps))
    return raised
