"""Weighted max-min fairness on many lines at once, exactly.

Every row rises with one level: its value is ``weight * level``, but no less than its lower and no more than its upper
bound. A line is full at the level at which its rows use up its room. The line with the lowest such level settles its
rows: none of them can be raised but by lowering another on that line, which has no more per weight or is at its lower
bound. The others go on with the room that is left.

A line need not be the lowest of all to settle. It is enough that none of its rows would be held by another line at a
lower level: what else happens doesn't touch it. So all such lines settle in one pass, and a tree takes about as many
passes as it has levels.
"""

from dataclasses import dataclass

import numpy as np

from edge.allocation.columns import EPSILON_A
from edge.allocation.layout import Bools, Floats, Ints, runs, sorted_by, used

FREE = -1  # in place of a line: nothing but its upper bound holds the row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Who takes part, one entry a row: its lines and how much of each it uses (as in a layout), its bounds, its weight.

    The lower bounds fit together.
    """

    lines: Ints
    uses: Floats
    lower_a: Floats
    upper_a: Floats
    weight: Floats

    def where(self, chosen: Bools) -> "Rows":
        return Rows(
            lines=self.lines[chosen],
            uses=self.uses[chosen],
            lower_a=self.lower_a[chosen],
            upper_a=self.upper_a[chosen],
            weight=self.weight[chosen],
        )


def fill(rows: Rows, left_a: Floats) -> tuple[Floats, Ints]:
    """The fair values, and for each row the line that holds it (:data:`FREE` where it has its upper bound).

    ``left_a`` is what the rows may use of each line together beyond their lower bounds, infinite where a line has no
    limit. No line is used beyond that, except where the lower bounds alone do so.
    """
    amps = rows.lower_a.copy()
    held = np.full(len(amps), FREE, dtype=np.int64)
    size = len(left_a)
    at_least = used(rows.lines, rows.uses, rows.lower_a, size)
    room_a = left_a + at_least
    wanted = used(rows.lines, rows.uses, rows.upper_a, size)
    scarce = wanted > room_a + EPSILON_A
    rises = rows.upper_a > rows.lower_a
    # A line without room beyond the lower bounds holds its rows where they are.
    full = scarce & (at_least >= room_a - EPSILON_A)
    on_full = full[rows.lines]
    stuck = rises & on_full.any(axis=1)
    held[stuck] = rows.lines[stuck, on_full[stuck].argmax(axis=1)]
    risen = rises & ~stuck
    open_lines = scarce[rows.lines].any(axis=1)
    amps[risen & ~open_lines] = rows.upper_a[risen & ~open_lines]
    rising = risen & open_lines
    if rising.any():
        left = room_a - used(rows.lines, rows.uses, np.where(rising, 0.0, amps), size)
        amps[rising], held[rising] = _rise(rows.where(rising), left, scarce)
    return amps, held


def _rise(rows: Rows, left_a: Floats, scarce: Bools) -> tuple[Floats, Ints]:
    """:func:`fill` for rows that all can rise; only ``scarce`` lines can be full."""
    amps = rows.lower_a.copy()
    held = np.full(len(amps), FREE, dtype=np.int64)
    rising = np.arange(len(amps))
    corners = _Corners.of(rows, scarce)
    while rising.size:
        levels = corners.levels(left_a)
        lines, weight = rows.lines[rising], rows.weight[rising]
        lower, upper = rows.lower_a[rising], rows.upper_a[rising]
        at = levels[lines]
        first = at.argmin(axis=1)
        level = at[np.arange(len(rising)), first]
        wish = weight * level
        # A row is bound elsewhere if it would take less than this line's level gives it.
        given = np.minimum(np.maximum(weight[:, None] * at, lower[:, None]), upper[:, None])
        elsewhere = (given > np.maximum(wish, lower)[:, None]) & (at > level[:, None])
        waits = np.zeros(len(left_a), dtype=np.bool_)
        waits[lines[elsewhere & np.isfinite(at)]] = True
        topped = wish >= upper  # levels only rise from pass to pass, so this is final
        settles = topped | ((at == level[:, None]) & ~waits[lines]).any(axis=1)
        who = rising[settles]
        amps[who] = np.clip(wish[settles], lower[settles], upper[settles])
        held[who] = np.where(topped[settles], FREE, lines[np.arange(len(rising)), first][settles])
        left_a = left_a - used(rows.lines[who], rows.uses[who], amps[who], len(left_a))
        rising = rising[~settles]
        if rising.size:
            corners = corners.without(who, len(amps))
    return amps, held


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Corners:
    """Where the use of each line bends as the level rises: a row begins to rise at lower/weight and stops at
    upper/weight. Sorted by line, then by level; ``slope`` is by how much the line's use per level changes there.
    """

    line: Ints
    row: Ints
    level: Floats
    slope: Floats
    lower_use: Floats  # at a corner where a row begins: what it takes of the line until then; else 0

    @classmethod
    def of(cls, rows: Rows, scarce: Bools) -> "_Corners":
        count = len(rows.weight)
        level = np.concatenate((rows.lower_a / rows.weight, rows.upper_a / rows.weight))
        end = np.argsort(level, kind="stable")  # the lower ends of all rows come first there, then the upper ones
        lines = rows.lines.take(end % count, axis=0)
        place, column = np.nonzero(scarce[lines])
        line = lines[place, column]
        by_line = sorted_by(line, len(scarce))  # and by level on each line, as they were
        line, column, end = line[by_line], column[by_line], end[place[by_line]]
        starts = end < count
        row = np.where(starts, end, end - count)
        use = rows.uses[row, column]
        return cls(
            line=line,
            row=row,
            level=level[end],
            slope=np.where(starts, use, -use) * rows.weight[row],
            lower_use=np.where(starts, use * rows.lower_a[row], 0.0),
        )

    def without(self, settled: Ints, count: int) -> "_Corners":
        """The corners of the other rows."""
        stays = np.ones(count, dtype=np.bool_)
        stays[settled] = False
        kept = stays[self.row]
        return _Corners(
            line=self.line[kept],
            row=self.row[kept],
            level=self.level[kept],
            slope=self.slope[kept],
            lower_use=self.lower_use[kept],
        )

    def levels(self, left_a: Floats) -> Floats:
        """For each line the level at which its rows use up what is left of it; infinite where they never do."""
        levels = np.full(len(left_a), np.inf)
        if not self.line.size:
            return levels
        lines, begins, lengths = runs(self.line)
        rate, moment = np.cumsum(self.slope), np.cumsum(self.slope * self.level)
        rate -= np.repeat(rate[begins] - self.slope[begins], lengths)
        moment -= np.repeat(moment[begins] - self.slope[begins] * self.level[begins], lengths)
        room = left_a[lines] - np.add.reduceat(self.lower_use, begins)  # beyond the lower bounds
        use = rate * self.level - moment  # beyond the lower bounds, at each corner
        short = use < np.repeat(room, lengths)
        crossing = begins + np.add.reduceat(short.astype(np.int64), begins)
        fills = crossing < begins + lengths
        crossing = np.where(fills, crossing, begins)
        # Between the corner before and this one the use is straight; before the first there is none.
        inside = fills & (crossing > begins)
        steepness = np.where(inside, rate[crossing - 1], 1.0)
        back = np.where(inside, (use[crossing] - room) / np.where(steepness > 0, steepness, 1.0), 0.0)
        levels[lines] = np.where(fills, self.level[crossing] - back, np.inf)
        return levels
