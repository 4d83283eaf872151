"""What a station of any OCPP version makes of its charging profiles, found the slow way: second by second, by painting.

A canvas has one cell for each second. Every profile paints the seconds of which it says something, the weakest first:
what is painted over it is overruled. Nothing clever, so that it can judge cleverer ways: :mod:`simulators.charger.
profiles` and whatever a controller computes. Payloads are taken as a CSMS writes them, and are not checked.

Moments are seconds since the epoch.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

DAY_S = 86_400
REPEATS_S = {"Daily": DAY_S, "Weekly": 7 * DAY_S}
FOR_EVER_S = 10**11

Cell = float | None  # A per phase; None: nothing is said
OPEN = math.inf  # said to be without a limit


@dataclass
class Painting:
    """One profile on the wall: `evse` 0 is the station."""

    evse: int
    raw: dict[str, Any]
    hung_s: float

    @property
    def purpose(self) -> str:
        """In the words of 2.x."""
        word = str(self.raw["chargingProfilePurpose"])
        return "ChargingStationMaxProfile" if word == "ChargePointMaxProfile" else word

    @property
    def level(self) -> int:
        return int(self.raw["stackLevel"])

    @property
    def number(self) -> int:
        return int(self.raw["id"] if "id" in self.raw else self.raw["chargingProfileId"])

    @property
    def schedule(self) -> dict[str, Any]:
        """1.6 has one, 2.x a list of one."""
        found: Any = self.raw["chargingSchedule"]
        return found if isinstance(found, dict) else found[0]


@dataclass
class PaintedStation:
    """A station's wall. `own_default_first`: OCPP 1.6, where a connector's own TxDefaultProfiles come before those of
    connector 0; in 2.x the stack level alone decides."""

    own_default_first: bool
    voltage_v: float = 230.0
    wall: list[Painting] = field(default_factory=list)
    began_s: dict[int, float] = field(default_factory=dict)

    def hang(self, evse: int, raw: dict[str, Any], at_s: float) -> None:
        """A profile that was accepted. In 1.6 it takes the place of its like, and always of its own number."""
        new = Painting(evse, raw, at_s)
        kept = []
        for old in self.wall:
            if old.number == new.number:
                continue
            alike = (old.evse, old.purpose, old.level) == (new.evse, new.purpose, new.level)
            if not (self.own_default_first and alike):
                kept.append(old)
        self.wall = [*kept, new]

    def stop(self, evse: int) -> None:
        """The session is over."""
        self.began_s.pop(evse, None)
        self.wall = [each for each in self.wall if not (each.evse == evse and each.purpose == "TxProfile")]

    def look(self, evse: int, first_s: int, count: int) -> list[Cell]:
        """What the EVSE is allowed in each of `count` seconds from `first_s` on."""
        session = self._blank(count)
        in_session = evse in self.began_s
        for each in self._weakest_first(evse):
            if each.purpose == "TxDefaultProfile" or (in_session and each.purpose == "TxProfile"):
                self._paint(session, each, self.began_s.get(evse), first_s)
        station = self._of("ChargingStationMaxProfile", (0,), evse, first_s, count)
        extra = self._of("LocalGeneration", (0, evse), evse, first_s, count)
        cells = []
        for second in range(count):
            said = [cell for cell in (session[second], station[second]) if cell is not None and cell is not OPEN]
            more = extra[second]
            cells.append(min(said) + (0.0 if more is None or more is OPEN else more) if said else None)
        return cells

    def _weakest_first(self, evse: int) -> Iterable[Painting]:
        def strength(each: Painting) -> tuple[bool, bool, int, bool]:
            own = each.evse == evse
            return (each.purpose == "TxProfile", own and self.own_default_first, each.level, own)

        return sorted((each for each in self.wall if each.evse in (0, evse)), key=strength)

    def _of(self, purpose: str, evses: tuple[int, ...], evse: int, first_s: int, count: int) -> list[Cell]:
        canvas = self._blank(count)
        mine = [each for each in self.wall if each.purpose == purpose and each.evse in evses]
        for each in sorted(mine, key=lambda each: (each.level, each.evse == evse)):
            self._paint(canvas, each, each.hung_s, first_s)
        return canvas

    @staticmethod
    def _blank(count: int) -> list[Cell]:
        return [None] * count

    def _paint(self, canvas: list[Cell], each: Painting, session_s: float | None, first_s: int) -> None:
        """Cover the seconds of which the profile says something."""
        relative = each.raw["chargingProfileKind"] == "Relative" or "startSchedule" not in each.schedule
        lasts_s = each.schedule.get("duration", FOR_EVER_S)
        repeats_s = REPEATS_S.get(each.raw.get("recurrencyKind", ""))
        from_s = _seconds(each.raw.get("validFrom"), -FOR_EVER_S)
        until_s = _seconds(each.raw.get("validTo"), FOR_EVER_S)
        for index in range(len(canvas)):
            now_s = first_s + index
            if not from_s <= now_s < until_s:
                continue
            if relative:
                # Without a session it is as if one began at this very second.
                age_s = 0.0 if session_s is None else now_s - session_s
            else:
                age_s = now_s - _seconds(each.schedule["startSchedule"], 0.0)
            if age_s < 0:
                continue
            while repeats_s is not None and age_s >= repeats_s:
                age_s -= repeats_s
            if age_s < lasts_s:
                canvas[index] = self._amps(each, age_s)

    def _amps(self, each: Painting, age_s: float) -> float:
        current = None
        for period in each.schedule["chargingSchedulePeriod"]:
            if period["startPeriod"] <= age_s:
                current = period
        assert current is not None  # noqa: S101 - the first period is at 0
        if "limit" not in current:
            return OPEN
        if each.schedule["chargingRateUnit"] == "A":
            return float(current["limit"])
        return float(current["limit"]) / self.voltage_v / float(current.get("numberPhases", 3))


def _seconds(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    stamp = datetime.fromisoformat(text)
    return (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)).timestamp()
