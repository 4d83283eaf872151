"""What each EVSE may be drawing now, as far as it is known: its exposure, and the bounds of its draw.

:mod:`edge.allocation.exposure` says what it may be enforcing; here that meets its wiring, its rating and its samples.
"""

from dataclasses import dataclass

import numpy as np

from edge.allocation.exposure import FOLLOW_S, LEASE_SLACK_S, OBEY_S
from edge.allocation.fleet import Fleet, Grants
from edge.allocation.layout import Bools, Floats
from edge.allocation.plant import Grid
from edge.allocation.state import Reach
from edge.units import Amps, Seconds

# A sample says nothing any more about its car after this long: one and a half of the longest usual interval between two
# MeterValues, 60 s.
SAMPLE_LIFE_S = 90.0
# A car that draws no less than its limit by more than this has taken it up.
TAKEN_UP_A = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entitlement:
    """``exposure_a[row, phase]`` is the most that may be drawn, ``held_a`` what the EVSE has already: what it was told,
    unless the lease of that is over on one of its phases. ``low_a`` and ``high_a`` ``[row, phase]`` bound what it draws
    at this moment; where ``doubted``, on phases of which some may be wrong.
    """

    exposure_a: Floats
    held_a: Floats
    low_a: Floats
    high_a: Floats
    doubted: Bools


def entitle(
    grid: Grid,
    fleet: Fleet,
    in_use: Bools,
    now: Seconds,
    doubted: Bools | None = None,
    strays: Bools | None = None,
) -> Entitlement:
    """``in_use[row, phase]``: the grid phases that the running session's car can draw on. ``doubted``: whose samples
    aren't believed to tell the phases right: they count on each that is wired. ``strays``: who isn't believed to keep
    to one phase when told so.
    """
    nobody = np.zeros(len(grid.max_a), dtype=np.bool_)
    strays, doubted = (given if given is not None else nobody for given in (strays, doubted))
    draw = fleet.draw_a
    if doubted.any():
        draw = np.where(doubted[:, None] & grid.wired, draw.max(axis=1, initial=-np.inf)[:, None], draw)
    allowed = _allowed(grid, fleet, in_use, strays, now)
    exposure = _exposure(fleet, draw, allowed, now)
    low, high = _draw_bounds(grid, fleet, draw, exposure, now)
    # One limit for several phases is held where it is in force on each of them.
    told_on = np.where((fleet.told_single & ~strays)[:, None], grid.single, in_use)
    return Entitlement(
        exposure_a=exposure,
        held_a=np.minimum(fleet.told_a, np.where(told_on, allowed, allowed.max(axis=1)[:, None]).min(axis=1)),
        low_a=low,
        high_a=high,
        doubted=doubted,
    )


def most_by_grant(grants: Grants, renewable: Bools, now: Seconds) -> Floats:
    """:meth:`edge.allocation.exposure.Grant.most_a` of each."""
    age, lease, safe = now - grants.sent_at, grants.lease_s, grants.safe_a
    # It falls once and rises once: what it was lately at most, and what it will be soon.
    lately = np.where(age - LEASE_SLACK_S - OBEY_S < lease, grants.limit_a, np.minimum(grants.limit_a, safe))
    around = np.where(age + LEASE_SLACK_S < 2 * lease, lately, np.maximum(lately, safe))
    renewed = renewable[:, None] & (age < lease)
    return np.where(renewed, around, np.maximum(around, safe))


def _allowed(grid: Grid, fleet: Fleet, in_use: Bools, strays: Bools, now: Seconds) -> Floats:
    """The most that may be drawn on each phase by the limits and by the rating.

    A TxProfile replaces the TxDefaultProfile (OCPP 1.6 §3.13.1), but in any instant the session may end and the next
    begin, before we hear of it: so the idle limit counts always, and on every phase that is wired, for it is another
    car. One that has been seen to disobey may draw all that it can.
    """
    grants, renewable = fleet.grants, fleet.renewable
    counts = grants.there & (~grants.in_session | fleet.in_session[:, None])
    most = np.where(counts, most_by_grant(grants, renewable, now), -np.inf)
    idle = most.max(axis=1, initial=-np.inf, where=~grants.in_session)
    single = grants.single & ~strays[:, None]
    every = most.max(axis=1, initial=-np.inf, where=grants.in_session & ~single)
    one = most.max(axis=1, initial=-np.inf, where=grants.in_session & single)
    bound = np.fmax(idle, fleet.baseline_a)
    # Out of reach, a session may have ended and another have begun: what binds that is a grant for the idle EVSE, or
    # what bounds all that it held before it first obeyed us.
    ungoverned_idle = (idle == -np.inf) & ~renewable & fleet.governed
    unbound = (np.maximum(bound, np.maximum(every, one)) == -np.inf) | ungoverned_idle | fleet.reaches(Reach.DISOBEYING)
    bound = np.where(unbound, grid.max_a, bound)
    by_phase = np.where(grid.wired, bound[:, None], 0.0)
    by_phase = np.maximum(by_phase, np.where(in_use, every[:, None], 0.0))
    by_phase = np.maximum(by_phase, np.where(grid.single, one[:, None], 0.0))
    return np.asarray(np.minimum(by_phase, grid.max_a[:, None]))


def _exposure(fleet: Fleet, draw_a: Floats, allowed_a: Floats, now: Seconds) -> Floats:
    """What is allowed, and never less than what is measured."""
    # What was drawn before the present limit is bounded by what the EVSE may still hold; a sample of it would keep room
    # occupied until the next one.
    counted = (was_seen_after(fleet) & is_known(fleet, now))[:, None] & ~np.isnan(draw_a)
    return np.where(counted, np.fmax(allowed_a, draw_a), allowed_a)


def is_known(fleet: Fleet, now: Seconds) -> Bools:
    """Whose newest sample says something about now."""
    return np.asarray(now - fleet.drawn_at <= SAMPLE_LIFE_S) & ~np.isnan(fleet.draw_a[:, 0])


def _draw_bounds(grid: Grid, fleet: Fleet, draw_a: Floats, exposure_a: Floats, now: Seconds) -> tuple[Floats, Floats]:
    """The least and the most that each EVSE may be drawing now, for the sake of the background.

    A sample stands for now unless the limit has changed since, or so shortly before that the car may still be on its
    way: down to any limit of the last seconds, or up after a raise, until it has taken that up, on the phases that it
    may use: else each car on one phase would hide a rise of the building on the others. A cut leaves room for nothing
    above the sample: what flows then is the building's, and has to be cut for. After a while without samples the car
    may have gone.
    """
    known = is_known(fleet, now)
    sample = np.where(np.isnan(draw_a), 0.0, draw_a)
    never = np.isnan(fleet.drawn_at)
    falling = never | (fleet.drawn_at < fleet.told_at + OBEY_S)
    follows_late = (fleet.drawn_at < fleet.raised_at + FOLLOW_S) & (sample.max(axis=1) < fleet.told_a - TAKEN_UP_A)
    rising = never | (fleet.drawn_at < fleet.raised_at + OBEY_S) | follows_late
    lowest = np.where(grid.wired, np.minimum(fleet.lowest_a, fleet.told_a)[:, None], 0.0)
    low = np.where(falling[:, None], np.minimum(sample, lowest), sample)
    high = np.where(rising[:, None], np.maximum(sample, exposure_a), sample)
    # Out of reach for so long it counts as a part of the building: a rise must not hide behind a car that has gone.
    lost = ~never & ~known
    low = np.where(lost[:, None], 0.0, low)
    high = np.where(lost[:, None], np.where(fleet.renewable[:, None], np.minimum(sample, exposure_a), 0.0), high)
    # Without a session only a sample tells.
    alone = np.where(known[:, None], sample, 0.0)
    session = fleet.in_session[:, None]
    return np.where(session, low, alone), np.where(session, high, alone)


def when_obeyed_a(grid: Grid, fleet: Fleet, high_a: Floats, slow: Bools) -> Floats:
    """The most that each EVSE will draw when it has obeyed what it was told last, as far as that isn't seen yet.

    One that was seen since it had its time to obey draws what was seen, and so does one that is ``slow``.
    """
    told = np.where(grid.wired, fleet.told_a[:, None], 0.0)
    follows = fleet.in_session & fleet.reaches(Reach.OBEYING) & ~was_seen_after(fleet) & ~slow
    return np.where(follows[:, None], np.minimum(high_a, told), high_a)


def was_seen_after(fleet: Fleet) -> Bools:
    """Whose newest sample is of when it had had its time to obey what it was told last."""
    return np.asarray(np.isnan(fleet.told_at) | (fleet.drawn_at >= fleet.told_at + OBEY_S))


def rounded_down(amps: Floats, step_a: Floats) -> Floats:
    """The largest whole number of steps that isn't more; continuous ones in tenths (OCPP 1.6 §7.13)."""
    per_amp = 1.0 / np.where(step_a > 0, step_a, 0.1)
    return np.asarray(np.floor(amps * per_amp + 1e-6) / per_amp)


def asked_a(evse_min_a: Amps, fallback_a: Amps, held_a: Amps, draw_a: Amps | None, *, governed: bool) -> Amps:
    """What an EVSE is asked for that isn't ours to limit: its safe current, but nothing that would be a raise.

    One that isn't known to hold a limit of ours has at least its minimum if it charges (``draw_a``, None if it doesn't
    or nothing is known).
    """
    if not governed and draw_a is not None:
        held_a = max(held_a, evse_min_a, draw_a)
    return min(fallback_a, held_a)
