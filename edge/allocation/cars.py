"""What is remembered of each car from decision to decision, and what its samples teach.

All arrays have one entry a row of the plant's layout. NaN is "not known" or "never".
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from edge.allocation.entitlement import is_known, was_seen_after
from edge.allocation.exposure import FOLLOW_S, OBEY_S, OBEY_TOLERANCE_A
from edge.allocation.fleet import Fleet
from edge.allocation.layout import PHASE_BITS, Bools, Floats
from edge.allocation.plant import Grid
from edge.units import SECONDS_PER_HOUR, VOLTAGE_MAY_DIFFER, Seconds

# A car that leaves more than this unused is given no more than its draw and this much on top; when it takes up more
# than half of that, it gets all again. Twice what samples of steady cars scatter (about 0.5 A), and twice again.
TRIM_MARGIN_A = 2.0
# A phase that carries this much is in use: below lie the standby of chargers and the noise of their meters.
PRESENT_A = 1.0
# From what on the busiest phase a sample tells which phases a car uses: at the end of a charge all fade.
TELLING_A = 4.0
# How long the same phases must be seen: three samples of a usual station (10 s), so that a car which starts its phases
# one after the other isn't taken for a single-phase one.
LEARN_S = 20.0
# So long a phase may carry more than its rating before it isn't believed any more that the cars which aren't counted on
# it don't use it: those that are have had their time to obey by then, and a breaker at twice its rating holds.
DOUBT_S = 30.0
# One that was told one phase and goes on with several for so long isn't late: it doesn't obey numberPhases.
DEAF_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cars:
    """``session`` is when the session began that this is about.

    ``trim_a``: the demand, where the car leaves something unused. ``used`` are the phases it was seen to use, as a sum
    of 1, 2, 4 for L1, L2, L3 (0: not known), ``seen`` those of its last telling samples, since ``seen_since``.
    ``on_since``: since when it has its turn; ``off_since``: when it lost one that it had; ``asleep_since``: when it
    paused or was last woken. ``single``: 1 where it is to use one phase only; ``better_since``: since when the other
    number of phases would serve better; ``switched_at``: when that last changed. ``writes``: raises that its station
    may still be told. ``slow``: 1 where it was seen to come down later than cars may. ``crowded_since``: since when a
    phase that is wired to it, and that it isn't counted on, carries more than its rating; ``doubted``: 1 where its
    phases aren't learned in this session any more for that. ``alone_since``: since when it can hold limits for one
    phase only; ``kept``: 1 where it was seen since to keep to that; ``strays_since``: since when it was seen to use
    others, until it is seen to keep to the one; ``deaf``: 1 where its station was found not to obey numberPhases.
    ``overdrawn_since``: since when it disobeys on a line that carries too much; ``stopped``: 1 where it is stopped for
    that.
    """

    session: Floats
    trim_a: Floats
    used: Floats
    seen: Floats
    seen_since: Floats
    on_since: Floats
    off_since: Floats
    asleep_since: Floats
    single: Floats
    better_since: Floats
    switched_at: Floats
    switches: Floats
    writes: Floats
    slow: Floats
    crowded_since: Floats
    doubted: Floats
    alone_since: Floats
    kept: Floats
    strays_since: Floats
    deaf: Floats
    overdrawn_since: Floats
    stopped: Floats

    @classmethod
    def none(cls, count: int) -> "Cars":
        """Nothing is remembered."""
        unknown = {field.name: np.full(count, np.nan) for field in fields(cls)}
        zeros = ("used", "seen", "single", "slow", "doubted", "kept", "deaf", "stopped")
        zero = {name: np.zeros(count) for name in zeros}
        return cls(**(unknown | zero))

    def observed(self, grid: Grid, fleet: Fleet, now: Seconds) -> "Cars":
        """After this snapshot: sessions that began or ended, trims, phases."""
        cars = self._of_these_sessions(fleet)._on_one_phase(grid, fleet, now)
        seen, seen_since, used = cars._phases_seen(grid, fleet, now)
        late = (fleet.drawn_at >= fleet.told_at + OBEY_S) & (fleet.draw_a.max(axis=1) > fleet.told_a + OBEY_TOLERANCE_A)
        return replace(
            cars,
            trim_a=cars._trims(grid, fleet, now),
            seen=seen,
            seen_since=seen_since,
            used=used,
            slow=np.where(late & fleet.in_session, 1.0, cars.slow),
        )

    @property
    def strays(self) -> Bools:
        """Whose limit for one phase isn't believed to keep them to it."""
        return ~np.isnan(self.strays_since) | (self.doubted > 0)

    @property
    def on_one(self) -> Bools:
        """Who is to use one phase only, and is counted there."""
        return (self.single > 0) & ~self.strays

    def learned(self, grid: Grid) -> Bools:
        """Of whose car it is known which phases it uses."""
        return np.asarray((self.used > 0) | (grid.wired.sum(axis=1) == 1) | self.on_one)

    def in_use(self, grid: Grid) -> Bools:
        """``[row, phase]``: the grid phases that a running session can draw on: those learned, else all wired."""
        return _on_phases(self.used, grid)

    def unbalancing(self, grid: Grid) -> Bools:
        """The same for the sake of balance, where to count on more is not the safe side: those of a car whose phases
        aren't learned yet, or are doubted, are those of its last telling sample."""
        shown = np.where(self.used > 0, self.used, self.seen)
        return np.where(self.on_one[:, None], grid.single, _on_phases(shown, grid))

    def unseen(self, grid: Grid, fleet: Fleet) -> Bools:
        """Of whose car's phases no sample has told anything yet, though it may use fewer than are wired."""
        may_tell = fleet.in_session & (grid.wired.sum(axis=1) > 1) & ~grid.whole_site & ~self.on_one
        return np.asarray(may_tell & (self.used == 0) & (self.seen == 0))

    def doubting(self, grid: Grid, fleet: Fleet, over: Bools, now: Seconds) -> "Cars":
        """After what the meters show; ``over`` ``[place, phase]``: where that is more than the rating.

        Which phases a car uses is learned as its station tells it. Where that names them otherwise than the site file,
        or measures one of them only, what flows on another is nobody's to cut. One that is told 0 A, and tells no
        draw, has no part in it.
        """
        if not over.any() and np.isnan(self.crowded_since).all():
            return self  # nearly always
        elsewhere = grid.wired & ~np.where(self.on_one[:, None], grid.single, self.in_use(grid))
        takes_part = fleet.in_session & ~((fleet.told_a == 0) & (fleet.draw_a.max(axis=1, initial=-np.inf) < PRESENT_A))
        crowded = takes_part & (elsewhere & (grid.below.T @ over)).any(axis=1)
        since = np.where(crowded, np.fmin(self.crowded_since, now), np.nan)
        doubted = np.where(crowded & (now - since >= DOUBT_S), 1.0, self.doubted)
        return replace(self, crowded_since=since, doubted=doubted, used=np.where(doubted > 0, 0.0, self.used))

    def _of_these_sessions(self, fleet: Fleet) -> "Cars":
        """What belongs to a session is forgotten with it; what spares the station isn't."""
        session = np.where(fleet.in_session, fleet.waiting_since, np.nan)
        other = ~((session == self.session) | (np.isnan(session) & np.isnan(self.session)))
        if not other.any():
            return self
        fresh = Cars.none(len(session))
        lasting = {"switched_at", "switches", "writes", "deaf"}
        kept = {
            field.name: np.where(other, getattr(fresh, field.name), getattr(self, field.name))
            for field in fields(self)
            if field.name not in lasting
        }
        return replace(self, **(kept | {"session": session}))

    def _on_one_phase(self, grid: Grid, fleet: Fleet, now: Seconds) -> "Cars":
        """Whether those that were told one phase are seen to use it alone."""
        if not (grid.switches & fleet.told_single).any() and np.isnan(self.strays_since).all():
            return self
        grants = fleet.grants
        held = grants.there & grants.in_session
        alone = grid.switches & fleet.told_single & held.any(axis=1) & ~(held & ~grants.single).any(axis=1)
        since = np.where(alone, np.fmin(self.alone_since, now), np.nan)
        draw = np.nan_to_num(fleet.draw_a)
        # Of the power alone a sample tells the more the sooner a limit is obeyed.
        seen = alone & is_known(fleet, now) & (fleet.drawn_at >= since) & (~fleet.draw_spread | was_seen_after(fleet))
        others = ((draw >= PRESENT_A) & grid.wired & ~grid.single).any(axis=1)
        too_much = draw.sum(axis=1) > fleet.told_a * VOLTAGE_MAY_DIFFER + PRESENT_A
        wrong = seen & np.where(fleet.draw_spread, too_much, others)
        right = seen & ~wrong & (draw.max(axis=1, initial=0.0) >= PRESENT_A)
        strays_since = np.where(
            wrong, np.fmin(self.strays_since, fleet.drawn_at), np.where(right, np.nan, self.strays_since)
        )
        deaf = np.where(wrong & (fleet.drawn_at - strays_since >= DEAF_S), 1.0, self.deaf)
        return replace(
            self,
            alone_since=since,
            kept=np.where(right, 1.0, np.where(alone & ~wrong, self.kept, 0.0)),
            strays_since=strays_since,
            deaf=deaf,
            single=np.where(deaf > 0, 0.0, self.single),
        )

    def _trims(self, grid: Grid, fleet: Fleet, now: Seconds) -> Floats:
        # NaN where nothing was sampled; where only the power is known it may all be on one phase.
        draw = np.where(fleet.draw_spread, fleet.draw_a.sum(axis=1), fleet.draw_a.max(axis=1, initial=-np.inf))
        taken_up = draw > self.trim_a - TRIM_MARGIN_A / 2
        follows = ~(fleet.drawn_at < fleet.raised_at + FOLLOW_S)
        steady = (now - fleet.told_at >= OBEY_S) & (fleet.drawn_at >= fleet.told_at + OBEY_S) & follows
        leaves = steady & (draw < fleet.told_a - TRIM_MARGIN_A) & (draw > 0)
        trim = np.where(taken_up, np.nan, np.where(leaves, draw + TRIM_MARGIN_A, self.trim_a))
        trim = np.where(grid.whole_site, np.nan, trim)  # more of its cars may come at any time
        return np.asarray(np.minimum(np.maximum(trim, grid.least_a), grid.max_a))

    def _phases_seen(self, grid: Grid, fleet: Fleet, now: Seconds) -> tuple[Floats, Floats, Floats]:
        if not fleet.in_session.any():
            return self.seen, self.seen_since, self.used
        present = (fleet.draw_a >= PRESENT_A) & grid.wired & is_known(fleet, now)[:, None]
        bits = present @ PHASE_BITS
        # A phase more than was known counts at once; in one-phase operation nothing is learned of the car, nor while
        # the EVSE may still be changing over.
        single = fleet.told_single | (self.single > 0)
        single |= grid.switches & ~(fleet.drawn_at >= fleet.told_at + OBEY_S)
        single |= grid.whole_site  # its next car may use other phases; it can't be told
        telling = fleet.in_session & ~single & (fleet.draw_a.max(axis=1, initial=-np.inf) >= TELLING_A) & (bits > 0)
        same = telling & (bits == self.seen)
        seen = np.where(telling, bits, self.seen)
        since = np.where(same, self.seen_since, np.where(telling, fleet.drawn_at, self.seen_since))
        learned = same & (fleet.drawn_at - since >= LEARN_S) & (self.doubted == 0)
        more = fleet.in_session & ((bits & ~self.used.astype(np.int64)) > 0) & (self.used > 0)
        used = np.where(more, 0.0, np.where(learned, bits, self.used))
        return seen, since, used


def _on_phases(bits: Floats, grid: Grid) -> Bools:
    """``[row, phase]``: those of the sum of 1, 2, 4 for L1, L2, L3; all wired where that is 0."""
    known = (bits.astype(np.int64) & PHASE_BITS[:, None]).T > 0
    return np.where((bits > 0)[:, None], known, grid.wired)


def refilled(tokens: Floats, *, at_once: float, per_hour: float, elapsed_s: Seconds) -> Floats:
    """What may be spent of something that comes ``per_hour``, of which ``at_once`` are kept at most; NaN is all."""
    return np.fmin(np.where(np.isnan(tokens), at_once, tokens) + elapsed_s * per_hour / SECONDS_PER_HOUR, at_once)
