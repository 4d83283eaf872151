"""Keeps a circuit's demand window: samples from the report, limits out, and what must outlive a restart on the disk."""

import asyncio
import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import structlog

from edge.bms.demand_window import DemandSettings, WindowState, advanced, begun
from edge.clock import Clock
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Site
from edge.units import PhaseAmps, Seconds, Watts, watts

log = structlog.get_logger(__name__)

HOLDS_S: Seconds = 5.0  # of a stated limit: five ticks; when it isn't renewed, the demand limit itself holds
SAVE_EVERY_S: Seconds = 30.0  # what a crash forgets of a window counts as drawn at the limit: 3 % of a quarter-hour


class DemandWatch:
    """Implements :class:`edge.bms.watches.Watch`. ``folder`` None: nothing is remembered."""

    def __init__(self, site: Site, settings: DemandSettings, *, folder: Path | None) -> None:
        self._site = site
        self._settings = settings
        self._meter = site.circuit_by_id[settings.circuit].meter
        self._timezone = ZoneInfo(site.timezone)
        self._file = (
            folder / f"demand-{site.circuits.index(site.circuit_by_id[settings.circuit])}.json" if folder else None
        )
        self._saved_at: Seconds = -math.inf
        self._before = self._load()
        self.state: WindowState | None = None

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:
        now = clock.monotonic()
        if not clock.wall_is_trusted():
            # Where a window begins isn't known: nothing may be saved up in one.
            self.state = None
            return self._limit(now, self._settings.limit_w)
        power_w, wall = self._power_w(report), clock.wall()
        if self.state is None:
            if power_w is None:
                return self._limit(now, self._settings.limit_w)
            self.state = begun(self._settings, at=now, wall_s=wall.timestamp(), power_w=power_w, before=self._before)
        else:
            month = wall.astimezone(self._timezone).strftime("%Y-%m")
            self.state = advanced(
                self.state, self._settings, at=now, wall_s=wall.timestamp(), power_w=power_w, month=month
            )
        if now - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = now
            self._save(self.state)
        return self._limit(now, self.state.allowed_w)

    def _limit(self, now: Seconds, limit_w: Watts) -> LimitStated:
        return LimitStated(
            source=LimitSource.DEMAND_WINDOW,
            circuit=self._settings.circuit,
            at=now,
            limit_w=limit_w,
            ends_at=now + HOLDS_S,
            fallback_w=self._settings.limit_w,
        )

    def _power_w(self, report: Mapping[str, Any]) -> Watts | None:
        """What the circuit draws, None while its meter is silent."""
        meter = next((each for each in report.get("meters", ()) if each["id"] == self._meter), None)
        if meter is None or not meter["ok"]:
            return None
        if meter.get("power_w") is not None:
            return float(meter["power_w"])
        current_a = meter.get("current_a")
        return watts(PhaseAmps(*current_a), self._site.nominal_voltage_v) if current_a is not None else None

    def _load(self) -> WindowState | None:
        """What the run before this one knew; None where there is none, or what is there can't be believed."""
        if self._file is None:
            return None
        try:
            saved = orjson.loads(self._file.read_bytes())
            state = WindowState(
                at=0.0,
                wall_s=float(saved["wall_s"]),
                used_j=float(saved["used_j"]),
                power_w=float(saved["power_w"]),
                swing_w=float(saved["swing_w"]),
                allowed_w=self._settings.limit_w,
                peaks_w={str(month): float(peak_w) for month, peak_w in saved["peaks_w"].items()},
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning(
                "what was remembered of the demand window can't be read", file=str(self._file), problem=str(exc)
            )
            return None
        same = saved.get("circuit") == self._settings.circuit and saved.get("window_s") == self._settings.window_s
        return state if same else None

    def _save(self, state: WindowState) -> None:
        """Written by another thread: a disk that stalls costs no tick."""
        if self._file is None:
            return
        body = orjson.dumps(
            {
                "circuit": self._settings.circuit,
                "window_s": self._settings.window_s,
                "wall_s": state.wall_s,
                "used_j": state.used_j,
                "power_w": state.power_w,
                "swing_w": state.swing_w,
                "peaks_w": dict(state.peaks_w),
            }
        )
        asyncio.get_running_loop().run_in_executor(None, _write, self._file, body)


def _write(file: Path, body: bytes) -> None:
    """Whole or not at all. A disk that is full or read-only is no reason to stop."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(body)
        draft.replace(file)
