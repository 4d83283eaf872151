"""A charging profile of OCPP 1.6 (§7.8, §7.13, §7.14) and what it says at a moment.

All moments are seconds since the epoch in the station's own clock.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from simulators.charger.frames import CallRefused, ErrorCode, Payload
from simulators.charger.timestamp import parse_time

DEFAULT_PHASES = 3  # OCPP 1.6 §7.14: numberPhases absent means three


class Purpose(StrEnum):
    """OCPP 1.6 §7.10."""

    CHARGE_POINT_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class Kind(StrEnum):
    """OCPP 1.6 §7.9."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class RateUnit(StrEnum):
    """OCPP 1.6 §7.12: amperes per phase, or watts of all phases together."""

    AMPERES = "A"
    WATTS = "W"


RECURRENCE_S = {"Daily": 86_400, "Weekly": 7 * 86_400}  # §7.35; local time doesn't matter: schedules are in UTC


class UnacceptableProfile(Exception):
    """Well-formed, but this station can't take it: the answer is status Rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePeriod:
    """From `start_s` after the schedule's start: `limit` in the schedule's unit. `phases` turns W into A, and says a
    connector that can switch how many to use."""

    start_s: int
    limit: float
    phases: int = DEFAULT_PHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfile:
    """One profile; `recurrence_s` is set exactly when it is Recurring, and then `start_s` is too.

    A schedule without `start_s` is relative: it starts at the anchor that the caller gives.
    """

    profile_id: int
    stack_level: int
    purpose: Purpose
    unit: RateUnit
    periods: tuple[SchedulePeriod, ...]
    start_s: float | None = None
    duration_s: int | None = None
    recurrence_s: int | None = None
    valid_from_s: float | None = None
    valid_to_s: float | None = None
    transaction_id: int | None = None

    def period_at(self, at_s: float, anchor_s: float) -> SchedulePeriod | None:
        """The period in force, or None while the profile says nothing: not valid, not begun, or over.

        §5.16.4: the last period holds until the duration ends; a recurring schedule is cut at its recurrence.
        """
        if self.valid_from_s is not None and at_s < self.valid_from_s:
            return None
        if self.valid_to_s is not None and at_s >= self.valid_to_s:
            return None
        elapsed_s = at_s - (anchor_s if self.start_s is None else self.start_s)
        if elapsed_s < 0:
            return None
        if self.recurrence_s is not None:
            elapsed_s %= self.recurrence_s
        if self.duration_s is not None and elapsed_s >= self.duration_s:
            return None
        current = self.periods[0]
        for period in self.periods:
            if period.start_s > elapsed_s:
                break
            current = period
        return current

    def limit_a(self, at_s: float, anchor_s: float, nominal_voltage_v: float) -> float | None:
        """The limit in amperes per phase, or None while the profile says nothing.

        W is turned into A by the nominal voltage and numberPhases, never by the phases in use (errata 3.34, 3.69).
        """
        period = self.period_at(at_s, anchor_s)
        if period is None:
            return None
        if self.unit is RateUnit.AMPERES:
            return period.limit
        return period.limit / (nominal_voltage_v * period.phases)

    def edges(self, from_s: float, to_s: float, anchor_s: float) -> Iterator[float]:
        """Every moment in (from_s, to_s) at which the limit may change; unordered, repeats possible."""
        start_s = anchor_s if self.start_s is None else self.start_s
        offsets: list[float] = [period.start_s for period in self.periods]
        if self.duration_s is not None:
            offsets.append(self.duration_s)
        first = 0
        rounds = 1
        if self.recurrence_s is not None:
            offsets = [offset for offset in offsets if offset < self.recurrence_s]
            first = max(0, math.floor((from_s - start_s) / self.recurrence_s))
            rounds = max(0, math.ceil((to_s - start_s) / self.recurrence_s) - first)
        moments = [
            start_s + number * (self.recurrence_s or 0) + offset
            for number in range(first, first + rounds)
            for offset in offsets
        ]
        moments += [moment for moment in (self.valid_from_s, self.valid_to_s) if moment is not None]
        return (moment for moment in moments if from_s < moment < to_s)


def decode_profile(raw: Payload) -> ChargingProfile:
    """A csChargingProfiles object that has passed the JSON schema, as a value.

    Raises CallRefused for a time that is none, UnacceptableProfile for what contradicts itself (§7.8, §7.13 with
    errata 3.45, 3.56).
    """
    schedule = raw["chargingSchedule"]
    kind = Kind(raw["chargingProfileKind"])
    purpose = Purpose(raw["chargingProfilePurpose"])
    recurrency = raw.get("recurrencyKind")
    start_s = _moment(schedule, "startSchedule")
    if (kind is Kind.RECURRING) != (recurrency is not None):
        raise UnacceptableProfile("recurrencyKind belongs to chargingProfileKind Recurring, and to no other")
    if kind is Kind.RECURRING and start_s is None:
        raise UnacceptableProfile("a Recurring profile needs a startSchedule")
    if purpose is not Purpose.TX and "transactionId" in raw:
        raise UnacceptableProfile("transactionId belongs to a TxProfile only")
    return ChargingProfile(
        profile_id=raw["chargingProfileId"],
        stack_level=raw["stackLevel"],
        purpose=purpose,
        unit=RateUnit(schedule["chargingRateUnit"]),
        periods=_periods(schedule["chargingSchedulePeriod"]),
        start_s=None if kind is Kind.RELATIVE else start_s,
        duration_s=_duration(schedule),
        recurrence_s=None if recurrency is None else RECURRENCE_S[recurrency],
        valid_from_s=_moment(raw, "validFrom"),
        valid_to_s=_moment(raw, "validTo"),
        transaction_id=raw.get("transactionId"),
    )


def _periods(raw: list[Payload]) -> tuple[SchedulePeriod, ...]:
    periods = tuple(
        SchedulePeriod(
            start_s=each["startPeriod"],
            limit=float(each["limit"]),
            phases=each.get("numberPhases", DEFAULT_PHASES),
        )
        for each in raw
    )
    starts = [period.start_s for period in periods]
    if not periods or starts[0] != 0:
        raise UnacceptableProfile("the first chargingSchedulePeriod must start at 0")
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise UnacceptableProfile("chargingSchedulePeriods must follow each other in time")
    if any(period.limit < 0 or period.phases not in (1, 2, 3) for period in periods):
        raise UnacceptableProfile("a limit must not be negative, and numberPhases is 1, 2 or 3")
    return periods


def _duration(schedule: Payload) -> int | None:
    duration_s: int | None = schedule.get("duration")
    if duration_s is not None and duration_s < 0:
        raise UnacceptableProfile("a duration must not be negative")
    return duration_s


def _moment(raw: Payload, key: str) -> float | None:
    text = raw.get(key)
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise CallRefused(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{key}: {text!r} is not an ISO 8601 time") from None
