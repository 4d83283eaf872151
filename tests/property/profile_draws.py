"""Charging profiles as hypothesis draws them: few moments and few numbers, so that they meet each other."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from edge.ocpp.versions import Version
from tests.unit.ocpp_profiles.profile_bench import V16

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WINDOW_S = 90  # the seconds that are looked at, from NOON on
EVSES = (1, 2, 3)  # the bench's: three phases, three phases, one phase

_seconds = st.integers(-20, WINDOW_S + 10)
_fractions = st.sampled_from([0, 0, 0, 500_000, 250_000])


@st.composite
def moments(draw: st.DrawFn, days: st.SearchStrategy[int] = st.just(0)) -> str:  # noqa: B008 - a strategy is a value
    """A time near the window, or a number of days away from one."""
    offset = timedelta(days=draw(days), seconds=draw(_seconds), microseconds=draw(_fractions))
    return (NOON + offset).isoformat().replace("+00:00", "Z")


@st.composite
def periods(draw: st.DrawFn, version: Version, unit: str) -> list[dict[str, Any]]:
    """One to four, in order; now and then one that leaves the limit to the site (2.1)."""
    starts = [0, *sorted(draw(st.sets(st.integers(1, WINDOW_S), max_size=3)))]
    found = []
    for start in starts:
        limit = draw(st.sampled_from([0, 6, 7.5, 10, 16, 32]))
        period: dict[str, Any] = {"startPeriod": start, "limit": limit if unit == "A" else limit * 230}
        if draw(st.booleans()):
            period["numberPhases"] = draw(st.sampled_from([1, 2, 3])) if version is V16 else 3
        if version is Version.V21 and draw(st.integers(0, 9)) == 0:
            period = {"startPeriod": start, "operationMode": "ExternalLimits"}
        found.append(period)
    return found


@st.composite
def profiles(draw: st.DrawFn, version: Version, purposes: tuple[str, ...]) -> dict[str, Any]:
    """A well-formed profile; the station may still have reasons to refuse it."""
    kind = draw(st.sampled_from(["Absolute", "Recurring", "Relative"]))
    unit = draw(st.sampled_from(["A", "W"]))
    purpose = draw(st.sampled_from(purposes))
    schedule: dict[str, Any] = {"chargingRateUnit": unit}
    schedule["chargingSchedulePeriod"] = draw(periods(version, unit))
    if purpose == "ChargingStationMaxProfile":
        for period in schedule["chargingSchedulePeriod"]:
            period.pop("operationMode", None)
            period.setdefault("limit", 5)
    days = st.sampled_from([0, -1, -7, -14, -3, 1]) if kind == "Recurring" else st.just(0)
    if kind != "Relative":
        schedule["startSchedule"] = draw(moments(days))
    if draw(st.booleans()):
        schedule["duration"] = draw(st.sampled_from([0, 1, 15, 40, 86_400, 100_000]))
    raw: dict[str, Any] = {
        ("chargingProfileId" if version is V16 else "id"): draw(st.integers(1, 5)),
        "stackLevel": draw(st.integers(0, 2)),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule if version is V16 else [schedule | {"id": 1}],
    }
    if kind == "Recurring":
        raw["recurrencyKind"] = draw(st.sampled_from(["Daily", "Weekly"]))
    if draw(st.integers(0, 3)) == 0:
        raw["validFrom"] = draw(moments())
    if draw(st.integers(0, 3)) == 0:
        raw["validTo"] = draw(moments())
    if purpose == "TxProfile" and (version is not V16 or draw(st.booleans())):
        raw["transactionId"] = 100 if version is V16 else "100"
    return raw


def purposes(version: Version) -> tuple[str, ...]:
    """Those that a cloud of that version sets."""
    common = ("TxDefaultProfile", "TxProfile", "TxDefaultProfile")
    match version:
        case Version.V16:
            return (*common, "ChargePointMaxProfile")
        case Version.V201:
            return (*common, "ChargingStationMaxProfile")
        case Version.V21:
            return (*common, "ChargingStationMaxProfile", "LocalGeneration")


@st.composite
def placed(draw: st.DrawFn, version: Version) -> tuple[int, dict[str, Any]]:
    """A profile and an EVSE to set it on."""
    return draw(st.sampled_from((0, 1, 1, 2))), draw(profiles(version, purposes(version)))
