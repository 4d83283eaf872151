"""From a payload to a profile: every version's form into the one model, or the reason why not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

import orjson

from edge.ocpp.profiles import fields, given
from edge.ocpp.profiles.model import (
    RECURRENCE_S,
    ChargingProfile,
    Kind,
    ProfilePurpose,
    RateUnit,
    Recurrency,
    SchedulePeriod,
)
from edge.ocpp.profiles.refusal import Malformation, ProfileRefused, Reason, RequestMalformed
from edge.ocpp.versions import Version


class Mode(StrEnum):
    """operationMode (2.1 part 2 K §3.4). A car only ever charges here; the modes that discharge it are refused."""

    CHARGING_ONLY = "ChargingOnly"
    CENTRAL_SETPOINT = "CentralSetpoint"
    EXTERNAL_SETPOINT = "ExternalSetpoint"
    EXTERNAL_LIMITS = "ExternalLimits"
    IDLE = "Idle"
    CENTRAL_FREQUENCY = "CentralFrequency"
    LOCAL_FREQUENCY = "LocalFrequency"
    LOCAL_LOAD_BALANCING = "LocalLoadBalancing"


_TX_MODES = frozenset({Mode.CHARGING_ONLY, Mode.CENTRAL_SETPOINT, Mode.EXTERNAL_SETPOINT, Mode.EXTERNAL_LIMITS})
_MODES: Mapping[ProfilePurpose, frozenset[Mode]] = {  # 2.1 part 2 table 95, K01.FR.71
    ProfilePurpose.STATION_MAX: frozenset({Mode.CHARGING_ONLY}),
    ProfilePurpose.TX_DEFAULT: _TX_MODES,
    ProfilePurpose.TX: _TX_MODES,
    ProfilePurpose.PRIORITY: frozenset({Mode.CHARGING_ONLY}),
    ProfilePurpose.LOCAL_GENERATION: frozenset({Mode.CHARGING_ONLY, Mode.EXTERNAL_LIMITS}),
}
_WITHOUT_LIMIT = frozenset({Mode.CENTRAL_SETPOINT, Mode.EXTERNAL_SETPOINT, Mode.EXTERNAL_LIMITS})

_PURPOSES_V16 = {"ChargePointMaxProfile": ProfilePurpose.STATION_MAX}
_PURPOSES: Mapping[Version, Mapping[str, ProfilePurpose]] = {
    Version.V16: _PURPOSES_V16 | {each: each for each in (ProfilePurpose.TX_DEFAULT, ProfilePurpose.TX)},
    Version.V201: {each: each for each in (ProfilePurpose.STATION_MAX, ProfilePurpose.TX_DEFAULT, ProfilePurpose.TX)},
    Version.V21: {each: each for each in ProfilePurpose},
}
_EXTERNAL = "ChargingStationExternalConstraints"  # 2.x K01.FR.22: no cloud may set it
_DYNAMIC = "Dynamic"  # 2.1 K01.FR.121: SupportsDynamicProfiles is false

# Fields of a schedule, or of a period, of 2.1 that ask for what isn't supported (K01.FR.123 to 126), and why not.
_UNSUPPORTED_IN_SCHEDULE = {
    "useLocalTime": "schedules count in UTC",
    "randomizedDelay": "starts can't be delayed at random",
    "limitAtSoC": "the state of charge isn't known",
}
_UNSUPPORTED_IN_PERIOD = {
    "evseSleep": "an EVSE can't be put to sleep",
    "setpointReactive": "reactive power isn't controlled",
}


def parse(value: object, version: Version) -> ChargingProfile:
    """The profile in a csChargingProfiles (1.6) or chargingProfile (2.x).

    Raises RequestMalformed for what breaks the form (a CALLERROR, OCPP 1.6 errata 3.38), ProfileRefused for what
    contradicts itself or can't be done (status Rejected).
    """
    raw = fields.entries(value, "csChargingProfiles" if version is Version.V16 else "chargingProfile")
    purpose = read_purpose(fields.text(raw, "chargingProfilePurpose"), version)
    kind = _kind(raw, version)
    schedules = fields.elements(raw, "chargingSchedule")
    if len(schedules) != 1:
        # 2.x K01.FR.34: more than one is for ISO 15118, and no car is reached through these profiles.
        raise ProfileRefused(Reason.INVALID_SCHEDULE, f"{len(schedules)} charging schedules, and one is supported")
    schedule = fields.entries(schedules[0], "chargingSchedule")
    identity = "chargingProfileId" if version is Version.V16 else "id"
    unit = fields.member(schedule, "chargingRateUnit", RateUnit)
    if unit is None:
        raise RequestMalformed(Malformation.MISSING, "chargingRateUnit is missing")
    _check_support(schedule, kind, version)
    profile = ChargingProfile(
        version=version,
        id=fields.required_whole(raw, identity),
        stack_level=fields.required_whole(raw, "stackLevel"),
        purpose=purpose,
        unit=unit,
        periods=_periods(schedule, purpose, version),
        start=_start(schedule, kind, version),
        duration_s=fields.whole(schedule, "duration"),
        recurrence_s=_recurrence(raw, kind),
        valid_from=fields.moment(raw, "validFrom"),
        valid_to=fields.moment(raw, "validTo"),
        transaction=fields.text(raw, "transactionId"),
        max_offline_s=fields.whole(raw, "maxOfflineDuration") if version is Version.V21 else None,
        expires_offline=version is Version.V21 and raw.get("invalidAfterOfflineDuration") is True,
        given=given.to_text(given.tidy(raw, version)),
    )
    _check(profile, kind)
    return profile


def restore(text: str, version: Version) -> ChargingProfile:
    """The profile out of its own ``given``. Raises what :func:`parse` raises, and ValueError for no JSON."""
    return parse(orjson.loads(text), version)


def read_purpose(word: str | None, version: Version) -> ProfilePurpose:
    """The purpose by its word in that version."""
    if word is None:
        raise RequestMalformed(Malformation.MISSING, "chargingProfilePurpose is missing")
    if word == _EXTERNAL and version is not Version.V16:
        raise ProfileRefused(Reason.INVALID_PROFILE, f"{_EXTERNAL} is not the cloud's to set")
    found = _PURPOSES[version].get(word)
    if found is None:
        raise RequestMalformed(Malformation.VALUE, f"chargingProfilePurpose {word[:40]!r} is unknown in {version}")
    return found


def _kind(raw: Mapping[str, Any], version: Version) -> Kind:
    if version is Version.V21 and raw.get("chargingProfileKind") == _DYNAMIC:
        raise ProfileRefused(Reason.UNSUPPORTED_KIND, "dynamic profiles are not supported")
    kind = fields.member(raw, "chargingProfileKind", Kind)
    if kind is None:
        raise RequestMalformed(Malformation.MISSING, "chargingProfileKind is missing")
    if version is Version.V21 and (raw.get("dynUpdateInterval") or raw.get("dynUpdateTime")):
        raise ProfileRefused(Reason.INVALID_PROFILE, "dynUpdateInterval and dynUpdateTime are for dynamic profiles")
    return kind


def _recurrence(raw: Mapping[str, Any], kind: Kind) -> int | None:
    """recurrencyKind, which means nothing where the kind isn't Recurring (OCPP 1.6 errata 3.56)."""
    if kind is not Kind.RECURRING:
        return None
    recurrency = fields.member(raw, "recurrencyKind", Recurrency)
    if recurrency is None:
        raise ProfileRefused(Reason.INVALID_PROFILE, "a Recurring profile needs a recurrencyKind")
    return RECURRENCE_S[recurrency]


def _start(schedule: Mapping[str, Any], kind: Kind, version: Version) -> float | None:
    """startSchedule. In 1.6 an absolute schedule without one counts from the start of charging (§7.13)."""
    start = fields.moment(schedule, "startSchedule")
    if kind is Kind.RELATIVE:
        if start is not None and version is not Version.V16:
            raise ProfileRefused(Reason.INVALID_SCHEDULE, "a Relative profile has no startSchedule")  # K01.FR.41
        return None
    if start is None and (kind is Kind.RECURRING or version is not Version.V16):
        raise ProfileRefused(Reason.INVALID_SCHEDULE, f"{kind} needs a startSchedule")  # K01.FR.40
    return start


def _check_support(schedule: Mapping[str, Any], kind: Kind, version: Version) -> None:
    if version is not Version.V21:
        return
    for name, why in _UNSUPPORTED_IN_SCHEDULE.items():
        if schedule.get(name):
            raise ProfileRefused(Reason.INVALID_SCHEDULE, f"{name}: {why} ({kind})")


def _periods(schedule: Mapping[str, Any], purpose: ProfilePurpose, version: Version) -> tuple[SchedulePeriod, ...]:
    found = tuple(
        _period(fields.entries(each, "chargingSchedulePeriod"), purpose, version)
        for each in fields.elements(schedule, "chargingSchedulePeriod")
    )
    _check_order([period.start_s for period in found])
    return found


def _check_order(starts: Sequence[int]) -> None:
    """OCPP 1.6 §5.16.4 with errata 3.45, 2.0.1 K01.FR.31 and 35."""
    if starts[0] != 0:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "the first startPeriod is not 0")
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "the startPeriods don't increase")


def _period(raw: Mapping[str, Any], purpose: ProfilePurpose, version: Version) -> SchedulePeriod:
    mode = _mode(raw, purpose) if version is Version.V21 else Mode.CHARGING_ONLY
    limit = fields.number(raw, "limit")
    if limit is None and mode not in _WITHOUT_LIMIT:
        if version is Version.V21:
            raise ProfileRefused(Reason.INVALID_SCHEDULE, f"operationMode {mode} needs a limit")
        raise RequestMalformed(Malformation.MISSING, "limit is missing")
    period = SchedulePeriod(
        start_s=fields.required_whole(raw, "startPeriod"),
        limit=limit,
        limit_l2=fields.number(raw, "limit_L2") if version is Version.V21 else None,
        limit_l3=fields.number(raw, "limit_L3") if version is Version.V21 else None,
        setpoint=_setpoint(raw) if mode is Mode.CENTRAL_SETPOINT else None,
        number_phases=fields.whole(raw, "numberPhases"),
        phase_to_use=fields.whole(raw, "phaseToUse") if version is not Version.V16 else None,
    )
    _check_period(period)
    return period


def _mode(raw: Mapping[str, Any], purpose: ProfilePurpose) -> Mode:
    for name, why in _UNSUPPORTED_IN_PERIOD.items():
        if raw.get(name):
            raise ProfileRefused(Reason.INVALID_SCHEDULE, f"{name}: {why}")
    mode = fields.member(raw, "operationMode", Mode) or Mode.CHARGING_ONLY
    if mode not in _MODES[purpose]:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, f"operationMode {mode} is not supported in a {purpose}")
    return mode


def _setpoint(raw: Mapping[str, Any]) -> float:
    """The sum of all phases. With values for L2 and L3, which make the first that of L1: three times the lowest."""
    parts = [fields.number(raw, name) for name in ("setpoint", "setpoint_L2", "setpoint_L3")]
    present = [part for part in parts if part is not None]
    if not present:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "operationMode CentralSetpoint needs a setpoint")
    if min(present) < 0:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "a negative setpoint: discharging is not supported")
    return present[0] if len(present) == 1 else 3 * min(present)


def _check_period(period: SchedulePeriod) -> None:
    limits = [limit for limit in (period.limit, period.limit_l2, period.limit_l3) if limit is not None]
    if limits and min(limits) < 0:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "a negative limit: discharging is not supported")
    if period.phases not in (1, 2, 3):
        raise ProfileRefused(Reason.INVALID_SCHEDULE, f"numberPhases {period.phases} is none of 1, 2 and 3")
    if period.phase_to_use is not None and (period.number_phases != 1 or period.phase_to_use not in (1, 2, 3)):
        detail = "phaseToUse is 1, 2 or 3, and for numberPhases 1 only"  # K01.FR.19
        raise ProfileRefused(Reason.INVALID_SCHEDULE, detail)


def _check(profile: ChargingProfile, kind: Kind) -> None:
    """What must hold between the fields."""
    if profile.stack_level < 0:
        raise ProfileRefused(Reason.INVALID_STACK_LEVEL, "a negative stackLevel")
    if profile.duration_s is not None and profile.duration_s < 0:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "a negative duration")
    if profile.max_offline_s is not None and profile.max_offline_s < 0:
        raise ProfileRefused(Reason.INVALID_PROFILE, "a negative maxOfflineDuration")
    if None not in (profile.valid_from, profile.valid_to) and not profile.overlaps(profile):
        raise ProfileRefused(Reason.INVALID_PROFILE, "validTo is not after validFrom")
    of_2x = profile.version is not Version.V16
    if of_2x and profile.purpose is ProfilePurpose.STATION_MAX and kind is Kind.RELATIVE:
        detail = "a ChargingStationMaxProfile can't be Relative"  # K01.FR.38
        raise ProfileRefused(Reason.INVALID_PROFILE, detail)
    if profile.purpose is ProfilePurpose.PRIORITY and profile.duration_s is not None:
        raise ProfileRefused(Reason.INVALID_SCHEDULE, "PriorityCharging has no duration")  # 2.1 K01.FR.70
    if profile.purpose is not ProfilePurpose.TX and profile.transaction is not None:
        raise ProfileRefused(Reason.INVALID_PROFILE, "a transactionId belongs to a TxProfile only")
