"""What a row of the hand-worked tables is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.ocpp.versions import Version
from tests.unit.ocpp_profiles.profile_bench import V16, period, profile


@dataclass(frozen=True)
class Row:
    """Profiles in their places, transactions since when, and what EVSE ``evse`` is allowed at ``at``."""

    section: str
    version: Version
    placed: tuple[tuple[int, dict[str, Any]], ...]
    at: str
    expected_a: float | None
    evse: int = 1
    running: Mapping[int, str] = field(default_factory=dict)


# 11 kW on three phases of 230 V, and so on.
A_11KW, A_6KW, A_2KW = 11000 / 690, 6000 / 690, 2000 / 690
NO_LIMIT_999999 = 999999 / 690

_DAY = [period(0, 11000, numberPhases=3), period(28800, 6000, numberPhases=3), period(72000, 11000, numberPhases=3)]
DAILY: dict[str, Any] = {"kind": "Recurring", "recurrencyKind": "Daily"}
WEEKLY: dict[str, Any] = {"kind": "Recurring", "recurrencyKind": "Weekly"}


def day(version: Version) -> tuple[int, dict[str, Any]]:
    """The daily example of 1.6 §3.13.7 and 2.0.1 K §3.6."""
    whole = {"duration": 86400}
    return 0, profile(
        version, "default", *_DAY, number=100, unit="W", start="2013-01-01T00:00Z", schedule=whole, **DAILY
    )


def stacked(version: Version, peak_s: int = 10800) -> tuple[tuple[int, dict[str, Any]], ...]:
    """The three profiles of 2.0.1 K §3.6.1: a peak at 17:00, but not on Sundays, nor on Christmas Day 2020."""

    def each(number: int, level: int, limit: float, start: str, duration_s: int, **more: Any) -> dict[str, Any]:
        length = {"duration": duration_s}
        periods = period(0, limit)
        return profile(
            version, "default", periods, number=number, level=level, unit="W", start=start, schedule=length, **more
        )

    christmas = {"validFrom": "2020-01-01T00:00:00", "validTo": "2021-01-01T00:00:00"}
    return (
        (0, each(10, 1, 2000, "2020-01-09T17:00:00", peak_s, **DAILY)),
        (0, each(11, 2, 999999, "2020-01-05T00:00:00", 86400, **WEEKLY)),
        (0, each(12, 3, 999999, "2020-12-25T00:00:00", 86400, **christmas)),
    )


def default(version: Version, limit: float, *, evse: int = 0, **more: Any) -> tuple[int, dict[str, Any]]:
    """A TxDefaultProfile of one limit."""
    return evse, profile(version, "default", period(0, limit), **more)


def maximum(version: Version, limit: float, **more: Any) -> tuple[int, dict[str, Any]]:
    """A station's maximum of one limit; profile 90."""
    return 0, profile(version, "max", period(0, limit), number=90, **more)


def tx(version: Version, *periods: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
    """A TxProfile for the transaction on EVSE 1; profile 50 unless numbered otherwise."""
    transaction: object = 100 if version is V16 else "100"
    fields: dict[str, Any] = {"number": 50, "transactionId": transaction} | more
    return 1, profile(version, "tx", *periods, **fields)


RUNNING = {1: "10:00:00"}
TWO_STEPS = (period(0, 10), period(3600, 16))  # at 13:00 of a schedule that starts at 12:00
FROM_NOON = "2026-06-01T12:00:00Z"
