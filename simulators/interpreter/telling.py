"""What a station says in 1.6, in the words of OCPP 2.x: its own CALLs (part 2, chapters B, C, E, G, J)."""

from collections.abc import Callable
from datetime import datetime

from simulators.charger.status import IN_SESSION
from simulators.interpreter.words import (
    FREE,
    OCCUPIED,
    REASONS,
    TRIGGERS,
    Payload,
    meter_values,
    register,
    token,
)

Named = Callable[[int], str]


class Telling:
    """`named` gives the name by which a transaction of this station is known. The events of each are counted."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._numbers: dict[int, int] = {}  # of the next event of each transaction that runs
        self._states: dict[int, str] = {}
        self._last: tuple[tuple[str, Payload], Payload] | None = None  # a message that is said again is the same event
        self._linked_at: datetime | None = None

    def linked(self, at: datetime) -> None:
        """There is a connection since then, by the station's own clock: what is older was kept (E04)."""
        self._linked_at = at

    def call(self, action: str, payload: Payload, transaction: int | None) -> tuple[str, Payload]:
        """The CALL's action and payload in 2.x. `transaction` is what the message belongs to."""
        if transaction is not None:
            if self._last is None or self._last[0] != (action, payload):
                self._last = (action, payload), self._event(action, payload, transaction)
            return "TransactionEvent", self._last[1]
        match action:
            case "Authorize":
                return action, {"idToken": token(payload["idTag"])}
            case "BootNotification":
                return action, {
                    "reason": "PowerUp",
                    "chargingStation": {
                        "vendorName": payload["chargePointVendor"],
                        "model": payload["chargePointModel"],
                        "serialNumber": payload["chargePointSerialNumber"],
                        "firmwareVersion": payload["firmwareVersion"],
                    },
                }
            case "StatusNotification":
                return action, {
                    "timestamp": payload["timestamp"],
                    "connectorStatus": payload["status"] if payload["status"] in FREE else OCCUPIED,
                    "evseId": payload["connectorId"],
                    "connectorId": 1,
                }
            case "MeterValues":
                return action, {"evseId": payload["connectorId"], "meterValue": meter_values(payload["meterValue"])}
        return action, payload

    def _event(self, action: str, payload: Payload, transaction: int) -> Payload:
        info: Payload = {"transactionId": self._named(transaction)}
        event: Payload = {"seqNo": self._numbers.get(transaction, 0), "transactionInfo": info}
        self._numbers[transaction] = event["seqNo"] + 1
        if action == "MeterValues":
            moment = payload["meterValue"][0]["timestamp"]
            asked = payload["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"
            event |= {"eventType": "Updated", "triggerReason": "Trigger" if asked else "MeterValuePeriodic"}
            event["meterValue"] = meter_values(payload["meterValue"])
            info["chargingState"] = self._states.get(transaction, "EVConnected")
        elif action == "StartTransaction":
            moment = payload["timestamp"]
            self._states[transaction] = "EVConnected"
            event |= {"eventType": "Started", "triggerReason": "Authorized", "idToken": token(payload["idTag"])}
            event["evse"] = {"id": payload["connectorId"], "connectorId": 1}
            event["meterValue"] = register(moment, payload["meterStart"], "Transaction.Begin")
            info["chargingState"] = "EVConnected"
        elif action == "StopTransaction":
            moment, reason = payload["timestamp"], payload["reason"]
            event |= {"eventType": "Ended", "triggerReason": TRIGGERS.get(reason, "EVDeparted")}
            event["meterValue"] = register(moment, payload["meterStop"], "Transaction.End")
            if "idTag" in payload:
                event["idToken"] = token(payload["idTag"])
            info["stoppedReason"] = REASONS.get(reason, reason)
            del self._numbers[transaction]
            self._states.pop(transaction, None)
        else:
            moment = payload["timestamp"]
            state = payload["status"] if payload["status"] in IN_SESSION else "EVConnected"
            self._states[transaction] = info["chargingState"] = state
            event |= {"eventType": "Updated", "triggerReason": "ChargingStateChanged"}
        if self._linked_at is not None and datetime.fromisoformat(moment) < self._linked_at:
            event["offline"] = True
        return event | {"timestamp": moment}
