"""Precedence, and turns where the minima don't all fit.

A car that has charged for a whole turn makes way for one of its rank that waits; one that was stopped waits for a whole
turn before it takes another's place. So each of them charges and waits for no less than a turn at a time, and whoever
waits longest is next: nobody starves. Cars that paused by themselves hold no turn; they get their minimum out of what
the others leave, and are woken now and then.
"""

from dataclasses import dataclass, replace

import numpy as np

from edge.allocation.cars import Cars
from edge.allocation.fleet import Fleet
from edge.allocation.layout import Bools, Floats, Ints
from edge.allocation.plant import Grid
from edge.allocation.state import Reach
from edge.domain.site import ControlSettings, IdlePolicy, Mode
from edge.units import Seconds

# A car that paused by itself may want to go on (a timer, a cooled battery), and can't show it while it has 0 A. So it
# is offered its minimum like one that charges, for as long as cars have been seen to take to wake, once a turn. Where
# there is no room for that at once it waits for it, like one that charges: else two that take turns could starve it.
WAKE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wishes:
    """What each EVSE is in for: ``charge`` (a session that can use current), ``wake`` (its car has paused: its minimum,
    out of what the others leave), ``idle`` (no session) or ``foreign`` (can't be limited: reserved for).
    """

    charge: Bools
    wake: Bools
    idle: Bools
    foreign: Bools

    @classmethod
    def of(cls, fleet: Fleet, cars: Cars, settings: ControlSettings, now: Seconds) -> "Wishes":
        obeying = [Reach.OBEYING]
        if settings.mode is Mode.OBSERVE:
            obeying += [Reach.NEW, Reach.UNCONFIRMED]
        ours = fleet.reaches(*obeying)
        active = ours & fleet.in_session & fleet.can_charge
        asleep = active & fleet.paused & ~(now - cars.asleep_since < WAKE_S)
        return cls(charge=active & ~asleep, wake=asleep, idle=ours & ~active, foreign=~ours)

    def kept_awake(self, never_zero: Bools) -> "Wishes":
        """Cars that wouldn't wake from 0 A are in for their minimum like those that charge, even while they pause."""
        if not never_zero.any():
            return self
        return replace(self, charge=self.charge | (self.wake & never_zero), wake=self.wake & ~never_zero)


def woken(cars: Cars, fleet: Fleet, grid: Grid, settings: ControlSettings, now: Seconds) -> Cars:
    """When each sleeping car fell asleep or was last woken; that lasts from when it is told its minimum."""
    asleep = fleet.paused & fleet.in_session
    if not asleep.any() and np.isnan(cars.asleep_since).all():
        return cars
    due = np.isnan(cars.asleep_since) | (now - cars.asleep_since >= settings.turn_s)
    if settings.mode is Mode.CONTROL:
        due |= (now - cars.asleep_since < WAKE_S) & (fleet.told_a < grid.least_a)
    since = np.where(asleep, np.where(due, now, cars.asleep_since), np.nan)
    return replace(cars, asleep_since=since)


def is_roused(fleet: Fleet, cars: Cars, now: Seconds) -> Bools:
    """Whose car has paused and is being woken at the moment."""
    return np.asarray(fleet.paused & fleet.in_session & (now - cars.asleep_since < WAKE_S))


def keeps_safe(grid: Grid, fleet: Fleet, settings: ControlSettings) -> Bools:
    """Whose sessions are never told less than the safe current (``idle = "safe"``).

    The next one may begin at it in any instant, before we hear of it: nobody else could ever have that. Who doesn't
    obey that, either, is stopped; and by a safe current below the minimum no car charges.
    """
    return np.asarray((settings.idle is IdlePolicy.SAFE) & (grid.fallback_a >= grid.min_a) & ~fleet.stopped)


def keeps_held(fleet: Fleet, least_a: Floats) -> Bools:
    """Who may hold this much from before our start to the end of its session, whatever it is told: nobody else can have
    that."""
    return np.asarray(fleet.remains & (fleet.baseline_a >= least_a))


def precedence(grid: Grid, fleet: Fleet, wishes: Wishes, cars: Cars, settings: ControlSettings, now: Seconds) -> Ints:
    """All rows, those served first before.

    Whoever charges before who paused; EVSEs that must not fall to 0, and those whose current no cut would free for
    others; then by rank; guaranteed minima; whoever has a
    turn that isn't over; whoever waits, the longest first; whoever has had a whole turn, the latest first; whoever was
    stopped less than a turn ago. Equals by id.
    """
    first = grid.never_zero | keeps_safe(grid, fleet, settings) | (keeps_held(fleet, grid.min_a) & ~fleet.stopped)
    # Whoever charges when we first hear of it has its turn from now on.
    unheard = np.isnan(cars.on_since) & np.isnan(cars.off_since) & fleet.in_session & (fleet.told_a >= grid.min_a)
    on_since = np.where(unheard, now, cars.on_since)
    on = ~np.isnan(on_since)
    had_turn = on & (now - on_since >= settings.turn_s)
    stopped = ~on & (now - cars.off_since < settings.turn_s)
    group = np.where(on, np.where(had_turn, 2, 0), np.where(stopped, 3, 1))
    began = np.where(np.isnan(fleet.waiting_since), np.inf, fleet.waiting_since)
    since = np.where(on, np.where(had_turn, -on_since, began), np.fmax(began, cars.off_since))
    return np.lexsort((since, group, ~fleet.guaranteed, fleet.rank, ~first, ~wishes.charge)).astype(np.int64)


def taken(cars: Cars, fleet: Fleet, grid: Grid, wishes: Wishes, admitted: Bools, now: Seconds) -> Cars:
    """Who has a turn after this decision.

    A turn begins when the car has been told its minimum, and ends when it isn't admitted any more, or pauses by itself.
    While a station is out of reach its car keeps what it had.
    """
    runs = fleet.told_a >= grid.min_a
    on = ~np.isnan(cars.on_since)
    on_since = np.where(wishes.charge & admitted, np.where(on & runs, cars.on_since, now), np.nan)
    return replace(
        cars,
        on_since=np.where(wishes.foreign, cars.on_since, on_since),
        off_since=np.where(wishes.charge & on & ~admitted & runs, now, cars.off_since),
    )


def waits_for_turn(fleet: Fleet, admitted: Bools) -> Bools:
    """Who isn't admitted while one of no higher rank is."""
    lowest = int(fleet.rank[admitted].max(initial=-1))
    return np.asarray(~admitted & (fleet.rank <= lowest))
