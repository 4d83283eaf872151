"""What the EVSEs draw, for the sake of what flows besides them."""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from edge.allocation.cars import PRESENT_A
from edge.allocation.entitlement import Entitlement, was_seen_after, when_obeyed_a
from edge.allocation.exposure import OBEY_S
from edge.allocation.fleet import Fleet
from edge.allocation.layout import Bools, Floats, Ints
from edge.allocation.snapshot import Snapshot
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds

# By then a sample shows whether a limit is obeyed, where samples come every 10 s; others aren't waited for.
SEEN_S = 2 * OBEY_S

# How long a sample may have been on its way to us.
SAMPLE_DELAY_S = 2.0
# Differences below this are the stations' noise.
FALL_NOISE_A = 0.2

ThreeAmps: TypeAlias = tuple[Amps, Amps, Amps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Of those below one circuit, row by row: the bounds, and when each was sampled.

    ``guessed_a`` is ``high_a`` where it isn't known on which phases a row draws, else 0; ``sampled_a`` the newest
    samples, ``clear`` whose tell what flows on which phase; ``told_a`` what each will draw when it has obeyed;
    ``unseen``: one of them may show that soon.
    """

    low_a: Floats
    high_a: Floats
    guessed_a: Floats
    sampled_a: Floats
    clear: Bools
    told_a: Floats
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteDraws:
    """Of all, as :class:`Draws`; ``unseen``: of which a sample may soon show what they were told."""

    fleet: Fleet
    entitlement: Entitlement
    told_a: Floats
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
        return cls(
            fleet=fleet,
            entitlement=entitlement,
            told_a=when_obeyed_a(grid, fleet, entitlement.high_a, slow),
            unseen=fleet.in_session & ~was_seen_after(fleet) & (snapshot.now - fleet.told_at < SEEN_S),
            clear=np.asarray(clear),
        )

    def below(self, rows: Ints) -> Draws:
        """Of these."""
        found = self.entitlement.low_a, self.entitlement.high_a, self.told_a
        low_a, high_a, told_a = (each.T.take(rows, axis=1).T for each in found)  # phase by phase, as they lie
        doubted = self.entitlement.doubted[rows, None]
        return Draws(
            low_a=low_a,
            high_a=high_a,
            guessed_a=np.where(doubted, high_a, 0.0),
            sampled_a=np.where(doubted, high_a, np.nan_to_num(self.fleet.draw_a[rows])),
            clear=self.clear[rows],
            told_a=told_a,
            unseen=bool(self.unseen[rows].any()),
            drawn_at=self.fleet.drawn_at[rows],
        )


def total_a(by_row_a: Floats) -> PhaseAmps:
    """Of ``[row, phase]``, row by row: numpy's order, and with it the last bit, else depends on how the array lies."""
    return PhaseAmps(*np.ascontiguousarray(by_row_a).sum(axis=0).tolist()) if len(by_row_a) else NO_CURRENT
