"""Who was there before a release gave way to the next, and what the next must have back to be kept.

Pure: reports of the gateway in (the JSON of ``edge status``), what is missing out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

TICKS_WANTED = 30  # in a row, with all there: half a minute, longer than a loop of crashes and restarts stands up
_STARTING = "STARTING"  # the control's state before its first tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """``controls``: a control loop completed ticks; ``meters`` gave fresh readings; ``stations`` were connected."""

    controls: bool
    meters: frozenset[str]
    stations: frozenset[str]

    @classmethod
    def of(cls, report: Mapping[str, Any] | None) -> Self:
        """Of a gateway's report; ``None`` is a gateway that doesn't answer: one that isn't set up, say."""
        if report is None or report["control"]["state"] == _STARTING:
            return cls(controls=False, meters=frozenset(), stations=frozenset())
        return cls(
            controls=True,
            meters=frozenset(each["id"] for each in report["meters"] if each["ok"]),
            stations=frozenset(each["id"] for each in report["stations"] if each["connected"]),
        )

    def __or__(self, other: Self) -> Self:
        """Who was there at one of both moments: a reading may be late in one, a station about to come back."""
        return type(self)(
            controls=self.controls or other.controls,
            meters=self.meters | other.meters,
            stations=self.stations | other.stations,
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` wrote.

        :raises KeyError: when it wasn't that.
        """
        return cls(
            controls=bool(document["controls"]),
            meters=frozenset(document["meters"]),
            stations=frozenset(document["stations"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {"controls": self.controls, "meters": sorted(self.meters), "stations": sorted(self.stations)}


class Probation:
    """Looks at one report after the other, until all who were there are back and stay for ``ticks_wanted`` ticks."""

    def __init__(self, before: Attendance, *, ticks_wanted: int = TICKS_WANTED) -> None:
        self._before = before
        self._wanted = ticks_wanted
        self._since: int | None = None  # the tick from which on all were there
        self._last = 0

    def missing(self, report: Mapping[str, Any] | None) -> list[str]:
        """What stands between the release and being kept, in words; nothing when it has passed."""
        if not self._before.controls:
            return []  # there was nothing that it could have broken
        now = Attendance.of(report)
        gone = ["the control loop completes no tick"] if not now.controls else []
        gone += [f"meter {each} gives no fresh reading" for each in sorted(self._before.meters - now.meters)]
        gone += [f"station {each} isn't back" for each in sorted(self._before.stations - now.stations)]
        if gone or report is None:
            self._since = None
            return gone
        ticks = int(report["control"]["ticks"])
        if self._since is None or ticks < self._last:  # fewer: the program has begun anew in between
            self._since = ticks
        self._last = ticks
        done = ticks - self._since
        return [] if done >= self._wanted else [f"{done} of {self._wanted} ticks with all there"]
