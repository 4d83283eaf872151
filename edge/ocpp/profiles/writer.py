"""A limit as an OCPP 1.6 dead-man profile.

Each profile carries its own end: the limit for the lease; then the lower of limit and safe current, so that nothing
rises when a lease ends; and one full lease later the safe current, so that no car is left at 0 for ever. For a station
that takes one period only, the profile ends where a TxDefaultProfile of ours follows it, and else holds no more than
what the station may draw for good (:func:`only_period`). The same where nobody knows the station's time: the one period
of such a profile has begun by any clock, and never ends.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.domain.setpoint import LimitCommand, Purpose
from edge.ocpp.profiles.form import Form
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.profiles.units import LOWEST_VOLTAGE
from edge.ocpp.station_clock import EPOCH
from edge.ocpp.versions import Version
from edge.units import PHASES, Amps

# One profile id for each EVSE and purpose, so that a new limit replaces the last one (OCPP 1.6 §3.13.2). The base keeps
# clear of the small numbers that clouds hand out.
PROFILE_ID_BASE = 730_000

# Limits are written in steps of 0.1 A (OCPP 1.6 §7.13); a value this little below a step is that step.
_ROUNDING_SLACK = 1e-6

BEST = Form()  # that of a station of which nothing else is known

_PURPOSE_OFFSETS = {Purpose.IDLE: 0, Purpose.SESSION: 1}


def profile_id(evse: int, purpose: Purpose) -> int:
    """The chargingProfileId under which the station keeps this EVSE's limit of this purpose."""
    return PROFILE_ID_BASE + 2 * evse + _PURPOSE_OFFSETS[purpose]


def round_down(limit: float) -> float:
    """The limit in whole tenths of its unit, never more than it was, never below 0."""
    return max(0, math.floor((limit + _ROUNDING_SLACK) * 10)) / 10


def has_tenths(command: LimitCommand) -> bool:
    """Whether a limit in amperes is told with tenths of one."""
    told = (round_down(command.limit_a), round_down(command.safe_a))
    return command.limit_w is None and not all(amps.is_integer() for amps in told)


def is_long(command: LimitCommand) -> bool:
    """Whether a limit has two periods: it isn't the safe current."""
    if command.limit_w is not None and command.safe_w is not None:
        return round_down(command.limit_w) != round_down(command.safe_w)
    return round_down(command.limit_a) != round_down(command.safe_a)


def periods(
    limit: float, safe: float, lease_s: float, phases: int | None = None, *, whole: bool = False
) -> list[dict[str, Any]]:
    """The chargingSchedulePeriod list in the unit of ``limit`` and ``safe``; consecutive periods of one limit are one,
    so that there are two at most.

    ``phases``: how many the EVSE is to use (numberPhases, OCPP 1.6 §7.14), None where it isn't told. ``whole``: without
    tenths, which some stations refuse.
    """
    lease = max(1, math.floor(lease_s))
    limit, safe = _as_told(limit, whole=whole), _as_told(safe, whole=whole)
    steps = [(0, limit), (lease, min(limit, safe)), (2 * lease, safe)]
    merged = [step for index, step in enumerate(steps) if index == 0 or step[1] != steps[index - 1][1]]
    told = {} if phases is None else {"numberPhases": phases}
    return [{"startPeriod": start, "limit": level, **told} for start, level in merged]


def _as_told(limit: float, *, whole: bool) -> float:
    return math.floor(round_down(limit)) if whole else round_down(limit)


def only_period(limit: float, safe: float, lease_s: float, *, may_end: bool) -> tuple[float, int | None]:
    """What a schedule of one period allows, in the unit of ``limit`` and ``safe``, and after how many whole seconds it
    ends; None: never. At no time more than :func:`periods` allow.

    ``may_end``: a TxDefaultProfile of ours binds the session then, which allows no more than ``safe``. Where nothing
    would, a limit has to do for good: so it is no more than ``safe``.
    """
    lease = max(1, math.floor(lease_s))
    if not may_end:
        return min(limit, safe), None
    if limit > safe:
        return limit, lease
    return limit, 2 * lease if limit == 0 else None  # what follows is no less than 0, and may be less than any other


def schedule(command: LimitCommand, *, start: datetime | None, form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """What a ChargingSchedule of OCPP 1.6 (§7.13) and one of 2.x have in common: in W for DC stations, else in A. And
    what its profile has besides: its end, where it has one (validTo, §7.8). ``start`` None: it holds by any clock."""
    unit, limit, safe = "A", command.limit_a, command.safe_a
    if command.limit_w is not None and command.safe_w is not None:
        unit, limit, safe = "W", command.limit_w, command.safe_w
    limit, safe, ends_s = _as_formed(limit, safe, command, start, form)
    start = EPOCH if start is None else start  # every clock has passed that; one that was never set counts from it
    told: dict[str, Any] = {} if ends_s is None else {"duration": ends_s}
    told |= {
        "startSchedule": _stamp(start),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods(limit, safe, command.lease_s, command.phases, whole=form.whole),
    }
    return told, {} if ends_s is None else {"validTo": _stamp(start + timedelta(seconds=ends_s))}


def lower_a(command: LimitCommand, *, start: datetime | None, form: Form, in_watts: bool = False) -> Amps | None:
    """What a limit says in A per phase where it can't say as much as the command has: by any clock, or in one period
    that nothing follows, or in whole amperes, or in watts of an AC EVSE, which are of three phases where no number is
    told (OCPP 1.6 §7.14); None where it does."""
    limit_a, _, _ = _as_formed(command.limit_a, command.safe_a, command, start, form)
    if command.limit_w is None and in_watts:
        limit_a *= LOWEST_VOLTAGE / (command.phases or len(PHASES))
    elif command.limit_w is None and form.whole:
        limit_a = math.floor(round_down(limit_a))
    return limit_a if limit_a < round_down(command.limit_a) else None


def _as_formed(
    limit: float, safe: float, command: LimitCommand, start: datetime | None, form: Form
) -> tuple[float, float, int | None]:
    """A limit and its safe current, or powers, as they are told; and after how many seconds that ends, None: never."""
    if start is None:
        return min(limit, safe), min(limit, safe), None
    if not form.single:
        return limit, safe, None
    is_of_session = command.purpose is Purpose.SESSION and form.rung is not Rung.MAXIMUM
    limit, safe = _as_told(limit, whole=form.whole), _as_told(safe, whole=form.whole)
    limit, ends_s = only_period(limit, safe, command.lease_s, may_end=is_of_session and form.has_default)
    return limit, limit, ends_s


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request(command: LimitCommand, *, start: datetime | None, stack_level: int, form: Form = BEST) -> dict[str, Any]:
    """The payload of SetChargingProfile.req (OCPP 1.6 §5.16, §6.43).

    ``start`` is the beginning of the lease by the station's own clock; it is written as UTC, rounded down to a whole
    second. None: nobody knows that, and it is no more than the safe current. Raises ValueError when a session's limit
    names no transaction that OCPP 1.6 could name.
    """
    place = form.rung.place(command.key.evse)
    its_schedule, its_end = schedule(command, start=start, form=form)
    profile: dict[str, Any] = {"chargingProfileId": profile_id(place, command.purpose)}
    if command.purpose is Purpose.SESSION:
        profile["transactionId"] = int(command.transaction_id or "")
    profile |= {
        "stackLevel": stack_level,
        "chargingProfilePurpose": form.rung.purpose(command.purpose, Version.V16),
        "chargingProfileKind": "Absolute",
        **its_end,
        "chargingSchedule": its_schedule,
    }
    return {"connectorId": place, "csChargingProfiles": profile}
