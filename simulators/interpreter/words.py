"""Single words of both editions: tokens, statuses, reasons, samples (OCPP 1.6 §7, OCPP 2.x part 2 §2 and §3)."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

Payload = dict[str, Any]

FREE: Final = frozenset({"Available", "Unavailable", "Faulted"})  # the statuses of a connector that both know
OCCUPIED: Final = "Occupied"  # all others
OCCUPIED_16: Final = "Preparing"

REASONS: Final[Mapping[str, str]] = {
    "HardReset": "ImmediateReset",
    "SoftReset": "Reboot",
    "UnlockCommand": "Other",
}  # all others have one name
REASONS_16: Final[Mapping[str, str]] = {new: old for old, new in REASONS.items()}
TRIGGERS: Final[Mapping[str, str]] = {  # why an event that ends a transaction comes, by its reason in 1.6
    "Local": "StopAuthorized",
    "Remote": "RemoteStop",
    "DeAuthorized": "Deauthorized",
    "PowerLoss": "AbnormalCondition",
    "HardReset": "ResetCommand",
    "SoftReset": "ResetCommand",
}
ERROR_CODES: Final[Mapping[str, str]] = {
    "FormationViolation": "FormatViolation",
    "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
}
REGISTER: Final = "Energy.Active.Import.Register"


def frame_text(frame: list[Any]) -> str:
    """The text of a frame."""
    return orjson.dumps(frame).decode()


def token(id_tag: str) -> Payload:
    """An IdTokenType."""
    return {"idToken": id_tag, "type": "ISO14443"}


def token_info(info: Mapping[str, Any]) -> Payload:
    """IdTagInfo as IdTokenInfoType."""
    new: Payload = {"status": info["status"]}
    if "expiryDate" in info:
        new["cacheExpiryDateTime"] = info["expiryDate"]
    if "parentIdTag" in info:
        new["groupIdToken"] = {"idToken": info["parentIdTag"], "type": "Central"}
    return new


def tag_info(info: Mapping[str, Any]) -> Payload:
    """IdTokenInfoType as IdTagInfo."""
    old: Payload = {"status": info["status"]}
    if "cacheExpiryDateTime" in info:
        old["expiryDate"] = info["cacheExpiryDateTime"]
    if "groupIdToken" in info:
        old["parentIdTag"] = info["groupIdToken"]["idToken"]
    return old


def register(moment: str, watt_hours: float, context: str) -> list[Payload]:
    """The meter values of a begin or an end: the register alone."""
    sample = {"value": watt_hours, "context": context, "measurand": REGISTER, "unitOfMeasure": {"unit": "Wh"}}
    return [{"timestamp": moment, "sampledValue": [sample]}]


def meter_values(values: list[Payload]) -> list[Payload]:
    """MeterValue in 2.x: values are numbers, units are objects."""
    return [
        {"timestamp": each["timestamp"], "sampledValue": [_sample(sample) for sample in each["sampledValue"]]}
        for each in values
    ]


def _sample(sample: Payload) -> Payload:
    new = {key: value for key, value in sample.items() if key not in ("unit", "value", "format")}
    return {"value": float(sample["value"]), **new, "unitOfMeasure": {"unit": sample["unit"]}}


def meter_values_16(values: list[Payload]) -> list[Payload]:
    """MeterValue in 1.6."""
    return [
        {"timestamp": each["timestamp"], "sampledValue": [_sample_16(sample) for sample in each["sampledValue"]]}
        for each in values
    ]


def _sample_16(sample: Payload) -> Payload:
    old = {key: value for key, value in sample.items() if key not in ("unitOfMeasure", "value")}
    return {"value": str(sample["value"]), **old, "unit": sample["unitOfMeasure"]["unit"]}
