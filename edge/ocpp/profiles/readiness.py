"""When a session of OCPP 2.x is ready to charge: somebody is let in, and the car is connected.

From then on its Relative schedules count (2.1 K01.FR.42; 2.0.1 recommends it). A transaction may begin hours before,
with the cable, or minutes, with the card (TxStartPoint, part 2 §2.6.6).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from edge.domain.station import DrawSampled, SessionBegan, StationFact
from edge.ocpp.fields import fields, text
from edge.ocpp.profiles.model import Moment
from edge.ocpp.profiles.store import ProfileStore
from edge.units import Amps

# TriggerReasonEnumType: somebody is let in, and what comes before a card, or before a cable.
_LETS_IN = frozenset({"Authorized", "RemoteStart"})
_BEFORE_CARD = frozenset({"CablePluggedIn", "EVDetected"})
_BEFORE_CABLE = _LETS_IN | {"EVDetected"}
# ChargingStateEnumType (part 2 §3.9): the car is there, and may charge or charges; in EVConnected it is only there.
_ALLOWED = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
_DRAWS_A: Amps = 1.0  # more than noise: whatever its events say, that car charges


def followed(
    before: ProfileStore, store: ProfileStore, event: Mapping[str, Any], facts: Iterable[StationFact], at: Moment
) -> ProfileStore:
    """``store`` with what a station's CALL says of its sessions; ``event`` is empty where that is no TransactionEvent.
    ``before``: as it was before that CALL."""
    transaction = text(fields(event.get("transactionInfo")).get("transactionId"))
    draws = set[int]()
    for fact in facts:
        match fact:
            case SessionBegan() if event.get("eventType") == "Started" and before.find(fact.transaction_id) is None:
                store = _begins(store, fact.key.evse, event)
            case DrawSampled() if max(fact.current_a) >= _DRAWS_A:
                draws.add(fact.key.evse)
            case _:
                pass
    for running in store.running:
        if running.is_ready:
            continue
        said = event if running.transaction == transaction else {}
        drew = running.evse in draws
        let_in = running.let_in or _lets_in(said) or drew
        plugged = running.plugged or _is_plugged(said) or drew
        since = at if let_in and plugged else running.since
        store = store.with_running(replace(running, let_in=let_in, plugged=plugged, since=since))
    return store


def _begins(store: ProfileStore, evse: int, event: Mapping[str, Any]) -> ProfileStore:
    """A session waits only where its first event says for what: of most the first says all."""
    running = store.on(evse)
    if running is None:
        return store
    reason = text(event.get("triggerReason"))
    let_in = _lets_in(event) or reason not in _BEFORE_CARD
    plugged = _is_plugged(event) or (_state(event) is None and reason not in _BEFORE_CABLE)
    return store.with_running(replace(running, let_in=let_in, plugged=plugged))


def _lets_in(event: Mapping[str, Any]) -> bool:
    has_token = event.get("idToken") is not None
    return has_token or text(event.get("triggerReason")) in _LETS_IN or _state(event) in _ALLOWED


def _is_plugged(event: Mapping[str, Any]) -> bool:
    state = _state(event)
    return state in _ALLOWED or state == "EVConnected" or text(event.get("triggerReason")) == "CablePluggedIn"


def _state(event: Mapping[str, Any]) -> str | None:
    return text(fields(event.get("transactionInfo")).get("chargingState"))
