"""From what an EVSE should get to what it may be told now.

A cut is told at once. A raise is told only out of room that no exposure occupies: it waits for the cut that pays for
it. Before that it is paced: a car begins at its minimum and rises when that is measured, limits don't flicker, a car
that was stopped stays off for a moment, a station's memory isn't worn out, and nothing rises while a meter is late.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from edge.allocation.admission import grant_takes, raised
from edge.allocation.cars import Cars, refilled
from edge.allocation.columns import EPSILON_A
from edge.allocation.entitlement import Entitlement, rounded_down
from edge.allocation.exposure import OBEY_TOLERANCE_A
from edge.allocation.fleet import Fleet
from edge.allocation.headroom import Headroom
from edge.allocation.layout import BALANCE_LINES_PER_EVSE, LINES_PER_CIRCUIT, POWER, Bools, Floats, Ints
from edge.allocation.plant import Grid
from edge.allocation.share import Shares
from edge.allocation.snapshot import Snapshot
from edge.units import Seconds

# Between two raises of one EVSE: a car needs about this long to follow (IEC 61851-1), and each raise is a write.
RAISE_HOLD_S = 5.0
# A raise by less is not worth a write of its own, unless it brings all that the car can use ...
RAISE_DEAD_BAND_A = 1.0
# ... but once its limit has stood for half a usual lease it is written again anyhow: then nothing is left stranded.
SMALL_RAISE_HOLD_S = 60.0
# By how much one EVSE rises at a time while what is given is still recovering from a meter that had failed.
RECOVERY_STEP_A = 2.0
# So many raises of a station may follow each other before its hourly number counts: a busy quarter of an hour.
RAISES_AT_ONCE = 20.0
# Nothing can be raised by less than this: the smallest step of a limit.
LEAST_RAISE_A = 0.05


class Held(IntEnum):
    """Why an EVSE isn't told all of its share now."""

    NOT = 0
    FOR_CUT = 1  # others have not obeyed their cut yet
    STEADY = 2
    STARTING = 3
    RESTING = 4
    WRITES = 5
    METER_LATE = 6
    RECOVERING = 7
    SWITCHING = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Released:
    """What each EVSE may be told: ``amps``, on one phase where ``single``; ``why`` (:class:`Held`) that is less than
    its share, and the ``line`` whose room is lacking where it waits for a cut. ``cars`` remembers the writes.
    """

    amps: Floats
    single: Bools
    why: Ints
    line: Ints
    cars: Cars


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Changes:
    """Whose limit is to begin, to rise, or to be told on another number of phases."""

    starts: Bools
    rises: Bools
    switches: Bools

    @classmethod
    def towards(cls, target: Floats, held: Floats, grid: Grid, fleet: Fleet, cars: Cars) -> "_Changes":
        switches = (cars.single > 0) != fleet.told_single
        switches &= grid.switches & (target > 0) & (held >= grid.least_a - EPSILON_A)
        starts = (target > held + EPSILON_A) & (held < grid.least_a - EPSILON_A)
        rises = (target > held + EPSILON_A) & ~starts & ~switches
        return cls(starts=starts, rises=rises, switches=switches)

    @property
    def begin(self) -> Bools:
        """Who is told its minimum first."""
        return self.starts | self.switches

    @property
    def all(self) -> Bools:
        return self.starts | self.rises | self.switches

    def where(self, may: Bools) -> "_Changes":
        return _Changes(starts=self.starts & may, rises=self.rises & may, switches=self.switches & may)


def release(
    snapshot: Snapshot,
    shares: Shares,
    headroom: Headroom,
    entitlement: Entitlement,
    cars: Cars,
    order: Ints,
    elapsed_s: Seconds,
) -> Released:
    """After each raise that is granted the room is less, so one tick never promises the same ampere twice.

    ``elapsed_s``: since the decision before this one.
    """
    grid, fleet, held = snapshot.plant.grid, snapshot.fleet, entitlement.held_a
    entitlement = replace(entitlement, exposure_a=np.maximum(entitlement.exposure_a, headroom.guessed_a))
    target = rounded_down(shares.amps, grid.step_a)
    per_hour = snapshot.settings.raises_per_hour
    writes = refilled(cars.writes, at_once=RAISES_AT_ONCE, per_hour=per_hour, elapsed_s=elapsed_s)
    changes = _Changes.towards(target, held, grid, fleet, cars)
    stays = rounded_down(np.minimum(held, target), grid.step_a)
    # No car between 0 and its minimum, also where the end of its lease has left it at less.
    stays = np.where(stays < grid.least_a - EPSILON_A, 0.0, stays)
    if not changes.all.any():  # as mostly from one second to the next
        nothing = np.zeros(len(held), dtype=np.int64)
        return Released(
            amps=stays, single=fleet.told_single, why=nothing, line=nothing, cars=replace(cars, writes=writes)
        )
    brings_all = target >= rounded_down(shares.demand_a, grid.step_a) - EPSILON_A
    is_due = _is_due(fleet, target - held, brings_all, snapshot.now)
    why = _put_off(snapshot, headroom, cars, changes, is_due, writes)
    wish = _wishes(grid, headroom, held, target, changes)
    room, most_own = _room(grid, headroom, entitlement), _most_own(grid, shares, headroom, entitlement)
    last = _last_to_rise(fleet, held, target)
    given, lines = _out_of_room(shares, entitlement, most_own, room, wish, changes.where(why == 0), order, last)
    amps = np.where(given > 0, rounded_down(given, grid.step_a), stays)
    # Only what is worth the write.
    too_little = (given > 0) & ((amps <= held + EPSILON_A) | (amps < grid.least_a - EPSILON_A)) & ~changes.switches
    too_little |= changes.rises & ~_is_due(fleet, amps - held, amps >= wish - EPSILON_A, snapshot.now)
    amps = np.where(too_little, stays, amps)
    raised_now = (given > 0) & ~too_little
    lacking = changes.all & (why == 0) & (~raised_now | (amps < wish - EPSILON_A))
    # What others measure above their limits occupies room, too, and there is no cut that they have yet to obey.
    slight = changes.rises & (wish - amps <= OBEY_TOLERANCE_A)
    why[lacking] = np.where(slight[lacking], Held.STEADY, Held.FOR_CUT)
    full = (why == 0) & (amps < target - EPSILON_A)
    why[full & changes.begin] = Held.STARTING
    why[full & changes.rises] = Held.RECOVERING
    why[changes.switches & (why == Held.STARTING)] = Held.SWITCHING
    station_raises = np.bincount(grid.station[raised_now], minlength=grid.station_count)
    return Released(
        amps=amps,
        single=np.where(changes.begin & raised_now, cars.single > 0, fleet.told_single),
        why=why,
        line=lines,
        cars=replace(cars, writes=writes - station_raises[grid.station]),
    )


def observed(grid: Grid, shares: Shares, cars: Cars) -> Released:
    """What each would be told where nothing is commanded."""
    nothing = np.zeros(len(shares.amps), dtype=np.int64)
    return Released(
        amps=rounded_down(shares.amps, grid.step_a), single=cars.single > 0, why=nothing, line=nothing, cars=cars
    )


def _put_off(
    snapshot: Snapshot, headroom: Headroom, cars: Cars, changes: _Changes, is_due: Bools, writes: Floats
) -> Ints:
    """Why (:class:`Held`) a change isn't told yet, whatever room there is; 0 where it may be."""
    grid, fleet, now = snapshot.plant.grid, snapshot.fleet, snapshot.now
    why = np.zeros(len(is_due), dtype=np.int64)
    for reason, where in (
        (Held.STEADY, changes.rises & (~is_due | headroom.untaken)),
        (Held.WRITES, (changes.rises | changes.switches) & (writes < 1)),
        (Held.RESTING, changes.starts & (now - cars.off_since < snapshot.settings.min_off_s)),
        (Held.SWITCHING, changes.rises & _is_on_trust(grid, fleet, cars, now)),
        (Held.STARTING, changes.rises & _may_unbalance(snapshot, cars)),
        (Held.METER_LATE, changes.all & grid.on_path(headroom.late)),
    ):
        why[where] = reason
    return why


def _is_due(fleet: Fleet, more_a: Floats, brings_all: Bools, now: Seconds) -> Bools:
    """Whether a raise by ``more_a`` is due."""
    hold_s = np.where((more_a >= RAISE_DEAD_BAND_A) | brings_all, RAISE_HOLD_S, SMALL_RAISE_HOLD_S)
    return np.asarray(np.isnan(fleet.told_at) | (now - fleet.told_at >= hold_s))


def _is_on_trust(grid: Grid, fleet: Fleet, cars: Cars, now: Seconds) -> Bools:
    """Who was told one phase, and hasn't been seen to keep to it: not long ago, for some tell no samples."""
    return np.asarray(grid.switches & fleet.told_single & (cars.kept == 0) & (now - fleet.told_at < SMALL_RAISE_HOLD_S))


def _may_unbalance(snapshot: Snapshot, cars: Cars) -> Bools:
    """Whose car may use fewer phases than it is counted on, where phases may differ by so much only: until it is seen,
    or not long after it was told its minimum, for some tell no samples."""
    grid, fleet = snapshot.plant.grid, snapshot.fleet
    if snapshot.plant.imbalance_limit_a is None:
        return np.zeros(len(fleet.told_a), dtype=np.bool_)
    return cars.unseen(grid, fleet) & (snapshot.now - fleet.told_at < SMALL_RAISE_HOLD_S)


def _room(grid: Grid, headroom: Headroom, entitlement: Entitlement) -> Floats:
    """What no exposure occupies on each line. Whatever is believed of cars and building: nothing where the meter shows
    too much."""
    room = headroom.left_a - grid.on_lines(entitlement.exposure_a)
    phases = grid.layout.by_circuit(room)[:, :POWER]
    phases[headroom.over] = np.minimum(phases[headroom.over], 0.0)
    return np.asarray(room)


def _most_own(grid: Grid, shares: Shares, headroom: Headroom, entitlement: Entitlement) -> Floats:
    """How much of what each occupies itself needs no room: not what it draws above its limit where the meter shows too
    much."""
    if not headroom.over.any():
        return np.full(len(entitlement.held_a), np.inf)  # nearly always
    over = (shares.in_use & (grid.below.T @ headroom.over)).any(axis=1)
    return np.where(over, entitlement.held_a, np.inf)


def _wishes(grid: Grid, headroom: Headroom, held: Floats, target: Floats, changes: _Changes) -> Floats:
    """What each asks for now: to begin with its minimum, later all; in small steps while a meter has just come back."""
    wish = np.where(changes.begin, np.minimum(target, grid.least_a), target)
    back = grid.on_path(headroom.recovering)
    return np.where(back & ~changes.begin, np.minimum(wish, held + RECOVERY_STEP_A), wish)


def _last_to_rise(fleet: Fleet, held: Floats, target: Floats) -> Floats:
    """Whose limit rises after all others': by rank, and in a rank who has most of its share already.

    There may never be room for all shares together: some of it is occupied by what cars draw above limits that follow
    them down while they taper. By precedence alone the same one would go without for as long as that lasts.
    """
    return np.asarray(fleet.rank + held / np.maximum(target, EPSILON_A))


def _out_of_room(
    shares: Shares,
    entitlement: Entitlement,
    most_own: Floats,
    room: Floats,
    wish: Floats,
    changes: _Changes,
    order: Ints,
    last: Floats,
) -> tuple[Floats, Ints]:
    """What each that starts, switches or rises may have, 0 where nothing; and the tightest line of each of them.

    First those that start, all or nothing, in ``order`` of precedence; then those that rise, as far as it goes, the
    ``last`` of them last. Room below 0 (what others may hold from before is more than fits) is room that an EVSE's own
    exposure doesn't have either.
    """
    # Few change from one second to the next: only these are looked at from here on, in order of precedence.
    rows = order[changes.all[order]]
    if not rows.size:
        return np.zeros(len(order)), np.zeros(len(order), dtype=np.int64)
    lines = shares.layout.lines[rows, :-BALANCE_LINES_PER_EVSE]
    uses = shares.layout.uses[rows, :-BALANCE_LINES_PER_EVSE]
    wish, counted, exposure = wish[rows], shares.counted[rows], entitlement.exposure_a[rows]
    own = np.where(counted, exposure, np.inf).min(axis=1, initial=np.inf)
    own = np.minimum(np.where(np.isfinite(own), own, 0.0), most_own[rows])
    given = np.zeros(len(rows))

    def spare() -> Floats:
        return np.asarray(np.where(uses > 0, room[lines], np.inf).min(axis=1, initial=np.inf))

    fits = (spare() >= 0) | (own + spare() >= wish - EPSILON_A)
    first = np.flatnonzero(changes.begin[rows] & fits)
    if first.size:
        more = np.where(counted[first], np.maximum(wish[first, None] - exposure[first], 0.0), 0.0)
        takes = np.tile(np.concatenate((more, more.sum(axis=1)[:, None]), axis=1), lines.shape[1] // LINES_PER_CIRCUIT)
        takes = np.where(uses[first] > 0, takes, 0.0)
        granted, _ = grant_takes(lines[first], takes, room)
        given[first[granted]] = wish[first[granted]]
        room = room - np.bincount(lines[first][granted].ravel(), takes[granted].ravel(), minlength=len(room))
    then = np.flatnonzero(changes.rises[rows])
    if then.size:
        then = then[np.argsort(last[rows[then]], kind="stable")]
        left = spare()
        within = np.minimum(wish, own + np.minimum(left, 0.0))
        given[then] = np.maximum(within[then], 0.0)
        beyond = then[(wish[then] > own[then]) & (left[then] >= LEAST_RAISE_A)]
        extra = raised(lines[beyond], uses[beyond], (wish - own)[beyond], room)
        given[beyond] = own[beyond] + extra
    tightest = np.where(uses > 0, room[lines], np.inf).argmin(axis=1)
    by_row, line_of = np.zeros(len(order)), np.zeros(len(order), dtype=np.int64)
    by_row[rows], line_of[rows] = given, lines[np.arange(len(rows)), tightest]
    return by_row, line_of
