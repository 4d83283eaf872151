"""A limit as an OCPP 1.6 dead-man profile.

Each profile carries its own end: the limit for the lease; then the lower of limit and safe current, so that nothing
rises when a lease ends; and one full lease later the safe current, so that no car is left at 0 for ever.
"""

import math
from datetime import UTC, datetime
from typing import Any

from edge.domain.setpoint import LimitCommand, Purpose
from edge.units import Amps

# One profile id for each EVSE and purpose, so that a new limit replaces the last one (OCPP 1.6 §3.13.2). The base keeps
# clear of the small numbers that clouds hand out.
PROFILE_ID_BASE = 730_000

# Used until the station has told its ChargeProfileMaxStackLevel. 0 is the only level that every station accepts, and a
# refused limit is worse than one that a forgotten profile of the cloud outranks for a moment.
DEFAULT_STACK_LEVEL = 0

# Limits are written in steps of 0.1 A (OCPP 1.6 §7.13); a value this little below a step is that step.
_ROUNDING_SLACK_A = 1e-6

_PURPOSES = {Purpose.SESSION: "TxProfile", Purpose.IDLE: "TxDefaultProfile"}
_PURPOSE_OFFSETS = {Purpose.IDLE: 0, Purpose.SESSION: 1}


def profile_id(evse: int, purpose: Purpose) -> int:
    """The chargingProfileId under which the station keeps this EVSE's limit of this purpose."""
    return PROFILE_ID_BASE + 2 * evse + _PURPOSE_OFFSETS[purpose]


def round_down(limit_a: Amps) -> Amps:
    """The limit in whole tenths of an ampere, never more than it was, never below 0."""
    return max(0, math.floor((limit_a + _ROUNDING_SLACK_A) * 10)) / 10


def periods(limit_a: Amps, safe_a: Amps, lease_s: float) -> list[dict[str, Any]]:
    """The chargingSchedulePeriod list; consecutive periods of one limit are one."""
    lease = max(1, math.floor(lease_s))
    limit, safe = round_down(limit_a), round_down(safe_a)
    steps = [(0, limit), (lease, min(limit, safe)), (2 * lease, safe)]
    merged = [step for index, step in enumerate(steps) if index == 0 or step[1] != steps[index - 1][1]]
    return [{"startPeriod": start, "limit": level} for start, level in merged]


def request(command: LimitCommand, *, start: datetime, stack_level: int) -> dict[str, Any]:
    """The payload of SetChargingProfile.req (OCPP 1.6 §5.16, §6.43).

    ``start`` is the beginning of the lease by the station's own clock; it is written as UTC, rounded down to a whole
    second. Raises ValueError when a session's limit names no transaction that OCPP 1.6 could name.
    """
    profile: dict[str, Any] = {"chargingProfileId": profile_id(command.key.evse, command.purpose)}
    if command.purpose is Purpose.SESSION:
        profile["transactionId"] = int(command.transaction_id or "")
    profile |= {
        "stackLevel": stack_level,
        "chargingProfilePurpose": _PURPOSES[command.purpose],
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": periods(command.limit_a, command.safe_a, command.lease_s),
        },
    }
    return {"connectorId": command.key.evse, "csChargingProfiles": profile}
