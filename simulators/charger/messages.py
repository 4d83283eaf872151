"""The CALLs that a session makes, as messages for the outbound queues (OCPP 1.6 §6). Pure."""

import math

from simulators.charger.connector import Connector
from simulators.charger.frames import Payload
from simulators.charger.metering import meter_value
from simulators.charger.outbound import Message
from simulators.charger.status import Status
from simulators.charger.timestamp import format_time
from simulators.charger.transaction import Transaction


def authorize(connector_id: int, id_tag: str) -> Message:
    """Authorize.req."""
    return Message(action="Authorize", payload={"idTag": id_tag}, connector_id=connector_id)


def start_transaction(transaction: Transaction, register_wh: float) -> Message:
    """StartTransaction.req of a transaction that has just begun."""
    payload: Payload = {
        "connectorId": transaction.connector_id,
        "idTag": transaction.id_tag,
        "meterStart": math.floor(register_wh),
        "timestamp": format_time(transaction.started_s),
    }
    return Message(
        action="StartTransaction",
        payload=payload,
        connector_id=transaction.connector_id,
        transaction=transaction,
    )


def stop_transaction(transaction: Transaction, register_wh: float, reason: str, now: float) -> Message:
    """StopTransaction.req; the card is named when it was shown to stop."""
    payload: Payload = {
        "meterStop": math.floor(register_wh),
        "timestamp": format_time(now),
        "reason": reason,
    }
    if reason == "Local":
        payload["idTag"] = transaction.id_tag
    return Message(
        action="StopTransaction",
        payload=payload,
        connector_id=transaction.connector_id,
        transaction=transaction,
    )


def meter_values(connector: Connector, measurands: list[str], voltage_v: float, now: float, *, context: str) -> Message:
    """MeterValues.req of this moment, of the transaction if there is one; `measurands` must not be empty."""
    value = meter_value(connector.reading(now, voltage_v), measurands, context=context)
    return Message(
        action="MeterValues",
        payload={"connectorId": connector.id, "meterValue": [value]},
        connector_id=connector.id,
        transaction=connector.transaction,
        triggered=context == "Trigger",
    )


def status_notification(
    connector_id: int, status: Status, fault: str | None, now: float, *, triggered: bool
) -> Message:
    """StatusNotification.req; connector 0 is the station."""
    payload: Payload = {
        "connectorId": connector_id,
        "errorCode": fault or "NoError",
        "status": status,
        "timestamp": format_time(now),
    }
    return Message(action="StatusNotification", payload=payload, connector_id=connector_id, triggered=triggered)
