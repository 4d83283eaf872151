"""The charging profiles that a 2.x station holds, and what they allow at a moment (OCPP 2.x part 2 K01, §3.13 of K)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

STATION = 0  # the evseId of all EVSEs together


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One profile and the EVSE that it is installed on."""

    evse: int
    profile: dict[str, Any]

    @property
    def place(self) -> tuple[int, str, int]:
        """Only one may have it: EVSE, purpose and stack level (K01.FR.06)."""
        return self.evse, self.profile["chargingProfilePurpose"], self.profile["stackLevel"]

    def limit_a(self, now: datetime, voltage_v: float) -> float | None:
        """What it allows now per phase; None when it says nothing."""
        schedule = self.profile["chargingSchedule"][0]
        start = schedule.get("startSchedule")
        if start is None:
            return None  # Relative ones begin with a transaction, which this station doesn't follow
        elapsed_s = (now - datetime.fromisoformat(start)).total_seconds()
        if elapsed_s < 0 or elapsed_s >= schedule.get("duration", float("inf")):
            return None
        period = max(
            (each for each in schedule["chargingSchedulePeriod"] if each["startPeriod"] <= elapsed_s),
            key=lambda each: float(each["startPeriod"]),
        )
        limit = float(period["limit"])
        if schedule["chargingRateUnit"] == "W":
            return limit / (voltage_v * float(period.get("numberPhases", 3)))
        return limit


class Profiles:
    """All that are installed."""

    def __init__(self, voltage_v: float = 230.0) -> None:
        self._voltage_v = voltage_v
        self._by_id: dict[int, Installed] = {}

    @property
    def installed(self) -> list[Installed]:
        """All of them."""
        return list(self._by_id.values())

    def install(self, evse: int, profile: dict[str, Any], running: str | None) -> str | None:
        """Install or replace; the reason code when it can't be (K01.FR.09, .16, .38, .52)."""
        purpose = profile["chargingProfilePurpose"]
        if purpose == "TxProfile":
            if evse == STATION:
                return "InvalidValue"
            if running is None or profile.get("transactionId") != running:
                return "TxNotFound"
        if purpose == "ChargingStationMaxProfile" and (evse != STATION or profile["chargingProfileKind"] == "Relative"):
            return "InvalidProfile"
        new = Installed(evse=evse, profile=profile)
        if any(kept.place == new.place and number != profile["id"] for number, kept in self._by_id.items()):
            return "DuplicateProfile"
        self._by_id[profile["id"]] = new
        return None

    def clear(self, number: int | None, evse: int | None, purpose: str | None, level: int | None) -> bool:
        """Remove those that fit all that is given; False when none does."""
        gone = [
            each
            for each, kept in self._by_id.items()
            if (number is None or each == number)
            and (number is not None or evse is None or kept.evse == evse)
            and (number is not None or purpose is None or kept.place[1] == purpose)
            and (number is not None or level is None or kept.place[2] == level)
        ]
        for each in gone:
            del self._by_id[each]
        return bool(gone)

    def transaction_over(self, evse: int) -> None:
        """Its profiles go with it."""
        over = [number for number, kept in self._by_id.items() if kept.place[:2] == (evse, "TxProfile")]
        for number in over:
            del self._by_id[number]

    def limit_a(self, evse: int, now: datetime) -> float | None:
        """What the EVSE may draw per phase: the lowest of the purposes; TxProfile replaces TxDefaultProfile."""
        per_purpose = {
            purpose: self._leading(purpose, places, now)
            for purpose, places in (
                ("ChargingStationMaxProfile", (STATION,)),
                ("ChargingStationExternalConstraints", (STATION, evse)),
                ("TxDefaultProfile", (evse, STATION)),
                ("TxProfile", (evse,)),
            )
        }
        if per_purpose["TxProfile"] is not None:
            per_purpose["TxDefaultProfile"] = None
        return min((limit for limit in per_purpose.values() if limit is not None), default=None)

    def _leading(self, purpose: str, places: tuple[int, ...], now: datetime) -> float | None:
        found = [kept for kept in self._by_id.values() if kept.place[1] == purpose and kept.evse in places]
        found.sort(key=lambda kept: (kept.place[2], kept.evse != STATION), reverse=True)
        limits = (kept.limit_a(now, self._voltage_v) for kept in found)
        return next((limit for limit in limits if limit is not None), None)
