"""Who gets anything at all: minima in order of precedence, each if it fits beside those admitted before it."""

import numpy as np

from edge.allocation.columns import EPSILON_A
from edge.allocation.layout import Bools, Floats, Ints, runs, sorted_by, used

FITS = -1  # in place of a line: nothing refused the row


def grant(lines: Ints, uses: Floats, amounts_a: Floats, room_a: Floats) -> tuple[Bools, Ints]:
    """Give the rows, which come in order of precedence, their amounts: all or nothing.

    A row is granted if its amount fits on each of its lines beside what was granted before it. The answer says who
    was granted, and which line refused each other row (its nearest). Room below 0 is no room.

    Not one by one: whoever fits even if all before it are granted, is granted; whoever doesn't fit beside those known
    to be granted, is refused (a row granted ahead of its turn left room for all before it on every line they share).
    Each round decides at least the first who is undecided.
    """
    return grant_takes(lines, uses * amounts_a[:, None], room_a)


def grant_takes(lines: Ints, takes: Floats, room_a: Floats) -> tuple[Bools, Ints]:
    """:func:`grant` where ``takes`` says what each row would take of each of its lines."""
    left = np.maximum(room_a, 0.0)
    granted = np.zeros(len(takes), dtype=np.bool_)
    refused_by = np.full(len(takes), FITS, dtype=np.int64)
    undecided = np.arange(len(takes))
    while undecided.size:
        theirs, wanted = lines.take(undecided, axis=0), takes.take(undecided, axis=0)
        short = wanted > left[theirs] + EPSILON_A
        refused = short.any(axis=1)
        if refused.any():
            refused_by[undecided[refused]] = theirs[refused, short[refused].argmax(axis=1)]
            stays = np.flatnonzero(~refused)
            undecided, theirs, wanted = undecided[stays], theirs.take(stays, axis=0), wanted.take(stays, axis=0)
        fits = _fits_after_all_before(theirs, wanted, left)
        granted[undecided[fits]] = True
        if fits.all():
            break
        left = left - np.bincount(theirs[fits].ravel(), weights=wanted[fits].ravel(), minlength=len(left))
        undecided = undecided[~fits]
    return granted, refused_by


def _fits_after_all_before(lines: Ints, takes: Floats, left_a: Floats) -> Bools:
    total = np.bincount(lines.ravel(), weights=takes.ravel(), minlength=len(left_a))
    contested = (total > left_a + EPSILON_A)[lines]
    fits = np.ones(len(lines), dtype=np.bool_)
    row, column = np.nonzero(contested)
    if not row.size:
        return fits
    line, take = lines[row, column], takes[row, column]
    by_line = sorted_by(line, len(left_a))  # and in the order of precedence on each line, as they were
    line, take, row = line[by_line], take[by_line], row[by_line]
    _, begins, lengths = runs(line)
    so_far = np.cumsum(take)
    so_far -= np.repeat(so_far[begins] - take[begins], lengths)
    fits[row[so_far > left_a[line] + EPSILON_A]] = False
    return fits


def raised(lines: Ints, uses: Floats, wishes_a: Floats, room_a: Floats) -> Floats:
    """Give the rows, which come in order, their wishes as far as they fit: the first who doesn't fit gets what is left.

    The answer is what each row gets.
    """
    left = np.maximum(room_a, 0.0)
    given = np.zeros(len(wishes_a))
    fits = _fits_after_all_before(lines, uses * wishes_a[:, None], left)
    given[fits] = wishes_a[fits]
    left = left - used(lines[fits], uses[fits], wishes_a[fits], len(left))
    for row in np.flatnonzero(~fits).tolist():
        on, use = lines[row], uses[row]
        most = (left[on[use > 0]] / use[use > 0]).min()
        given[row] = min(max(float(most), 0.0), float(wishes_a[row]))
        left[on] -= use * given[row]
    return given
