"""From what an EVSE should get to what it may be told now.

A cut is told at once. A raise is held for a moment, so that limits don't flicker, and is only told out of room that no
exposure occupies: it waits for the cut that pays for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.allocation.exposure import OBEY_TOLERANCE_A
from edge.allocation.headroom import Headroom, exposure_a, exposure_by_phase
from edge.allocation.share import EPSILON_A, Line
from edge.allocation.snapshot import EvseState, Snapshot
from edge.units import PHASES, Amps, Seconds

# Between two raises of one EVSE: a car needs about this long to follow, and each raise is a write to the charger.
RAISE_HOLD_S = 5.0
# A raise by less is not worth a write, unless it brings all that the car can use.
RAISE_DEAD_BAND_A = 1.0
# Limits are written with one decimal (OCPP 1.6 §7.13: at most one fraction digit).
DECIMALS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What sharing found for one EVSE that is ours to limit."""

    state: EvseState
    amps: Amps
    most_a: Amps  # all that its car can use


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What it may be told. ``steadying``: a raise is held back for calm; ``waits_for``: for others to obey, there."""

    amps: Amps
    steadying: bool = False
    waits_for: Line | None = None


def rounded_down(amps: Amps) -> Amps:
    """The largest tenth of an ampere that isn't more."""
    return int(amps * DECIMALS + 1e-6) / DECIMALS


def release(snapshot: Snapshot, headroom: Headroom, wanted: Sequence[Wanted]) -> list[Released]:
    """What each EVSE may be told now; ``wanted`` in order of precedence.

    After each raise that is granted the room is less, so one tick never promises the same ampere twice.
    """
    room = free_room(snapshot, headroom)
    released = []
    for want in wanted:
        target_a = rounded_down(want.amps)
        held_a = _held_a(want.state, snapshot.now)
        if target_a <= held_a + EPSILON_A:
            released.append(Released(amps=target_a))
        elif not _may_rise_yet(want, target_a, held_a, snapshot.now):
            released.append(Released(amps=held_a, steadying=True))
        else:
            released.append(_raise(snapshot, want, target_a, held_a, room))
    return released


def asked_a(state: EvseState, now: Seconds) -> Amps:
    """What an EVSE is asked for that isn't ours to limit: its safe current, but nothing that would be a raise.

    One that isn't known to hold a limit of ours has at least its minimum if it charges.
    """
    held_a = _held_a(state, now)
    if not state.holdings.is_governed and state.draw_a is not None and max(state.draw_a) > OBEY_TOLERANCE_A:
        held_a = max(held_a, state.evse.min_a, rounded_down(max(state.draw_a)))
    return min(state.evse.fallback_a, held_a)


def _held_a(state: EvseState, now: Seconds) -> Amps:
    """What the EVSE has already: what it was told, unless the lease of that is over."""
    return min(state.told_a, exposure_a(state, now))


def free_room(snapshot: Snapshot, headroom: Headroom) -> dict[Line, Amps]:
    """Per line: what neither the background nor any EVSE's exposure occupies."""
    room: dict[Line, Amps] = {
        (circuit_id, phase): left[phase] for circuit_id, left in headroom.left_a.items() for phase in PHASES
    }
    for state in snapshot.evses:
        exposed = exposure_by_phase(state, snapshot.now)
        for circuit_id in snapshot.paths[state.evse.circuit]:
            for phase in PHASES:
                room[circuit_id, phase] -= exposed[phase]
    return room


def _may_rise_yet(want: Wanted, target_a: Amps, held_a: Amps, now: Seconds) -> bool:
    state = want.state
    if held_a < state.evse.min_a:
        return True  # a car that waits at 0 is not to wait for calm
    worth_it = target_a - held_a >= RAISE_DEAD_BAND_A or target_a >= rounded_down(want.most_a)
    return worth_it and (state.told_at is None or now - state.told_at >= RAISE_HOLD_S)


def _raise(snapshot: Snapshot, want: Wanted, target_a: Amps, held_a: Amps, room: dict[Line, Amps]) -> Released:
    """As much of the raise as fits beside the background and the exposure of all others.

    Room below 0 (what others may hold from before is more than fits) is room that the EVSE's own exposure doesn't have.
    """
    state = want.state
    exposed = exposure_by_phase(state, snapshot.now)
    lines = snapshot.lines(state.evse)
    tightest = min(lines, key=lambda line: room[line] + exposed[line[1]])
    affordable_a = max(room[tightest] + exposed[tightest[1]], 0.0)
    amps = min(target_a, rounded_down(affordable_a))
    waits_for = tightest if amps < target_a - EPSILON_A else None
    if amps <= held_a + EPSILON_A or amps < state.evse.min_a:
        return Released(amps=held_a, waits_for=waits_for)
    for line in lines:
        room[line] -= max(amps - exposed[line[1]], 0.0)
    return Released(amps=amps, waits_for=waits_for)
