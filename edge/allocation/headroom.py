"""What is left for the EVSEs on each circuit and phase.

The meter shows the building and the cars together, the stations report the cars alone, later and seldom. So what the
building takes is known only within bounds: the meter less the most, and less the least, that the cars may be drawing by
now. The estimate stays where it is while it lies within them. It rises to the lower bound at once. It falls only once
every car that draws has been sampled since, or a while has passed: a fall that a late sample pretends would hand out
current that isn't there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.allocation.exposure import OBEY_S
from edge.allocation.snapshot import CircuitState, EvseState, Reach, Snapshot
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds

# A fall of the background is believed after this long even where no sample of the cars confirms it: one and a half of
# the usual 10 s between two MeterValues.
FALL_HOLD_S = 15.0
# Differences below this are the meter's and the stations' noise.
FALL_NOISE_A = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What flows through a metered circuit besides the EVSEs, as far as it is known."""

    estimate_a: PhaseAmps
    reading_at: Seconds  # of the reading it stands on
    falling_since: Seconds | None = None
    fall_to_a: PhaseAmps | None = None  # the highest bound seen since then


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
    least, most = NO_CURRENT, NO_CURRENT
    for evse in below:
        low, high = draw_bounds(evse, snapshot.now)
        least, most = least + low, most + high
    lowest, highest = state.measured_a - most, state.measured_a - least
    if known is None:
        return Background(estimate_a=highest, reading_at=state.measured_at)
    risen = known.estimate_a.combine(lowest, max)
    fallen = risen.combine(highest, min)
    if not any(high - low > FALL_NOISE_A for high, low in zip(risen, fallen, strict=True)):
        return Background(estimate_a=risen, reading_at=state.measured_at)
    since = known.falling_since if known.falling_since is not None else state.measured_at
    fall_to = fallen if known.fall_to_a is None else known.fall_to_a.combine(fallen, max).combine(risen, min)
    if _fall_is_confirmed(below, since, snapshot.now):
        return Background(estimate_a=fall_to, reading_at=state.measured_at)
    return Background(estimate_a=risen, reading_at=state.measured_at, falling_since=since, fall_to_a=fall_to)


def _fall_is_confirmed(below: list[EvseState], since: Seconds, now: Seconds) -> bool:
    if now - since >= FALL_HOLD_S:
        return True
    return all(evse.drawn_at is not None and evse.drawn_at > since for evse in below if evse.in_session)


def draw_bounds(state: EvseState, now: Seconds) -> tuple[PhaseAmps, PhaseAmps]:
    """The least and the most that the EVSE may be drawing now, on grid phases, for the sake of the background.

    A sample stands for now unless the limit has changed since, or so shortly before that the car may still be on its
    way: then it lies anywhere between the sample and the limit.
    """
    sample = state.draw_a if state.draw_a is not None else NO_CURRENT
    if not state.in_session:
        return sample, sample
    moving = state.drawn_at is None or (state.told_at is not None and state.drawn_at < state.told_at + OBEY_S)
    if not moving:
        return sample, sample
    told = PhaseAmps.on(state.evse.phases, state.told_a)
    most = PhaseAmps.on(state.evse.phases, exposure_a(state, now))
    return sample.combine(told, min), sample.combine(most, max)


def exposure_a(state: EvseState, now: Seconds) -> Amps:
    """The most that the EVSE may be drawing on any of its phases: by its limits, its rating and its measured draw.

    One that has been seen to disobey may draw all that it can.
    """
    held = state.holdings.most_a(now, in_session=state.in_session, renewable=state.reach.renewable)
    unbound = held is None or state.reach is Reach.DISOBEYING
    bound = state.evse.max_a if unbound or held is None else min(held, state.evse.max_a)
    return bound if state.draw_a is None else max(bound, *state.draw_a)


def exposure_by_phase(state: EvseState, now: Seconds) -> PhaseAmps:
    """:func:`exposure_a` on the EVSE's grid phases, and what it draws on others besides."""
    exposed = PhaseAmps.on(state.evse.phases, exposure_a(state, now))
    return exposed if state.draw_a is None else exposed.combine(state.draw_a, max)
