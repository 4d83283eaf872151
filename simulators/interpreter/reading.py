"""What a station of OCPP 2.x says, in the words of 1.6: for the cloud's books, and for whoever judges what it said."""

from collections.abc import Callable, Mapping
from typing import Final

from simulators.interpreter.words import (
    OCCUPIED,
    OCCUPIED_16,
    REASONS_16,
    Payload,
    meter_values_16,
    tag_info,
    token_info,
)

UNTOLD: Final = 0  # the connector of a transaction whose begin hasn't come
Numbered = Callable[[str], int]


class Reading:
    """`numbered` gives the number by which the reader knows a transaction of 2.x."""

    def __init__(self, numbered: Numbered) -> None:
        self._numbered = numbered
        self._connectors: dict[str, int] = {}  # of each transaction: only its first event has to say it (part 2 §1.60)

    def call(self, action: str, payload: Payload) -> tuple[str, Payload] | None:
        """The CALL's action and payload in 1.6; None for one that 1.6 doesn't have."""
        match action:
            case "TransactionEvent":
                return self._event(payload)
            case "Authorize":
                return action, {"idTag": payload["idToken"]["idToken"]}
            case "BootNotification":
                return action, _unit(payload["chargingStation"])
            case "StatusNotification":
                return action, _status(payload)
            case "MeterValues":
                return action, {
                    "connectorId": payload["evseId"],
                    "meterValue": meter_values_16(payload["meterValue"]),
                }
            case "Heartbeat" | "DataTransfer":
                return action, payload
        return None

    def _event(self, event: Payload) -> tuple[str, Payload]:
        name, moment = event["transactionInfo"]["transactionId"], event["timestamp"]
        if "evse" in event:
            self._connectors[name] = event["evse"]["id"]
        connector = self._connectors.get(name, UNTOLD)
        if event["eventType"] == "Started":
            return "StartTransaction", {
                "connectorId": connector,
                "idTag": event["idToken"]["idToken"],
                "meterStart": _register(event),
                "timestamp": moment,
            }
        if event["eventType"] == "Ended":
            reason = event["transactionInfo"]["stoppedReason"]
            end = {"meterStop": _register(event), "timestamp": moment, "reason": REASONS_16.get(reason, reason)}
            if "idToken" in event:
                end["idTag"] = event["idToken"]["idToken"]
            return "StopTransaction", {**end, "transactionId": self._numbered(name)}
        if "meterValue" in event:
            return "MeterValues", {
                "connectorId": connector,
                "meterValue": meter_values_16(event["meterValue"]),
                "transactionId": self._numbered(name),
            }
        state = event["transactionInfo"]["chargingState"]
        return "StatusNotification", {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": state,
            "timestamp": moment,
        }


def answer(action: str, payload: Mapping[str, object]) -> Payload:
    """What a cloud of 1.6 answers to a CALL of this action of 2.x, in the words of 2.x."""
    if action in ("Authorize", "TransactionEvent"):
        info = payload.get("idTagInfo")
        return {"idTokenInfo": token_info(info)} if isinstance(info, dict) else {}
    return dict(payload)


def answer_16(action: str, payload: Mapping[str, object]) -> Payload:
    """What was answered to a CALL of this action of 2.x, in the words of 1.6."""
    if action in ("Authorize", "TransactionEvent"):
        info = payload.get("idTokenInfo")
        return {"idTagInfo": tag_info(info)} if isinstance(info, dict) else {}
    return dict(payload)


def _register(event: Payload) -> int:
    return int(event["meterValue"][0]["sampledValue"][0]["value"])


def _unit(station: Payload) -> Payload:
    return {
        "chargePointVendor": station["vendorName"],
        "chargePointModel": station["model"],
        "chargePointSerialNumber": station["serialNumber"],
        "firmwareVersion": station["firmwareVersion"],
    }


def _status(payload: Payload) -> Payload:
    word = payload["connectorStatus"]
    return {
        "connectorId": payload["evseId"],
        "errorCode": "OtherError" if word == "Faulted" else "NoError",
        "status": OCCUPIED_16 if word == OCCUPIED else word,
        "timestamp": payload["timestamp"],
    }
