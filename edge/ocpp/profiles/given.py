"""A profile in the cloud's own JSON: tidied up when it comes in, and as the cloud is told it when it asks.

Only fields that the version knows are kept, numbers are numbers and times are in UTC; so what is reported validates,
whatever the cloud's own habits are. What the controller doesn't read (tariffs, customData) is kept as it came.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from edge.ocpp.profiles import fields
from edge.ocpp.profiles.model import ChargingProfile, Kind, ProfilePurpose
from edge.ocpp.profiles.refusal import Malformation, RequestMalformed
from edge.ocpp.versions import Version

_COMMON = ("stackLevel", "chargingProfilePurpose", "chargingProfileKind", "recurrencyKind", "validFrom", "validTo")
_SCHEDULE = ("duration", "startSchedule", "chargingRateUnit", "minChargingRate", "chargingSchedulePeriod")
_PERIOD = ("startPeriod", "limit", "numberPhases")

PROFILE_FIELDS: Mapping[Version, frozenset[str]] = {
    Version.V16: frozenset({"chargingProfileId", "transactionId", "chargingSchedule", *_COMMON}),
    Version.V201: frozenset({"id", "transactionId", "chargingSchedule", "customData", *_COMMON}),
    Version.V21: frozenset(
        {"id", "transactionId", "chargingSchedule", "customData", *_COMMON}
        | {"maxOfflineDuration", "invalidAfterOfflineDuration", "priceScheduleSignature"}
    ),
}
SCHEDULE_FIELDS: Mapping[Version, frozenset[str]] = {
    Version.V16: frozenset(_SCHEDULE),
    Version.V201: frozenset({"id", "salesTariff", "customData", *_SCHEDULE}),
    Version.V21: frozenset(
        {"id", "salesTariff", "customData", *_SCHEDULE}
        | {"powerTolerance", "signatureId", "digestValue", "absolutePriceSchedule", "priceLevelSchedule"}
    ),
}
PERIOD_FIELDS: Mapping[Version, frozenset[str]] = {
    Version.V16: frozenset(_PERIOD),
    Version.V201: frozenset({"phaseToUse", "customData", *_PERIOD}),
    Version.V21: frozenset(
        {"phaseToUse", "customData", "limit_L2", "limit_L3", "setpoint", "setpoint_L2", "setpoint_L3", *_PERIOD}
        | {"dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3", "operationMode", "preconditioningRequest"}
    ),
}

_WHOLE = frozenset(
    {"chargingProfileId", "id", "stackLevel", "duration", "startPeriod", "numberPhases", "phaseToUse", "signatureId"}
    | {"maxOfflineDuration"}
)
_NUMBERS = frozenset(
    {"minChargingRate", "powerTolerance", "limit", "limit_L2", "limit_L3", "setpoint", "setpoint_L2", "setpoint_L3"}
    | {"dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3"}
)
_TIMES = frozenset({"validFrom", "validTo", "startSchedule"})

_OF_21_ONLY = frozenset({ProfilePurpose.PRIORITY, ProfilePurpose.LOCAL_GENERATION})


def tidy(raw: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The profile with its known fields only, each of its right type.

    Raises RequestMalformed for a field that is of another.
    """
    profile = _tidy_fields(raw, PROFILE_FIELDS[version])
    schedules = [_tidy_schedule(each, version) for each in fields.elements(raw, "chargingSchedule")]
    profile["chargingSchedule"] = schedules[0] if version is Version.V16 and len(schedules) == 1 else schedules
    if version is Version.V16:
        transaction = fields.whole(raw, "transactionId", most=10**15)
        profile |= {} if transaction is None else {"transactionId": transaction}
    return profile


def _tidy_schedule(value: object, version: Version) -> dict[str, Any]:
    raw = fields.entries(value, "chargingSchedule")
    schedule = _tidy_fields(raw, SCHEDULE_FIELDS[version])
    schedule["chargingSchedulePeriod"] = [
        _tidy_fields(fields.entries(each, "chargingSchedulePeriod"), PERIOD_FIELDS[version])
        for each in fields.elements(raw, "chargingSchedulePeriod")
    ]
    return schedule


def _tidy_fields(raw: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: _reader(name)(raw, name) for name in sorted(known) if raw.get(name) is not None}


def _reader(name: str) -> Callable[[Mapping[str, Any], str], Any]:
    if name in _WHOLE:
        return fields.whole
    if name in _NUMBERS:
        return fields.number
    return _time if name in _TIMES else _as_it_is


def _time(raw: Mapping[str, Any], name: str) -> str:
    moment = fields.moment(raw, name)
    assert moment is not None  # noqa: S101 - the caller has seen it
    return fields.moment_text(moment)


def _as_it_is(raw: Mapping[str, Any], name: str) -> Any:
    return raw[name]


def to_text(profile: Mapping[str, Any]) -> str:
    """The tidy profile as it is kept: one line of JSON, keys in order."""
    try:
        # With room for the lists and objects that it is packed into when it is told or kept.
        orjson.dumps([[[[[[[[profile]]]]]]]])
    except orjson.JSONEncodeError:
        raise RequestMalformed(Malformation.VALUE, "the profile is nested too deeply") from None
    return orjson.dumps(profile, option=orjson.OPT_SORT_KEYS).decode()


def report_form(profile: ChargingProfile, version: Version, transaction: str | None) -> dict[str, Any] | None:
    """The profile as ReportChargingProfiles tells it in 2.0.1 or 2.1; None when that version has no word for it.

    ``transaction`` is the one that a TxProfile applies to. A profile that was set in another version, before the
    station's software changed, is told in the one that is spoken now.
    """
    if version is Version.V201 and profile.purpose in _OF_21_ONLY:
        return None
    given: dict[str, Any] = orjson.loads(profile.given)
    if profile.version is Version.V16:
        given["id"] = given.pop("chargingProfileId")
        given["chargingProfilePurpose"] = profile.purpose
        given["chargingSchedule"] = [{"id": 1} | given["chargingSchedule"]]
        if given["chargingProfileKind"] != Kind.RELATIVE and profile.start is None:
            given["chargingProfileKind"] = Kind.RELATIVE
    told = {name: value for name, value in given.items() if name in PROFILE_FIELDS[version]}
    told["chargingSchedule"] = [_told_schedule(each, version) for each in given["chargingSchedule"]]
    told.pop("transactionId", None)
    if profile.purpose is ProfilePurpose.TX and transaction is not None:
        told["transactionId"] = transaction
    return told


def _told_schedule(given: Mapping[str, Any], version: Version) -> dict[str, Any]:
    told = {name: value for name, value in given.items() if name in SCHEDULE_FIELDS[version]}
    told["chargingSchedulePeriod"] = [
        {name: value for name, value in period.items() if name in PERIOD_FIELDS[version]}
        for period in given["chargingSchedulePeriod"]
    ]
    return told
