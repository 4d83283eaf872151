"""What the gateway, as a station of its own, answers to its cloud. Charging profiles are answered by the desk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.ocpp.fields import elements, fields, text, whole_number
from edge.ocpp.guarded import MEASURANDS
from edge.ocpp.versions import Version

Payload = Mapping[str, Any]
Variable = tuple[str, str]  # component, empty in OCPP 1.6, and name

HEARTBEAT_S, SAMPLE_S = "heartbeat", "sample"
_LARGEST_S = 86_400

# What can be set. The samples are those of the site's meter, so one interval stands for all that say how often.
_SETTABLE: Mapping[Version, Mapping[Variable, str]] = {
    Version.V16: {("", "HeartbeatInterval"): HEARTBEAT_S, ("", "MeterValueSampleInterval"): SAMPLE_S},
    Version.V201: {
        ("OCPPCommCtrlr", "HeartbeatInterval"): HEARTBEAT_S,
        ("AlignedDataCtrlr", "Interval"): SAMPLE_S,
        ("SampledDataCtrlr", "TxUpdatedInterval"): SAMPLE_S,
    },
}
_FIXED: Mapping[Version, Mapping[Variable, str]] = {
    Version.V16: {
        ("", "ChargeProfileMaxStackLevel"): "100",
        ("", "ChargingScheduleAllowedChargingRateUnit"): "Current,Power",
        ("", "ChargingScheduleMaxPeriods"): "512",
        ("", "MaxChargingProfilesInstalled"): "64",
        ("", "MeterValuesSampledData"): ",".join(MEASURANDS),
        ("", "NumberOfConnectors"): "0",
        ("", "SupportedFeatureProfiles"): "Core,SmartCharging,RemoteTrigger",
    },
    Version.V201: {
        ("AlignedDataCtrlr", "Measurands"): ",".join(MEASURANDS),
        ("SampledDataCtrlr", "TxUpdatedMeasurands"): ",".join(MEASURANDS),
        ("SmartChargingCtrlr", "PeriodsPerSchedule"): "512",
        ("SmartChargingCtrlr", "ProfileStackLevel"): "100",
        ("SmartChargingCtrlr", "RateUnit"): "A,W",
    },
}
TRIGGERED = ("BootNotification", "Heartbeat", "MeterValues", "StatusNotification")


@dataclass(slots=True)
class Settings:
    """What the cloud may set, in s."""

    seconds: dict[str, int] = field(default_factory=lambda: {HEARTBEAT_S: 300, SAMPLE_S: 10})

    def read(self, version: Version, variable: Variable) -> str | None:
        """The value of a variable; None where there is no such."""
        key = _SETTABLE[_table(version)].get(variable)
        return str(self.seconds[key]) if key is not None else _FIXED[_table(version)].get(variable)

    def write(self, version: Version, variable: Variable, value: object) -> bool:
        """Set a variable that can be; False for a value that is no number of s from 1 to a day."""
        seconds = whole_number(value)
        if seconds is None or not 0 < seconds <= _LARGEST_S:
            return False
        self.seconds[_SETTABLE[_table(version)][variable]] = seconds
        return True

    def can_be_set(self, version: Version, variable: Variable) -> bool:
        """Whether a variable is more than read."""
        return variable in _SETTABLE[_table(version)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer, and the message that is to follow it, if one was asked for."""

    reply: Payload
    then: str | None = None


def answer(version: Version, action: str, payload: Payload, settings: Settings) -> Said | None:
    """The answer to a CALL; None for what the gateway doesn't know as a station."""
    answers = _ANSWERS_V2 if version.is_v2 else _ANSWERS_V16
    found = answers.get(action)
    return found(payload, settings) if callable(found) else (Said(reply=found) if found is not None else None)


def _table(version: Version) -> Version:
    return Version.V201 if version.is_v2 else Version.V16


def _get_configuration(payload: Payload, settings: Settings) -> Said:
    known = [name for _, name in sorted({**_SETTABLE[Version.V16], **_FIXED[Version.V16]})]
    asked = payload.get("key")
    wanted = [each for each in asked if isinstance(each, str)] if isinstance(asked, list) and asked else known
    entries, unknown = [], []
    for name in wanted:
        value = settings.read(Version.V16, ("", name))
        if value is None:
            unknown.append(name)
        else:
            readonly = not settings.can_be_set(Version.V16, ("", name))
            entries.append({"key": name, "readonly": readonly, "value": value})
    return Said(reply={"configurationKey": entries, **({"unknownKey": unknown} if unknown else {})})


def _change_configuration(payload: Payload, settings: Settings) -> Said:
    variable = ("", text(payload.get("key")) or "")
    if settings.read(Version.V16, variable) is None:
        return Said(reply={"status": "NotSupported"})
    can = settings.can_be_set(Version.V16, variable)
    accepted = can and settings.write(Version.V16, variable, payload.get("value"))
    return Said(reply={"status": "Accepted" if accepted else "Rejected"})


def _variable(entry: Payload) -> Variable:
    component, name = fields(entry.get("component")).get("name"), fields(entry.get("variable")).get("name")
    return text(component) or "", text(name) or ""


def _get_variables(payload: Payload, settings: Settings) -> Said:
    results = []
    for entry in map(fields, elements(payload.get("getVariableData"))):
        value = settings.read(Version.V201, _variable(entry))
        told = {"attributeStatus": "UnknownVariable"}
        if value is not None:
            told = {"attributeStatus": "Accepted", "attributeValue": value}
        results.append({"component": entry.get("component"), "variable": entry.get("variable"), **told})
    return Said(reply={"getVariableResult": results})


def _set_variables(payload: Payload, settings: Settings) -> Said:
    results = []
    for entry in map(fields, elements(payload.get("setVariableData"))):
        variable = _variable(entry)
        if settings.read(Version.V201, variable) is None:
            status = "UnknownVariable"
        elif not settings.can_be_set(Version.V201, variable):
            status = "Rejected"
        else:
            accepted = settings.write(Version.V201, variable, entry.get("attributeValue"))
            status = "Accepted" if accepted else "Rejected"
        place = {"component": entry.get("component"), "variable": entry.get("variable")}
        results.append({**place, "attributeStatus": status})
    return Said(reply={"setVariableResult": results})


def _trigger(payload: Payload, _settings: Settings) -> Said:
    wanted = text(payload.get("requestedMessage")) or ""
    place = fields(payload.get("evse")).get("id", payload.get("connectorId"))
    if wanted not in TRIGGERED:
        return Said(reply={"status": "NotImplemented"})
    if place not in (None, 0):
        return Said(reply={"status": "Rejected"})  # there is no such connector
    return Said(reply={"status": "Accepted"}, then=wanted)


_Answer = Callable[[Payload, Settings], Said] | Payload
_REJECTED: Payload = {"status": "Rejected"}

_ANSWERS_V16: Mapping[str, _Answer] = {
    "ChangeAvailability": _REJECTED,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _REJECTED,
    "DataTransfer": {"status": "UnknownVendorId"},
    "GetConfiguration": _get_configuration,
    "RemoteStartTransaction": _REJECTED,
    "RemoteStopTransaction": _REJECTED,
    "Reset": _REJECTED,
    "TriggerMessage": _trigger,
    "UnlockConnector": {"status": "NotSupported"},
}
_ANSWERS_V2: Mapping[str, _Answer] = {
    "ChangeAvailability": _REJECTED,
    "ClearCache": _REJECTED,
    "DataTransfer": {"status": "UnknownVendorId"},
    "GetBaseReport": {"status": "NotSupported"},
    "GetVariables": _get_variables,
    "RequestStartTransaction": _REJECTED,
    "RequestStopTransaction": _REJECTED,
    "Reset": _REJECTED,
    "SetVariables": _set_variables,
    "TriggerMessage": _trigger,
}
