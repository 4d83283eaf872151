"""Keeps the surplus mode, the site file's and the building's eco: samples from the report, caps of EVSEs out."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge.bms.eco import EcoMode
from edge.bms.meter_power import shown
from edge.bms.sun_draws import RESTING, SunDraws
from edge.bms.surplus import SunCar, SurplusSettings, SurplusState, advanced, surplus_w
from edge.clock import Clock
from edge.control.ports import CapSink
from edge.domain.limit import EvseCapped, LimitStated
from edge.domain.site import Evse, EvseKey, IdlePolicy, Site
from edge.domain.station import EvseStatus
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds, Watts

CHARGING = EvseStatus.CHARGING.value
RUNS_A = 2.0  # what draws as much charges: more than stations and cars take in standby
KEEP = 0.05  # A: a cap that moves by less isn't stated anew, so that decisions needn't look at it again


class SurplusWatch:
    """Implements :class:`edge.bms.watches.Watch`: it caps single EVSEs, and limits no circuit.

    While ``eco`` holds all EVSEs live on surplus, else those of which the site file says so.

    ``battery`` is the id of the meter that sees the battery alone, None where there is none.
    """

    def __init__(
        self,
        site: Site,
        settings: SurplusSettings,
        *,
        eco: EcoMode,
        battery: str | None,
        battery_counts: bool,
        sink: CapSink,
    ) -> None:
        self._site = site
        self._settings = settings
        self._battery = battery
        self._battery_counts = battery_counts
        self._sink = sink
        root = next(circuit for circuit in site.circuits if circuit.parent is None)
        self._root, self._grid = root.id, root.meter
        self._eco = eco
        self._all = sorted(site.evses, key=lambda evse: evse.rank)
        self._always = [evse for evse in self._all if evse.on_surplus]
        self._evses = self._always  # who lives on it now
        self._told: dict[EvseKey, EvseCapped] = {}
        self._draws = SunDraws()
        self._available: Watts | None = None  # as it was last known
        self.state = SurplusState()

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:
        now = clock.monotonic()
        eco = self._eco.holds(now)
        if not (self._evses or eco):
            return None
        parts = self._parts(report)
        self._choose(parts, now, eco=eco)
        # What any session may draw whatever the sun does is taken of it first.
        self.state = self.state.joined_by(evse.key for evse in self._in_session(parts) if self._keeps_a(evse) > 0.0)
        self._available = self._available_w(report, parts, now)
        self.state, caps = advanced(
            self.state,
            self._settings,
            now=now,
            available_w=self._available,
            cars=tuple(self._cars(parts)),
        )
        for evse in self._evses:
            self._cap(
                EvseCapped(key=evse.key, at=now, limit_a=caps.get(evse.key, 0.0), eco=eco and not evse.on_surplus)
            )
        return None

    def _parts(self, report: Mapping[str, Any]) -> dict[EvseKey, Mapping[str, Any]]:
        """The EVSEs, each with what it draws now: of one that rests no more than the samples of the last while leave,
        which the root circuit sums, beside what the others draw.
        """
        parts: dict[EvseKey, Mapping[str, Any]] = {
            EvseKey(station=station["id"], evse=evse["id"]): evse
            for station in report.get("stations", ())
            for evse in station["evses"]
        }
        root = next((each for each in report.get("circuits", ()) if each["id"] == self._root), None)
        left_a = PhaseAmps(*(root["draw_a"] if root is not None else NO_CURRENT))
        drawing = {key: PhaseAmps(*part["draw_a"]) for key, part in parts.items() if part.get("draw_a") is not None}
        resting = [key for key in drawing if parts[key].get("status") in RESTING]
        for key in drawing.keys() - set(resting):
            left_a = _less(left_a, drawing[key])
        for key in resting:
            draw_a = PhaseAmps(*(min(pair) for pair in zip(drawing[key], left_a, strict=True)))
            left_a = _less(left_a, draw_a)
            parts[key] = {**parts[key], "draw_a": draw_a}
        return parts

    def _choose(self, parts: Mapping[EvseKey, Mapping[str, Any]], now: Seconds, *, eco: bool) -> None:
        """Who lives on surplus now. Cars that charge when eco begins are taken over as if the sun had begun them; when
        it is over, what held them does no more.
        """
        chosen = self._all if eco else self._always
        if chosen is self._evses:
            return
        self._available = None
        changed = [evse.key for evse in self._all if not evse.on_surplus]
        if eco:
            self.state = self.state.joined_by(key for key in changed if key in parts and _charges(parts[key]))
        else:
            for key in changed:
                self._cap(EvseCapped(key=key, at=now, limit_a=None))
        self._evses = chosen

    def _cap(self, cap: EvseCapped) -> None:
        told = self._told.get(cap.key)
        if told is None or _differs(told, cap):
            self._told[cap.key] = cap
            self._sink.take(cap)

    def _in_session(self, parts: Mapping[EvseKey, Mapping[str, Any]]) -> Iterator[Evse]:
        return (evse for evse in self._evses if evse.key in parts and parts[evse.key]["transaction_id"] is not None)

    def _keeps_a(self, evse: Evse) -> Amps:
        """What its sessions are never told less than (``idle = "safe"``)."""
        keeps = self._site.control.idle is IdlePolicy.SAFE and evse.fallback_a >= evse.min_a
        return evse.fallback_a if keeps else 0.0

    def _cars(self, parts: Mapping[EvseKey, Mapping[str, Any]]) -> Iterator[SunCar]:
        for evse in self._in_session(parts):
            part = parts[evse.key]
            phases = max(len(part["phases_in_use"]), 1)
            yield SunCar(
                key=evse.key,
                min_a=max(evse.min_a, self._keeps_a(evse)),
                max_a=evse.max_a,
                per_amp_w=phases * self._site.nominal_voltage_v,
                draws=_draws(part),
            )

    def _available_w(
        self, report: Mapping[str, Any], parts: Mapping[EvseKey, Mapping[str, Any]], now: Seconds
    ) -> Watts | None:
        """None while a meter that it is reckoned from is silent. What was known stands as long as it lies between what
        the cars' least and most draw would leave.
        """
        grid, battery = (shown(report, meter, self._site) for meter in (self._grid, self._battery))
        if grid is None or (battery is None and self._battery is not None):
            return None
        battery_w = battery.power_w if battery is not None else 0.0
        volts = self._site.nominal_voltage_v
        keys = [evse.key for evse in self._evses if evse.key in parts]
        draws = [self._draws.bounds_w(key, parts[key], volts, now) for key in keys]
        low_w, high_w = (
            surplus_w(grid_w=grid.power_w, cars_w=cars_w, battery_w=battery_w, battery_counts=self._battery_counts)
            for cars_w in (sum(low for low, _ in draws), sum(high for _, high in draws))
        )
        return low_w if self._available is None else min(max(self._available, low_w), high_w)


def _draws(part: Mapping[str, Any]) -> bool:
    """Whether its car takes current, as far as its station tells."""
    draw_a, status = part.get("draw_a"), part.get("status")
    return max(draw_a) >= RUNS_A if draw_a is not None else status == CHARGING


def _less(amps: PhaseAmps, draw_a: PhaseAmps) -> PhaseAmps:
    """What is left beside a draw; none where that is more."""
    return PhaseAmps(*(max(each - drawn, 0.0) for each, drawn in zip(amps, draw_a, strict=True)))


def _charges(part: Mapping[str, Any]) -> bool:
    return part["transaction_id"] is not None and _draws(part)


def _differs(told: EvseCapped, cap: EvseCapped) -> bool:
    """Whether a cap must be stated anew."""
    if told.limit_a is None or cap.limit_a is None or told.eco is not cap.eco:
        return told.limit_a is not cap.limit_a or told.eco is not cap.eco
    return abs(told.limit_a - cap.limit_a) >= KEEP or (cap.limit_a == 0.0) is not (told.limit_a == 0.0)
