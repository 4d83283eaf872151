"""What is left for the EVSEs on each circuit and phase.

The meter shows the building and the cars together, the stations report the cars alone, later and seldom. So what the
building takes is known only within bounds: the meter less the most, and less the least, that the cars may be drawing by
now. The estimate rises to the lower bound at once; and where more flows than the rating for longer than cars take to
obey, to what it would be if all had obeyed. A fall that a reading shows may be a car's that has not been sampled since;
so it is believed only when every car has been, and then as far as the highest reading of that while bears it out with
the lowest of each car's samples: a fall that a late sample pretends would hand out current that isn't there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.allocation.exposure import OBEY_S
from edge.allocation.snapshot import CircuitState, EvseState, Reach, Snapshot
from edge.domain.site import EvseKey
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds

# A sample says nothing any more about its car after this long: one and a half of the longest usual interval between two
# MeterValues, 60 s.
SAMPLE_LIFE_S = 90.0
# How long a sample may have been on its way to us.
SAMPLE_DELAY_S = 2.0
# What flows above a rating for this long isn't a cut that is still being obeyed (5 s, IEC 61851-1).
OVERLOAD_HOLD_S = 6.0
# Differences below this are the meter's and the stations' noise.
FALL_NOISE_A = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """Readings that show less background than was estimated, until the cars' samples confirm or explain it."""

    since: Seconds
    measured_a: PhaseAmps  # the highest reading since then
    least_a: Mapping[EvseKey, PhaseAmps]  # of each car: the lowest that it may have drawn since then


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What flows through a metered circuit besides the EVSEs, as far as it is known."""

    estimate_a: PhaseAmps
    reading_at: Seconds  # of the reading it stands on
    fall: Fall | None = None
    over_since: Seconds | None = None  # since when more flows than the rating; anew after each answer to that


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """Per circuit: the rating, what the background takes of it, what is left for EVSEs (may be below 0)."""

    rating_a: Mapping[str, PhaseAmps]
    background_a: Mapping[str, PhaseAmps]
    left_a: Mapping[str, PhaseAmps]
    stale: frozenset[str]  # circuits whose meter gives no fresh reading


def estimate(snapshot: Snapshot, memory: Mapping[str, Background]) -> tuple[Headroom, dict[str, Background]]:
    """The headroom of every circuit now, and what to remember for the next estimate."""
    rating, background, left = {}, {}, {}
    stale = set()
    remembered: dict[str, Background] = {}
    for state in snapshot.circuits:
        circuit = state.circuit
        reserve = PhaseAmps.same(circuit.background_reserve_a or 0.0)
        known = memory.get(circuit.id)
        if circuit.meter is None:
            taken = reserve
        elif is_fresh(state, snapshot):
            known = _updated(snapshot, state, known)
            taken = known.estimate_a
        else:
            stale.add(circuit.id)
            # The worst that the installer knows of, or the last that we knew of, whichever is more.
            taken = reserve.combine(known.estimate_a, max) if known is not None else reserve
        if known is not None:
            remembered[circuit.id] = known
        rating[circuit.id] = PhaseAmps.same(circuit.rating_a)
        background[circuit.id] = taken
        left[circuit.id] = rating[circuit.id] - taken
    return (
        Headroom(rating_a=rating, background_a=background, left_a=left, stale=frozenset(stale)),
        remembered,
    )


def is_fresh(state: CircuitState, snapshot: Snapshot) -> bool:
    """Whether the circuit's meter has answered within ``meter_stale_s``."""
    return state.measured_at is not None and snapshot.now - state.measured_at <= snapshot.settings.meter_stale_s


def _updated(snapshot: Snapshot, state: CircuitState, known: Background | None) -> Background:
    """The background after a new reading. The same reading twice teaches nothing: the cars have moved since."""
    if state.measured_a is None or state.measured_at is None:
        raise ValueError(f"circuit {state.circuit.id} is called fresh but has no reading")
    if known is not None and known.reading_at >= state.measured_at:
        return known
    below = [evse for evse in snapshot.evses if state.circuit.id in snapshot.paths[evse.evse.circuit]]
    least: dict[EvseKey, PhaseAmps] = {}
    all_least, all_most, all_told = NO_CURRENT, NO_CURRENT, NO_CURRENT
    for evse in below:
        low, high = draw_bounds(evse, snapshot.now)
        least[evse.key] = low
        all_least, all_most, all_told = all_least + low, all_most + high, all_told + _when_obeyed(evse, high)
    highest = state.measured_a - all_least
    if known is None:
        return Background(estimate_a=highest, reading_at=state.measured_at)
    risen = known.estimate_a.combine(state.measured_a - all_most, max)
    fall = known.fall
    if fall is not None:
        fall = _prolonged(fall, state.measured_a, least)
        if _is_confirmed(fall, below):
            confirmed = fall.measured_a - sum(fall.least_a.values(), NO_CURRENT)
            # What rose since has risen.
            risen = risen.combine(confirmed, min).combine(state.measured_a - all_most, max)
            fall = None
    over_since = _over_since(state, known)
    if over_since is not None and state.measured_at - over_since >= OVERLOAD_HOLD_S:
        risen, over_since = risen.combine(state.measured_a - all_told, max), state.measured_at
    if fall is None and any(high < now - FALL_NOISE_A for high, now in zip(highest, risen, strict=True)):
        fall = Fall(since=state.measured_at, measured_a=state.measured_a, least_a=least)
    return Background(estimate_a=risen, reading_at=state.measured_at, fall=fall, over_since=over_since)


def _over_since(state: CircuitState, known: Background) -> Seconds | None:
    """Since when the circuit's meter has shown more than its rating."""
    if state.measured_a is None or max(state.measured_a) <= state.circuit.rating_a:
        return None
    return known.over_since if known.over_since is not None else state.measured_at


def _when_obeyed(state: EvseState, most: PhaseAmps) -> PhaseAmps:
    """The most that the EVSE will draw when it has obeyed what it was told last."""
    if not (state.in_session and state.reach is Reach.OBEYING):
        return most
    return most.combine(PhaseAmps.on(state.evse.phases, state.told_a), min)


def _prolonged(fall: Fall, measured_a: PhaseAmps, least: Mapping[EvseKey, PhaseAmps]) -> Fall:
    return replace(
        fall,
        measured_a=fall.measured_a.combine(measured_a, max),
        least_a={key: was.combine(least.get(key, NO_CURRENT), min) for key, was in fall.least_a.items()},
    )


def _is_confirmed(fall: Fall, below: list[EvseState]) -> bool:
    """Whether every car that the fall could be due to has been sampled since."""
    return all(
        evse.drawn_at is not None and evse.drawn_at > fall.since + SAMPLE_DELAY_S
        for evse in below
        if max(fall.least_a.get(evse.key, NO_CURRENT)) > 0
    )


def known_draw_a(state: EvseState, now: Seconds) -> PhaseAmps | None:
    """The newest sample, as long as it says something about now."""
    if state.draw_a is None or state.drawn_at is None or now - state.drawn_at > SAMPLE_LIFE_S:
        return None
    return state.draw_a


def draw_bounds(state: EvseState, now: Seconds) -> tuple[PhaseAmps, PhaseAmps]:
    """The least and the most that the EVSE may be drawing now, on grid phases, for the sake of the background.

    A sample stands for now unless the limit has changed since, or so shortly before that the car may still be on its
    way: down to any limit of the last seconds, or up after a raise. A cut leaves room for nothing above the sample:
    what flows then is the building's, and has to be cut for. After a while without samples the car may have gone.
    """
    known = known_draw_a(state, now)
    if not state.in_session:
        return (known, known) if known is not None else (NO_CURRENT, NO_CURRENT)
    sample = state.draw_a if state.draw_a is not None else NO_CURRENT
    most = PhaseAmps.on(state.evse.phases, exposure_a(state, now))
    if state.drawn_at is not None and known is None:
        # Out of reach for so long it counts as a part of the building: a rise must not hide behind a car that has gone.
        return NO_CURRENT, sample.combine(most, min) if state.reach.renewable else NO_CURRENT
    low = high = sample
    if _may_be_following(state, state.told_at):
        lowest_a = min((grant.limit_a for grant in state.holdings.session), default=0.0)
        low = sample.combine(PhaseAmps.on(state.evse.phases, min(lowest_a, state.told_a)), min)
    if _may_be_following(state, state.raised_at):
        high = sample.combine(most, max)
    return low, high


def _may_be_following(state: EvseState, changed_at: Seconds | None) -> bool:
    """Whether the newest sample is from before the car had its time to follow a change."""
    return state.drawn_at is None or (changed_at is not None and state.drawn_at < changed_at + OBEY_S)


def exposure_a(state: EvseState, now: Seconds) -> Amps:
    """The most that the EVSE may be drawing on any of its phases: by its limits, its rating and its measured draw.

    One that has been seen to disobey may draw all that it can.
    """
    held = state.holdings.most_a(now, in_session=state.in_session, renewable=state.reach.renewable)
    unbound = held is None or state.reach is Reach.DISOBEYING
    bound = state.evse.max_a if unbound or held is None else min(held, state.evse.max_a)
    draw_a = _draw_under_limit(state, now)
    return bound if draw_a is None else max(bound, *draw_a)


def exposure_by_phase(state: EvseState, now: Seconds) -> PhaseAmps:
    """:func:`exposure_a` on the EVSE's grid phases, and what it draws on others besides."""
    exposed = PhaseAmps.on(state.evse.phases, exposure_a(state, now))
    draw_a = _draw_under_limit(state, now)
    return exposed if draw_a is None else exposed.combine(draw_a, max)


def _draw_under_limit(state: EvseState, now: Seconds) -> PhaseAmps | None:
    """The newest sample, if it was taken under the present limit. What was drawn before is bounded by what the EVSE may
    still hold; a sample of it would keep room occupied until the next one."""
    under_limit = state.drawn_at is not None and (state.told_at is None or state.drawn_at >= state.told_at + OBEY_S)
    return known_draw_a(state, now) if under_limit else None
