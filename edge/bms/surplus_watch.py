"""Keeps the surplus mode: samples from the report, caps of EVSEs out."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge.bms.surplus import SunCar, SurplusSettings, SurplusState, advanced, surplus_w
from edge.clock import Clock
from edge.control.ports import CapSink
from edge.domain.limit import EvseCapped, LimitStated
from edge.domain.site import Evse, EvseKey, Site
from edge.units import PhaseAmps, Watts, watts

KEEP = 0.05  # A: a cap that moves by less isn't stated anew, so that decisions needn't look at it again


class SurplusWatch:
    """Implements :class:`edge.bms.watches.Watch`: it caps single EVSEs, and limits no circuit.

    ``battery`` is the id of the meter that sees the battery alone, None where there is none.
    """

    def __init__(
        self,
        site: Site,
        settings: SurplusSettings,
        *,
        battery: str | None,
        battery_counts: bool,
        sink: CapSink,
    ) -> None:
        self._site = site
        self._settings = settings
        self._battery = battery
        self._battery_counts = battery_counts
        self._sink = sink
        self._grid = next(circuit.meter for circuit in site.circuits if circuit.parent is None)
        self._evses = sorted((evse for evse in site.evses if evse.on_surplus), key=lambda evse: evse.rank)
        self._told: dict[EvseKey, float] = {}
        self.state = SurplusState()

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:
        parts = {
            EvseKey(station=station["id"], evse=evse["id"]): evse
            for station in report.get("stations", ())
            for evse in station["evses"]
        }
        self.state, caps = advanced(
            self.state,
            self._settings,
            now=clock.monotonic(),
            available_w=self._available_w(report, parts),
            cars=tuple(self._cars(parts)),
        )
        for evse in self._evses:
            self._cap(evse.key, caps.get(evse.key, 0.0), clock)
        return None

    def _cap(self, key: EvseKey, limit_a: float, clock: Clock) -> None:
        told = self._told.get(key)
        if told is None or abs(told - limit_a) >= KEEP or (limit_a == 0.0) is not (told == 0.0):
            self._told[key] = limit_a
            self._sink.take(EvseCapped(key=key, at=clock.monotonic(), limit_a=limit_a))

    def _cars(self, parts: Mapping[EvseKey, Mapping[str, Any]]) -> Iterator[SunCar]:
        for evse in self._evses:
            part = parts.get(evse.key)
            if part is not None and part["transaction_id"] is not None:
                phases = max(len(part["phases_in_use"]), 1)
                per_amp_w = phases * self._site.nominal_voltage_v
                yield SunCar(key=evse.key, min_a=evse.min_a, max_a=evse.max_a, per_amp_w=per_amp_w)

    def _available_w(self, report: Mapping[str, Any], parts: Mapping[EvseKey, Mapping[str, Any]]) -> Watts | None:
        """None while a meter that it is reckoned from is silent."""
        grid_w = self._power_w(report, self._grid)
        battery_w = self._power_w(report, self._battery) if self._battery is not None else 0.0
        if grid_w is None or battery_w is None:
            return None
        cars_w = sum(self._draw_w(evse, parts) for evse in self._evses)
        return surplus_w(grid_w=grid_w, cars_w=cars_w, battery_w=battery_w, battery_counts=self._battery_counts)

    def _draw_w(self, evse: Evse, parts: Mapping[EvseKey, Mapping[str, Any]]) -> Watts:
        draw_a = parts.get(evse.key, {}).get("draw_a")
        return watts(PhaseAmps(*draw_a), self._site.nominal_voltage_v) if draw_a is not None else 0.0

    def _power_w(self, report: Mapping[str, Any], meter: str | None) -> Watts | None:
        part = next((each for each in report.get("meters", ()) if each["id"] == meter), None)
        if part is None or not part["ok"]:
            return None
        if part.get("power_w") is not None:
            return float(part["power_w"])
        current_a = part.get("current_a")
        return watts(PhaseAmps(*current_a), self._site.nominal_voltage_v) if current_a is not None else None
