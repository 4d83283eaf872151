"""The months' peaks under a clock that may turn out to be wrong: what was booked under a false month is booked anew."""

from collections.abc import Callable, Mapping

from edge.clock import STEP_S, Clock, SteadyDay
from edge.units import Seconds, Watts

_MONTHS = 12  # of a year


class MonthPeaks:
    """``kept`` are those of the runs before. What this run has booked since its clock was last seen to run for a day
    without being set goes with the clock, if that is set to another month."""

    def __init__(self, kept: Mapping[str, Watts]) -> None:
        self._kept = dict(kept)
        self._lead_s: Seconds | None = None  # of the wall clock over the monotonic one
        self._steady: SteadyDay | None = None

    def revised(
        self, peaks_w: Mapping[str, Watts], clock: Clock, month: Callable[[Seconds], str]
    ) -> Mapping[str, Watts]:
        """The peaks as the clock has them now. ``month`` is that of a Unix time at the site, ``YYYY-MM``."""
        now, wall_s = clock.monotonic(), clock.wall().timestamp()
        before_s, self._lead_s = self._lead_s, wall_s - now
        if self._steady is None:
            self._steady = SteadyDay(clock)
        if before_s is not None and abs(self._lead_s - before_s) > STEP_S:
            months = _ordinal(month(wall_s)) - _ordinal(month(before_s + now))
            peaks_w = self._booked_anew(peaks_w, months) if months else peaks_w
        if self._steady.has_passed():
            # A later month than a clock says that ran for a day was booked by one that was ahead.
            self._kept = until(peaks_w, month(wall_s))
            return self._kept
        return peaks_w

    def _booked_anew(self, peaks_w: Mapping[str, Watts], months: int) -> Mapping[str, Watts]:
        found = dict(self._kept)
        for name, peak_w in peaks_w.items():
            if peak_w > self._kept.get(name, 0.0):
                true = _name(_ordinal(name) + months)
                found[true] = max(found.get(true, 0.0), peak_w)
        return found


def until(peaks_w: Mapping[str, Watts], month: str) -> dict[str, Watts]:
    """Those that aren't of a month to come."""
    return {each: peak_w for each, peak_w in peaks_w.items() if each <= month}


def _ordinal(month: str) -> int:
    year, number = month.split("-")
    return int(year) * _MONTHS + int(number) - 1


def _name(ordinal: int) -> str:
    return f"{ordinal // _MONTHS:04}-{ordinal % _MONTHS + 1:02}"
