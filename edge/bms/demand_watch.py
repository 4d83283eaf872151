"""Keeps a circuit's demand window: samples from the report, limits out, and what must outlive a restart on the disk."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import structlog

from edge.bms.demand_window import DemandSettings, WindowState, advanced, begun, tariff_w
from edge.bms.meter_power import shown
from edge.bms.month_peaks import MonthPeaks, until
from edge.clock import Clock
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Site
from edge.units import PhaseAmps, Seconds, Watts, watts
from edge.whole_file import Writing, at_least_0

log = structlog.get_logger(__name__)

HOLDS_TICKS = 5  # so long a stated limit holds; when it isn't renewed, the demand limit itself holds
SAME_S: Seconds = 0.05  # a sample that is no later than this is the one before: reports round to milliseconds
SECONDS_PER_HOUR = 3600.0
BEYOND = 10.0  # times what the fuse carries: a remembered power above it is damage, and would hold cars back for weeks
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
FILE_NAME = "demand-{}.json"
SAVE_EVERY_S: Seconds = 30.0  # what a crash forgets of a window counts as drawn at the limit: 3 % of a quarter-hour


class DemandWatch:
    """Implements :class:`edge.bms.watches.Watch`. ``folder`` None: nothing is remembered."""

    def __init__(self, site: Site, settings: DemandSettings, *, folder: Path | None) -> None:
        self._site = site
        self._settings = settings
        self._meter = site.circuit_by_id[settings.circuit].meter
        self._holds_s: Seconds = HOLDS_TICKS * site.control.period_s
        self._timezone = ZoneInfo(site.timezone)
        place = site.circuits.index(site.circuit_by_id[settings.circuit])
        self._file = folder / FILE_NAME.format(place) if folder is not None else None
        self._writing = Writing(self._file) if self._file is not None else None
        self._saved_at: Seconds = -math.inf
        self._before = self._load()
        self._peaks = MonthPeaks(self._before.peaks_w if self._before is not None else {})
        self.state: WindowState | None = None

    def report(self) -> dict[str, Any]:
        """What the status report says of the window under way, and of the months' peaks."""
        state, settings = self.state, self._settings
        peaks_w = self._before.peaks_w if self._before is not None else {}
        if state is not None:
            peaks_w = until(state.peaks_w, self._month(state.wall_s))
        tariff = tariff_w(peaks_w)
        return {
            "circuit": settings.circuit,
            "limit_w": settings.limit_w,
            "window_s": settings.window_s,
            "used_wh": round(state.used_j / SECONDS_PER_HOUR, 1) if state is not None else None,
            "allowed_w": round(state.allowed_w, 1) if state is not None else None,
            "peaks_w": {month: round(peak_w, 1) for month, peak_w in peaks_w.items()},
            "tariff_w": round(tariff, 1) if tariff is not None else None,
        }

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:
        now = clock.monotonic()
        if not clock.wall_is_trusted():
            # Where a window begins isn't known: nothing may be saved up in one. What is known of before stands.
            self._before, self.state = self.state or self._before, None
            return self._limit(now, self._settings.limit_w)
        seen = shown(report, self._meter, self._site)
        power_w, age_s = (seen.power_w, seen.age_s) if seen is not None else (None, 0.0)
        # Reckoned at the moment of the sample: some meters tell their power every ten seconds.
        at, wall_s = now - age_s, clock.wall().timestamp() - age_s
        offset = clock.wall().astimezone(self._timezone).utcoffset() or timedelta(0)
        if offset.total_seconds() != self._settings.offset_s:
            self._settings = replace(self._settings, offset_s=offset.total_seconds())
        if self.state is None:
            if power_w is None:
                return self._limit(now, self._settings.limit_w)
            self.state = begun(self._settings, at=at, wall_s=wall_s, power_w=power_w, before=self._before)
        elif at - self.state.at > SAME_S:
            self.state = advanced(
                self.state, self._settings, at=at, wall_s=wall_s, power_w=power_w, month=self._month(self.state.wall_s)
            )
        revised = self._peaks.revised(self.state.peaks_w, clock, self._month)
        if revised is not self.state.peaks_w:
            self.state = replace(self.state, peaks_w=revised)
        if now - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = now
            self._save(self.state)
        return self._limit(now, self.state.allowed_w)

    async def close(self) -> None:
        """Return when the window under way is remembered."""
        if self._writing is not None:
            known = self.state or self._before
            if known is not None:
                self._save(known)
            await self._writing.done()

    def _limit(self, now: Seconds, limit_w: Watts) -> LimitStated:
        return LimitStated(
            source=LimitSource.DEMAND_WINDOW,
            circuit=self._settings.circuit,
            at=now,
            limit_w=limit_w,
            ends_at=now + self._holds_s,
            fallback_w=self._settings.limit_w,
        )

    def _month(self, wall_s: Seconds) -> str:
        """The calendar's: a window that ends at midnight is of the month before."""
        return datetime.fromtimestamp(wall_s, self._timezone).strftime("%Y-%m")

    def _load(self) -> WindowState | None:
        """What the runs before this one knew last; None where there is none, or what is there can't be believed. The
        files are named by their circuits' places, which may have been others then.
        """
        if self._file is None:
            return None
        kept = (self._kept_in(file) for file in sorted(self._file.parent.glob(FILE_NAME.format("*"))))
        return max((state for state in kept if state is not None), key=lambda state: state.wall_s, default=None)

    def _kept_in(self, file: Path) -> WindowState | None:
        """What the file tells of this circuit's windows, None where it is another's."""
        try:
            saved = orjson.loads(file.read_bytes())
            same = saved.get("circuit") == self._settings.circuit and saved.get("window_s") == self._settings.window_s
            return self._believed(saved) if same else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            if file == self._file:
                log.warning("what was remembered of the demand window can't be read", file=str(file), problem=str(exc))
            return None

    def _believed(self, saved: Mapping[str, Any]) -> WindowState:
        """The state that was saved, each of its figures in the bounds of what this circuit can carry.

        :raises ValueError: out of bounds. :raises KeyError: missing. :raises TypeError, AttributeError: no such value.
        """
        circuit = self._site.circuit_by_id[self._settings.circuit]
        most_w = BEYOND * watts(PhaseAmps.same(circuit.fuse_a), self._site.nominal_voltage_v)
        most_j = most_w * self._settings.window_s
        power_w, peaks = saved["power_w"], saved["peaks_w"].items()
        fed_in = isinstance(power_w, int | float) and power_w < 0
        return WindowState(
            at=0.0,
            wall_s=at_least_0(saved["wall_s"]),
            used_j=at_least_0(saved["used_j"], most=most_j),
            doubt_j2=at_least_0(saved.get("doubt_j2", 0.0), most=most_j**2),
            power_w=-at_least_0(-power_w, most=most_w) if fed_in else at_least_0(power_w, most=most_w),
            swing_w=at_least_0(saved["swing_w"], most=most_w),
            allowed_w=self._settings.limit_w,
            peaks_w={month: at_least_0(peak_w, most=most_w) for month, peak_w in peaks if MONTH.fullmatch(month)},
        )

    def _save(self, state: WindowState) -> None:
        """Written by another thread: a disk that stalls costs no tick."""
        if self._writing is None:
            return
        body = orjson.dumps(
            {
                "circuit": self._settings.circuit,
                "window_s": self._settings.window_s,
                "wall_s": state.wall_s,
                "used_j": state.used_j,
                "doubt_j2": state.doubt_j2,
                "power_w": state.power_w,
                "swing_w": state.swing_w,
                "peaks_w": dict(state.peaks_w),
            }
        )
        self._writing.begin(body)
