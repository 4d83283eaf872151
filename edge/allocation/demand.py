"""What each EVSE's car can use: the most that is worth giving it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.allocation.exposure import OBEY_S
from edge.allocation.snapshot import EvseState, Reach, Snapshot
from edge.domain.site import EvseKey, Mode
from edge.domain.station import EvseStatus
from edge.units import Amps

# A car that leaves more than this unused is given no more than its draw and this much on top; when it takes up more
# than half of that, it gets all again. Twice what samples of steady cars scatter (about 0.5 A), and twice again.
TRIM_MARGIN_A = 2.0


class Wish(StrEnum):
    """What an EVSE is in for."""

    CHARGE = "charge"  # a session that can use current
    WAKE = "wake"  # the car has paused by itself: its minimum, out of what the others leave
    NOTHING = "nothing"  # no session
    NOT_OURS = "not ours"  # can't be limited: reserved for


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one EVSE is in for, and the most it can use, in A per phase."""

    wish: Wish
    most_a: Amps


def assess(snapshot: Snapshot, trimmed_a: Mapping[EvseKey, Amps]) -> tuple[dict[EvseKey, Demand], dict[EvseKey, Amps]]:
    """Each EVSE's demand, and which demands are trimmed to what the car was seen to draw."""
    demands: dict[EvseKey, Demand] = {}
    trims: dict[EvseKey, Amps] = {}
    for state in snapshot.evses:
        wish = _wish(state, snapshot.settings.mode)
        most_a = state.evse.max_a
        if wish is Wish.CHARGE:
            trim_a = _trim(state, trimmed_a.get(state.key), snapshot.now)
            if trim_a is not None:
                trims[state.key] = trim_a
                most_a = trim_a
        elif wish is Wish.WAKE:
            most_a = state.evse.min_a
        demands[state.key] = Demand(wish=wish, most_a=most_a)
    return demands, trims


def _wish(state: EvseState, mode: Mode) -> Wish:
    observed = mode is Mode.OBSERVE and state.reach in (Reach.NEW, Reach.UNCONFIRMED)
    ours = state.reach is Reach.OBEYING or observed
    if not ours:
        return Wish.NOT_OURS
    if not state.in_session or state.status in (EvseStatus.FINISHING, EvseStatus.FAULTED, EvseStatus.UNAVAILABLE):
        return Wish.NOTHING
    return Wish.WAKE if state.paused else Wish.CHARGE


def _trim(state: EvseState, trimmed_a: Amps | None, now: float) -> Amps | None:
    """The trimmed demand, or None for all that the EVSE can give."""
    if state.draw_a is None or state.drawn_at is None:
        return None
    draw_a = max(state.draw_a)
    if trimmed_a is not None and draw_a > trimmed_a - TRIM_MARGIN_A / 2:
        return None
    steady = state.told_at is not None and now - state.told_at >= OBEY_S and state.drawn_at >= state.told_at + OBEY_S
    if steady and draw_a < state.told_a - TRIM_MARGIN_A and draw_a > 0:
        trimmed_a = draw_a + TRIM_MARGIN_A
    if trimmed_a is None:
        return None
    return min(max(trimmed_a, state.evse.min_a), state.evse.max_a)
