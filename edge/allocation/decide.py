"""The decision: from a snapshot of the site to one setpoint with its reason for every EVSE.

Pure and deterministic: the same snapshot and memory give the same decision on any machine.

1. headroom: ratings less what the building takes;
2. demand: who can use current, and how much;
3. what isn't ours to limit is reserved at what it may draw;
4. share: minima in order of precedence, then rank by rank, max-min fair;
5. release: cuts at once, raises when they are paid for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.allocation.demand import Demand, Wish, assess
from edge.allocation.headroom import Background, Headroom, estimate, exposure_by_phase
from edge.allocation.release import Released, Wanted, release, rounded_down
from edge.allocation.share import EPSILON_A, Claim, Line, Share, share
from edge.allocation.snapshot import EvseState, Reach, Snapshot
from edge.domain.setpoint import Reason, Setpoint
from edge.domain.site import EvseKey, IdlePolicy, Mode
from edge.units import PHASES, Amps, PhaseAmps


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a decision takes from the one before it; part of the input, so that a recorded decision replays."""

    background: Mapping[str, Background] = field(default_factory=dict)
    trimmed_a: Mapping[EvseKey, Amps] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One setpoint per EVSE in the snapshot's order, what they stand on, and what to remember.

    ``precedence`` names the EVSEs in the order in which they are served.
    """

    setpoints: tuple[Setpoint, ...]
    headroom: Headroom
    exposure_a: Mapping[str, PhaseAmps]  # per circuit
    precedence: tuple[EvseKey, ...]
    memory: Memory


def decide(snapshot: Snapshot, memory: Memory) -> Decision:
    """Who may draw how much now, and why."""
    headroom, background = estimate(snapshot, memory.background)
    demands, trimmed = assess(snapshot, memory.trimmed_a)
    room = _room_after_reserves(snapshot, headroom, demands)
    served = sorted(
        (state for state in snapshot.evses if demands[state.key].wish in (Wish.CHARGE, Wish.WAKE)),
        key=lambda state: _precedence(state, demands[state.key]),
    )
    claims = [_claim(snapshot, state, demands[state.key], headroom) for state in served]
    shares = _shared(
        claims,
        sum(demands[state.key].wish is Wish.CHARGE for state in served),
        room,
        # A safe current that any session may begin with can't be lent to others while a car pauses.
        lend=snapshot.settings.idle is IdlePolicy.ZERO,
    )
    wanted = [
        Wanted(state=state, amps=given.amps, most_a=claim.max_a)
        for state, claim, given in zip(served, claims, shares, strict=True)
    ]
    if snapshot.settings.mode is Mode.CONTROL:
        released = release(snapshot, headroom, wanted)
    else:
        released = [Released(amps=rounded_down(want.amps)) for want in wanted]
    explain = _Explanation(snapshot=snapshot, headroom=headroom, claims=claims, shares=shares, room=room)
    setpoints = {
        state.key: explain.served(state, demands[state.key], claim, given, told)
        for state, claim, given, told in zip(served, claims, shares, released, strict=True)
    }
    for state in snapshot.evses:
        if state.key not in setpoints:
            setpoints[state.key] = _unserved(snapshot, state, demands[state.key])
    return Decision(
        setpoints=tuple(setpoints[state.key] for state in snapshot.evses),
        headroom=headroom,
        exposure_a=_exposure_by_circuit(snapshot),
        precedence=tuple(state.key for state in served),
        memory=Memory(background=background, trimmed_a=trimmed),
    )


def _precedence(state: EvseState, demand: Demand) -> tuple[bool, int, bool, float, EvseKey]:
    """Cars that paused by themselves come last; then rank, who charges before who waits, and the longest wait."""
    waiting_since = state.waiting_since if state.waiting_since is not None else float("inf")
    holds_turn = state.told_a >= state.evse.min_a
    return (demand.wish is Wish.WAKE, state.evse.rank, not holds_turn, waiting_since, state.key)


def _claim(snapshot: Snapshot, state: EvseState, demand: Demand, headroom: Headroom) -> Claim:
    most_a = demand.most_a
    if _stale_meter(snapshot, state, headroom) is not None:
        most_a = min(most_a, state.evse.fallback_a)
    min_a = state.evse.min_a
    if snapshot.settings.idle is IdlePolicy.SAFE and state.evse.fallback_a >= min_a:
        # The session may end and the next one begin at the safe current before we hear of it: less saves nothing.
        min_a = state.evse.fallback_a
        most_a = max(most_a, min_a)
    return Claim(
        # A safe current below the minimum can't charge a car: then the EVSE claims nothing that it could use.
        min_a=min_a if most_a >= min_a else 0.0,
        max_a=most_a if most_a >= min_a else 0.0,
        lines=snapshot.lines(state.evse),
        rank=state.evse.rank,
        weight=state.evse.weight,
    )


def _shared(claims: list[Claim], charging: int, room: Mapping[Line, Amps], *, lend: bool) -> list[Share]:
    """First the cars that charge share all there is; then those that paused, out of what is left.

    Without ``lend`` the minima of those that paused are set aside first.
    """
    left = dict(room)
    if not lend:
        _take(left, claims[charging:], [claim.min_a for claim in claims[charging:]])
    shares = share(claims[:charging], left)
    left = dict(room)
    _take(left, claims[:charging], [given.amps for given in shares])
    return shares + share(claims[charging:], left)


def _take(room: dict[Line, Amps], claims: list[Claim], amps: list[Amps]) -> None:
    """Take each claim's amperes out of the room on its lines."""
    for claim, taken_a in zip(claims, amps, strict=True):
        for line in claim.lines:
            room[line] -= taken_a


def _stale_meter(snapshot: Snapshot, state: EvseState, headroom: Headroom) -> str | None:
    """The meter on the EVSE's path that gives no reading, None where all do."""
    circuits = {circuit.circuit.id: circuit.circuit for circuit in snapshot.circuits}
    for circuit_id in snapshot.paths[state.evse.circuit]:
        if circuit_id in headroom.stale:
            return circuits[circuit_id].meter
    return None


def _reserved(state: EvseState, snapshot: Snapshot) -> PhaseAmps:
    """What is kept free for an EVSE that isn't ours to limit, on grid phases.

    A station that has just connected gets its safe current: nobody is raised into what it may hold (its exposure), but
    nobody is cut for it either, in the second or two until it confirms its first limit.
    """
    if state.reach is Reach.NEW:
        safe = PhaseAmps.on(state.evse.phases, state.evse.fallback_a)
        return safe if state.draw_a is None else safe.combine(state.draw_a, max)
    return exposure_by_phase(state, snapshot.now)


def _room_after_reserves(snapshot: Snapshot, headroom: Headroom, demands: Mapping[EvseKey, Demand]) -> dict[Line, Amps]:
    room: dict[Line, Amps] = {
        (circuit_id, phase): left[phase] for circuit_id, left in headroom.left_a.items() for phase in PHASES
    }
    for state in snapshot.evses:
        match demands[state.key].wish:
            case Wish.NOT_OURS:
                kept = _reserved(state, snapshot)
            case Wish.NOTHING if snapshot.settings.idle is IdlePolicy.SAFE:
                # A session may begin at the safe current in any instant.
                kept = PhaseAmps.on(state.evse.phases, state.evse.fallback_a)
            case _:
                continue
        for circuit_id in snapshot.paths[state.evse.circuit]:
            for phase in PHASES:
                room[circuit_id, phase] -= kept[phase]
    return room


def _unserved(snapshot: Snapshot, state: EvseState, demand: Demand) -> Setpoint:
    """The setpoint of an EVSE that took no part in the sharing."""
    if demand.wish is Wish.NOTHING:
        idle_a = state.evse.fallback_a if snapshot.settings.idle is IdlePolicy.SAFE else 0.0
        return Setpoint(key=state.key, limit_a=idle_a, reason=Reason.IDLE)
    reason = {
        Reach.NEW: Reason.STATION_NEW,
        Reach.UNCONFIRMED: Reason.STATION_NEW,
        Reach.OFFLINE: Reason.STATION_OFFLINE,
        Reach.SILENT: Reason.STATION_SILENT,
        Reach.REFUSING: Reason.STATION_REFUSES,
        Reach.DISOBEYING: Reason.STATION_DISOBEYS,
    }[state.reach]
    return Setpoint(key=state.key, limit_a=None, reserved_a=max(_reserved(state, snapshot)), reason=reason)


def _exposure_by_circuit(snapshot: Snapshot) -> dict[str, PhaseAmps]:
    totals = {state.circuit.id: PhaseAmps.same(0.0) for state in snapshot.circuits}
    for state in snapshot.evses:
        exposed = exposure_by_phase(state, snapshot.now)
        for circuit_id in snapshot.paths[state.evse.circuit]:
            totals[circuit_id] = totals[circuit_id] + exposed
    return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explanation:
    """Finds the constraint that binds each served EVSE."""

    snapshot: Snapshot
    headroom: Headroom
    claims: list[Claim]
    shares: list[Share]
    room: Mapping[Line, Amps]

    def served(self, state: EvseState, demand: Demand, claim: Claim, given: Share, told: Released) -> Setpoint:
        amps = told.amps
        if told.waits_for is not None:
            return self._at(state, amps, Reason.WAITING_FOR_CUT, told.waits_for)
        if told.steadying:
            return Setpoint(key=state.key, limit_a=amps, reason=Reason.STEADYING)
        meter = _stale_meter(self.snapshot, state, self.headroom)
        if meter is not None and given.bound_by is None:
            return Setpoint(key=state.key, limit_a=amps, reason=Reason.METER_STALE, meter=meter)
        if given.bound_by is not None:
            return self._at(state, amps, self._why_full(given, claim), given.bound_by)
        if demand.wish is Wish.WAKE:
            return Setpoint(key=state.key, limit_a=amps, reason=Reason.CAR_PAUSED)
        if claim.max_a >= state.evse.max_a - EPSILON_A:
            return Setpoint(key=state.key, limit_a=amps, reason=Reason.MAXIMUM)
        return Setpoint(key=state.key, limit_a=amps, reason=Reason.DEMAND_MET)

    def _why_full(self, given: Share, claim: Claim) -> Reason:
        if given.bound_by is not None:
            circuit_id, phase = given.bound_by
            if self.headroom.left_a[circuit_id][phase] < 0:
                return Reason.OVERLOAD
        return Reason.CIRCUIT_FULL if given.amps >= claim.min_a else Reason.WAITING_FOR_ROOM

    def _at(self, state: EvseState, amps: Amps, reason: Reason, line: Line) -> Setpoint:
        """A setpoint bound by a line; ``used_a`` is what flows there when all take what they were given."""
        circuit_id, phase = line
        rating_a = self.headroom.rating_a[circuit_id][phase]
        given_a = sum(share.amps for claim, share in zip(self.claims, self.shares, strict=True) if line in claim.lines)
        return Setpoint(
            key=state.key,
            limit_a=amps,
            reason=reason,
            circuit=circuit_id,
            phase=phase,
            used_a=rating_a - self.room[line] + given_a,
            rating_a=rating_a,
            min_a=state.evse.min_a,
        )
