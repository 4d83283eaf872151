"""What the EVSEs draw, for the sake of what flows besides them."""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from edge.allocation.cars import PRESENT_A
from edge.allocation.entitlement import Entitlement, is_known, was_seen_after, when_obeyed_a
from edge.allocation.exposure import OBEY_S
from edge.allocation.fleet import Fleet
from edge.allocation.layout import Bools, Floats, Ints
from edge.allocation.snapshot import Snapshot
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds

# By then a sample shows whether a limit is obeyed, where samples come every 10 s; others aren't waited for.
SEEN_S = 2 * OBEY_S

# A car has come up to what it was raised to by then, or will not: IEC 61851-1 gives it this long.
COMES_UP_S = 5.0
# How long a sample may have been on its way to us.
SAMPLE_DELAY_S = 2.0
# Differences below this are the stations' noise.
FALL_NOISE_A = 0.2

ThreeAmps: TypeAlias = tuple[Amps, Amps, Amps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Of those below one circuit, row by row: the bounds, and when each was sampled.

    ``guessed_a`` is ``high_a`` where it isn't known on which phases a row draws, else 0; ``sampled_a`` the newest
    samples, ``clear`` whose tell what flows on which phase; ``told_a`` what each will draw at most when it has obeyed,
    ``likely_a`` what it will then by what it was seen to do with its last raise, ``not_yet_a`` how much of that it may
    not draw yet, having been raised lately; ``spare_a`` by how much it was told more than its minimum; ``unseen``: one
    of them may show soon what it was told.
    """

    low_a: Floats
    high_a: Floats
    guessed_a: Floats
    sampled_a: Floats
    clear: Bools
    told_a: Floats
    likely_a: Floats
    not_yet_a: Floats
    spare_a: Floats
    unseen: bool
    drawn_at: Floats

    def seen_a(self, since: Seconds) -> PhaseAmps | None:
        """What the cars draw, where each that may draw more than it was seen to has been sampled since then, and some
        may: then it isn't they who come up to their limits. None where that isn't so.
        """
        seen = self.drawn_at > since + SAMPLE_DELAY_S
        hides = (self.told_a > self.sampled_a + FALL_NOISE_A).any(axis=1)
        if not hides.any() or not seen[hides].all():
            return None
        return total_a(np.where(seen[:, None], self.sampled_a, self.high_a))

    def besides_a(self, measured_a: PhaseAmps, rating_a: Amps) -> PhaseAmps:
        """What flows besides the cars where more does than the rating: all that they will hardly draw.

        A cut of what isn't drawn takes nothing off the line. So who was sampled since its last raise counts as drawing
        what was seen, and who may still be on the way up as drawing that later; but for such a guess nobody is stopped:
        it takes no more than what is above minima once all that is too much is cut.
        """
        besides = []
        for amps, likely, not_yet, spare in zip(
            measured_a, total_a(self.likely_a), total_a(self.not_yet_a), total_a(self.spare_a), strict=True
        ):
            too_much = max(amps - rating_a, 0.0)
            guessed = min(not_yet, max(spare - too_much, 0.0)) if too_much > 0 else 0.0
            besides.append(amps - likely + guessed)
        first, second, third = besides
        return PhaseAmps(first, second, third)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteDraws:
    """Of all, as :class:`Draws`; ``unseen``: of which a sample may soon show what they were told."""

    fleet: Fleet
    entitlement: Entitlement
    told_a: Floats
    likely_a: Floats
    not_yet_a: Floats
    least_a: Floats
    unseen: Bools
    clear: Bools

    @classmethod
    def of(cls, snapshot: Snapshot, entitlement: Entitlement, slow: Bools | None, learned: Bools | None) -> Self:
        """``slow``: whose car has been seen to come down late. ``learned``: of whose car the phases are known."""
        grid, fleet = snapshot.plant.grid, snapshot.fleet
        nobody = np.zeros(len(grid.min_a), dtype=np.bool_)
        slow, learned = (given if given is not None else nobody for given in (slow, learned))
        # Those that show nothing anywhere tell that, too.
        clear = (fleet.draw_a.max(axis=1) < PRESENT_A) | (learned & ~entitlement.doubted & ~fleet.draw_spread)
        told_a = when_obeyed_a(grid, fleet, entitlement.high_a, slow)
        tells = is_known(fleet, snapshot.now) & ~entitlement.doubted & ~fleet.draw_spread
        took_it = tells & (fleet.drawn_at >= fleet.raised_at + COMES_UP_S)
        likely_a = np.where(took_it[:, None], np.fmin(told_a, fleet.draw_a), told_a)
        comes_up = tells & (snapshot.now - fleet.raised_at < SEEN_S)
        not_yet_a = np.maximum(likely_a - np.nan_to_num(fleet.draw_a), 0.0)
        return cls(
            fleet=fleet,
            entitlement=entitlement,
            told_a=told_a,
            likely_a=likely_a,
            not_yet_a=np.where(comes_up[:, None], not_yet_a, 0.0),
            least_a=grid.least_a,
            unseen=fleet.in_session & ~was_seen_after(fleet) & (snapshot.now - fleet.told_at < SEEN_S),
            clear=np.asarray(clear),
        )

    def below(self, rows: Ints) -> Draws:
        """Of these."""
        found = self.entitlement.low_a, self.entitlement.high_a, self.told_a, self.likely_a, self.not_yet_a
        # Phase by phase, as they lie.
        low_a, high_a, told_a, likely_a, not_yet_a = (each.T.take(rows, axis=1).T for each in found)
        doubted = self.entitlement.doubted[rows, None]
        return Draws(
            low_a=low_a,
            high_a=high_a,
            guessed_a=np.where(doubted, high_a, 0.0),
            sampled_a=np.where(doubted, high_a, np.nan_to_num(self.fleet.draw_a[rows])),
            clear=self.clear[rows],
            told_a=told_a,
            likely_a=likely_a,
            not_yet_a=not_yet_a,
            spare_a=np.maximum(told_a - self.least_a[rows, None], 0.0),
            unseen=bool(self.unseen[rows].any()),
            drawn_at=self.fleet.drawn_at[rows],
        )


def total_a(by_row_a: Floats) -> PhaseAmps:
    """Of ``[row, phase]``, row by row: numpy's order, and with it the last bit, else depends on how the array lies."""
    return PhaseAmps(*np.ascontiguousarray(by_row_a).sum(axis=0).tolist()) if len(by_row_a) else NO_CURRENT
