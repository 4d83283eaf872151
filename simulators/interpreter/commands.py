"""What a station is asked for, both ways: OCPP 2.x part 2, chapters B, E, F, K, and OCPP 1.6 §5."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from simulators.interpreter.words import Payload

STEP: Final = Decimal("0.1")  # of a limit in 1.6; a station that has no finer steps rounds down
LONG_AGO: Final = "2020-01-01T00:00:00Z"
STATION: Final = "ChargingStationMaxProfile"
STATION_16: Final = "ChargePointMaxProfile"
PROFILE_KEYS: Final = ("stackLevel", "chargingProfileKind", "recurrencyKind", "validFrom", "validTo")
SCHEDULE_KEYS: Final = ("duration", "startSchedule", "chargingRateUnit", "minChargingRate")
PERIOD_KEYS: Final = ("startPeriod", "limit", "numberPhases")
# By component and variable; of all others the station knows nothing.
VARIABLES: Final[Mapping[tuple[str, str], str]] = {
    ("SmartChargingCtrlr", "ProfileStackLevel"): "ChargeProfileMaxStackLevel",
    ("SmartChargingCtrlr", "RateUnit"): "ChargingScheduleAllowedChargingRateUnit",
    ("SampledDataCtrlr", "TxUpdatedInterval"): "MeterValueSampleInterval",
    ("SampledDataCtrlr", "TxUpdatedMeasurands"): "MeterValuesSampledData",
    ("OCPPCommCtrlr", "HeartbeatInterval"): "HeartbeatInterval",
    ("AuthCtrlr", "LocalPreAuthorize"): "LocalPreAuthorize",
    ("AuthCtrlr", "LocalAuthorizeOffline"): "LocalAuthorizeOffline",
    ("TxCtrlr", "StopTxOnInvalidId"): "StopTransactionOnInvalidId",
    ("SmartChargingCtrlr", "Enabled"): "",  # always: no key of 1.6
    ("SampledDataCtrlr", "Enabled"): "",
}
RATE_UNIT: Final = "ChargingScheduleAllowedChargingRateUnit"
UNITS: Final[Mapping[str, str]] = {"Current": "A", "Power": "W"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What each side calls a transaction."""

    number: Callable[[str], int]
    name: Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`asks`: the payloads in 1.6, one CALL for each; `answers`: that of 2.x, from the request and all of theirs."""

    name_16: str
    asks: Callable[[Payload, Names], Sequence[Payload]]
    answers: Callable[[Payload, Sequence[Payload]], Payload] = lambda _request, answers: answers[0]


def _only(payload: Mapping[str, Any], keys: Sequence[str]) -> Payload:
    return {key: payload[key] for key in keys if key in payload}


def _renamed(payload: Mapping[str, Any], names: Mapping[str, str]) -> Payload:
    return {names[key]: value for key, value in payload.items() if key in names}


def profile_16(profile: Payload, names: Names) -> Payload:
    """ChargingProfileType as csChargingProfiles."""
    schedule = profile["chargingSchedule"][0]
    purpose = profile["chargingProfilePurpose"]
    old = {
        "chargingProfileId": profile["id"],
        **_only(profile, PROFILE_KEYS),
        "chargingProfilePurpose": STATION_16 if purpose == STATION else purpose,
        "chargingSchedule": {
            **_only(schedule, SCHEDULE_KEYS),
            "chargingSchedulePeriod": [
                _only(each, PERIOD_KEYS) | {"limit": _rounded(each["limit"])}
                for each in schedule["chargingSchedulePeriod"]
            ],
        },
    }
    if "transactionId" in profile:
        old["transactionId"] = names.number(profile["transactionId"])
    return old


def profile_2(profile: Payload, names: Names) -> Payload:
    """csChargingProfiles as ChargingProfileType, where an absolute schedule has to say when it begins (K01.FR.40), and
    a station's maximum is absolute (K01.FR.38).
    """
    schedule, purpose = profile["chargingSchedule"], profile["chargingProfilePurpose"]
    if purpose == STATION_16 and profile["chargingProfileKind"] == "Relative":
        profile = {**profile, "chargingProfileKind": "Absolute"}
    if profile["chargingProfileKind"] == "Absolute":
        schedule = {"startSchedule": LONG_AGO, **schedule}
    new = {
        "id": profile["chargingProfileId"],
        **_only(profile, PROFILE_KEYS),
        "chargingProfilePurpose": STATION if purpose == STATION_16 else purpose,
        "chargingSchedule": [{"id": 1, **schedule}],
    }
    if "transactionId" in profile:
        new["transactionId"] = names.name(profile["transactionId"])
    return new


def _rounded(limit: float) -> float:
    return float(Decimal(str(limit)).quantize(STEP, rounding=ROUND_DOWN))


def _set_profile(payload: Payload, names: Names) -> Sequence[Payload]:
    return ({"connectorId": payload["evseId"], "csChargingProfiles": profile_16(payload["chargingProfile"], names)},)


def _set_profile_2(payload: Payload, names: Names) -> Payload:
    return {"evseId": payload["connectorId"], "chargingProfile": profile_2(payload["csChargingProfiles"], names)}


CRITERIA: Final = {
    "evseId": "connectorId",
    "chargingProfilePurpose": "chargingProfilePurpose",
    "stackLevel": "stackLevel",
}


def _clear(payload: Payload, _names: Names) -> Sequence[Payload]:
    old = _renamed(payload.get("chargingProfileCriteria", {}), CRITERIA)
    if old.get("chargingProfilePurpose") == STATION:
        old["chargingProfilePurpose"] = STATION_16
    return (old | _renamed(payload, {"chargingProfileId": "id"}),)


def _clear_2(payload: Payload, _names: Names) -> Payload:
    criteria = _renamed(payload, {old: new for new, old in CRITERIA.items()})
    if criteria.get("chargingProfilePurpose") == STATION_16:
        criteria["chargingProfilePurpose"] = STATION
    new = _renamed(payload, {"id": "chargingProfileId"})
    return new | ({"chargingProfileCriteria": criteria} if criteria else {})


def _variable(entry: Payload) -> tuple[str, str]:
    return entry["component"]["name"], entry["variable"]["name"]


def _key(entry: Payload) -> str:
    """The key of 1.6, or one that no station has."""
    return VARIABLES.get(_variable(entry)) or ".".join(_variable(entry))[:50]


def _get_variables(payload: Payload, _names: Names) -> Sequence[Payload]:
    return ({"key": [_key(entry) for entry in payload["getVariableData"]]},)


def _got_variables(request: Payload, answers: Sequence[Payload]) -> Payload:
    values = {each["key"]: each.get("value", "") for each in answers[0].get("configurationKey", ())}
    if RATE_UNIT in values:
        values[RATE_UNIT] = ",".join(UNITS[each] for each in values[RATE_UNIT].split(","))
    results: list[Payload] = []
    for entry in request["getVariableData"]:
        result = _only(entry, ("component", "variable"))
        value = "true" if VARIABLES.get(_variable(entry)) == "" else values.get(_key(entry))
        if value is None:
            results.append({**result, "attributeStatus": "UnknownVariable"})
        else:
            results.append({**result, "attributeStatus": "Accepted", "attributeValue": value})
    return {"getVariableResult": results}


def _set_variables(payload: Payload, _names: Names) -> Sequence[Payload]:
    return [{"key": _key(entry), "value": entry["attributeValue"]} for entry in payload["setVariableData"]]


def _have_set_variables(request: Payload, answers: Sequence[Payload]) -> Payload:
    words = {"NotSupported": "UnknownVariable"}
    return {
        "setVariableResult": [
            {
                **_only(entry, ("component", "variable")),
                "attributeStatus": words.get(answer["status"], answer["status"]),
            }
            for entry, answer in zip(request["setVariableData"], answers, strict=True)
        ]
    }


def _trigger(payload: Payload, _names: Names) -> Sequence[Payload]:
    wanted = payload["requestedMessage"]
    old: Payload = {"requestedMessage": "MeterValues" if wanted == "TransactionEvent" else wanted}
    if "evse" in payload:
        old["connectorId"] = payload["evse"]["id"]
    return (old,)


def _reset(payload: Payload, _names: Names) -> Sequence[Payload]:
    return ({"type": "Hard" if payload["type"] == "Immediate" else "Soft"},)


def _reset_2(payload: Payload, _names: Names) -> Payload:
    return {"type": "Immediate" if payload["type"] == "Hard" else "OnIdle"}


def _stop(payload: Payload, names: Names) -> Sequence[Payload]:
    return ({"transactionId": names.number(payload["transactionId"])},)


def _stop_2(payload: Payload, names: Names) -> Payload:
    return {"transactionId": names.name(payload["transactionId"])}


def _composite_2(payload: Payload, _names: Names) -> Payload:
    return {"evseId": payload["connectorId"], **_only(payload, ("duration", "chargingRateUnit"))}


def _composite_16(answer: Payload) -> Payload:
    schedule = answer.get("schedule")
    if schedule is None:
        return _only(answer, ("status",))
    start = schedule["scheduleStart"]
    found = _only(schedule, ("duration", "chargingRateUnit", "chargingSchedulePeriod"))
    return {
        "status": answer["status"],
        "connectorId": schedule["evseId"],
        "scheduleStart": start,
        "chargingSchedule": {"startSchedule": start, **found},
    }


COMMANDS: Final[Mapping[str, Command]] = {
    "ClearChargingProfile": Command(name_16="ClearChargingProfile", asks=_clear),
    "GetVariables": Command(name_16="GetConfiguration", asks=_get_variables, answers=_got_variables),
    "RequestStopTransaction": Command(name_16="RemoteStopTransaction", asks=_stop),
    "Reset": Command(name_16="Reset", asks=_reset),
    "SetChargingProfile": Command(name_16="SetChargingProfile", asks=_set_profile),
    "SetVariables": Command(name_16="ChangeConfiguration", asks=_set_variables, answers=_have_set_variables),
    "TriggerMessage": Command(name_16="TriggerMessage", asks=_trigger),
}
"""What the gateway and the cloud of a world ask for; all else is NotImplemented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a cloud that thinks in 1.6 asks for: `asks` is the payload in 2.x, `answers` the answer's in 1.6."""

    name: str
    asks: Callable[[Payload, Names], Payload]
    answers: Callable[[Payload], Payload] = lambda answer: answer


REQUESTS: Final[Mapping[str, Request]] = {
    "ClearChargingProfile": Request(name="ClearChargingProfile", asks=_clear_2),
    "GetCompositeSchedule": Request(name="GetCompositeSchedule", asks=_composite_2, answers=_composite_16),
    "RemoteStopTransaction": Request(name="RequestStopTransaction", asks=_stop_2),
    "Reset": Request(name="Reset", asks=_reset_2),
    "SetChargingProfile": Request(name="SetChargingProfile", asks=_set_profile_2),
}
"""What the cloud of a world asks for, by the action of 1.6. The gateway answers for the composite itself."""
