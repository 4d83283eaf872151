"""What the station does when it is called (OCPP 2.x part 2, chapters B, F, K)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.charger_v2.station import StationV2

Payload = dict[str, Any]
After = Callable[[], Awaitable[None]]
Command = Callable[["StationV2", Payload], tuple[Payload, After | None]]


def _set_profile(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    number = payload["evseId"]
    running = next((evse.transaction for evse in station.evses if evse.number == number), None)
    station.profiles_received += 1
    reason = station.profiles.install(number, payload["chargingProfile"], running)
    if reason is None:
        station.profiles_accepted += 1
        return {"status": "Accepted"}, None
    return {"status": "Rejected", "statusInfo": {"reasonCode": reason}}, None


def _clear_profile(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    wanted = payload.get("chargingProfileCriteria", {})
    cleared = station.profiles.clear(
        payload.get("chargingProfileId"),
        wanted.get("evseId"),
        wanted.get("chargingProfilePurpose"),
        wanted.get("stackLevel"),
    )
    return {"status": "Accepted" if cleared else "Unknown"}, None


def _get_profiles(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    """K09: the cloud has set all that it holds; a report for each EVSE."""
    wanted, place = payload["chargingProfile"], payload.get("evseId")
    found: dict[int, list[Payload]] = {}
    for kept in station.profiles.installed:
        asked = (
            (place, kept.evse),
            (wanted.get("chargingProfilePurpose"), kept.place[1]),
            (wanted.get("stackLevel"), kept.place[2]),
        )
        is_named = kept.profile["id"] in wanted.get("chargingProfileId", [kept.profile["id"]])
        if is_named and all(want is None or want == has for want, has in asked):
            found.setdefault(kept.evse, []).append(kept.profile)
    if not found or "CSO" not in wanted.get("chargingLimitSource", ["CSO"]):
        return {"status": "NoProfiles"}, None

    async def report() -> None:
        for number, (evse, profiles) in enumerate(sorted(found.items()), 1):
            told = {"requestId": payload["requestId"], "chargingLimitSource": "CSO", "tbc": number < len(found)}
            await station.call("ReportChargingProfiles", {**told, "evseId": evse, "chargingProfile": profiles})

    return {"status": "Accepted"}, report


def _get_transaction_status(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    """It stores no events: none waits."""
    if "transactionId" not in payload:
        return {"messagesInQueue": False}, None
    runs = any(evse.transaction == payload["transactionId"] for evse in station.evses)
    return {"ongoingIndicator": runs, "messagesInQueue": False}, None


def _get_variables(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    results = []
    for each in payload["getVariableData"]:
        value = station.variables.get((each["component"]["name"], each["variable"]["name"]))
        result = {"component": each["component"], "variable": each["variable"]}
        if value is None:
            results.append({**result, "attributeStatus": "UnknownVariable"})
        else:
            results.append({**result, "attributeStatus": "Accepted", "attributeValue": value})
    return {"getVariableResult": results}, None


def _set_variables(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    results = []
    for each in payload["setVariableData"]:
        place = each["component"]["name"], each["variable"]["name"]
        known = place in station.variables
        if known:
            station.variables[place] = each["attributeValue"]
        status = "Accepted" if known else "UnknownVariable"
        results.append({"component": each["component"], "variable": each["variable"], "attributeStatus": status})
    return {"setVariableResult": results}, None


def _trigger(station: "StationV2", payload: Payload) -> tuple[Payload, After | None]:
    wanted = payload["requestedMessage"]
    place = payload.get("evse", {})
    number = place.get("id", station.evses[0].number)
    evse = next((each for each in station.evses if each.number == number), None)
    elsewhere = place.get("connectorId", 1) != 1  # each EVSE has one connector
    if evse is None or elsewhere or (wanted == "TransactionEvent" and evse.transaction is None):
        return {"status": "Rejected"}, None
    tells: Mapping[str, After] = {
        "StatusNotification": lambda: station.tell_status(evse),
        "TransactionEvent": lambda: station.tell_transaction(evse),
        "MeterValues": lambda: station.tell_meter(evse),
    }
    if wanted not in tells:
        return {"status": "NotImplemented"}, None
    return {"status": "Accepted"}, tells[wanted]


def _reset(_station: "StationV2", _payload: Payload) -> tuple[Payload, After | None]:
    return {"status": "Scheduled"}, None


COMMANDS: Mapping[str, Command] = {
    "ClearChargingProfile": _clear_profile,
    "GetChargingProfiles": _get_profiles,
    "GetTransactionStatus": _get_transaction_status,
    "GetVariables": _get_variables,
    "Reset": _reset,
    "SetChargingProfile": _set_profile,
    "SetVariables": _set_variables,
    "TriggerMessage": _trigger,
}
