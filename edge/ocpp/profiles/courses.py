"""What the CALLs of a station say of the course of its transactions, as far as profiles depend on it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from edge.ocpp.fields import fields, text, whole_number
from edge.ocpp.profiles.model import Moment
from edge.ocpp.profiles.store import STATION, ProfileStore


def _start_transaction(store: ProfileStore, payload: Mapping[str, Any], at: Moment) -> ProfileStore:
    """OCPP 1.6 §4.8: the transaction runs, and has its id only from the cloud's answer.

    Where one runs whose id is known, the answer says whether this is another: a station that missed it tells the same
    begin again, and its session keeps its profiles.
    """
    connector, token = whole_number(payload.get("connectorId")), text(payload.get("idTag"))
    if connector is None or connector <= STATION:
        return store
    running = store.on(connector)
    is_asked_for = token is not None and store.awaited_by(connector, token, at) is not None
    if running is not None and running.transaction is not None and not is_asked_for:
        return store
    return store.began(connector, None, at, token=token)


def _stop_transaction(store: ProfileStore, payload: Mapping[str, Any], _at: Moment) -> ProfileStore:
    transaction = whole_number(payload.get("transactionId"))
    return store if transaction is None else store.ended_transaction(str(transaction))


def _transaction_event(store: ProfileStore, payload: Mapping[str, Any], _at: Moment) -> ProfileStore:
    """OCPP 2.x E06. What begins is in the facts: an event that was stored, or comes late, begins nothing."""
    transaction = text(fields(payload.get("transactionInfo")).get("transactionId"))
    if transaction is None or payload.get("eventType") != "Ended":
        return store
    return store.ended_transaction(transaction)


def _priority(store: ProfileStore, payload: Mapping[str, Any], _at: Moment) -> ProfileStore:
    """NotifyPriorityCharging (2.1 K22): the driver has asked for it at the station."""
    transaction = text(payload.get("transactionId"))
    running = None if transaction is None else store.find(transaction)
    return store if running is None else store.with_priority(running.evse, payload.get("activated") is True)


Reader: TypeAlias = Callable[[ProfileStore, Mapping[str, Any], Moment], ProfileStore]

READERS: Mapping[str, Reader] = {
    "NotifyPriorityCharging": _priority,
    "StartTransaction": _start_transaction,
    "StopTransaction": _stop_transaction,
    "TransactionEvent": _transaction_event,
}
