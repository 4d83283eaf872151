"""What the commissioning sees: a status report at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.domain.site import EvseKey, Site
from edge.units import PHASES, Amps, PhaseAmps, Seconds

DESCRIBED = ("vendor", "model", "serial", "mac", "firmware")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """``at`` is monotonic; ``report`` is what ``edge status --json`` shows; ``meter`` the grid meter's id."""

    at: Seconds
    report: Mapping[str, Any]
    meter: str | None

    @property
    def metered_a(self) -> PhaseAmps | None:
        """What the grid meter shows; None while it isn't read, be it for one poll: steps are judged by it."""
        found = self._meter
        if found is None or not found["ok"] or found["problem"] or not found["current_a"]:
            return None
        return PhaseAmps(*found["current_a"])

    @property
    def meter_problem(self) -> str | None:
        """Why it isn't read."""
        found = self._meter
        return str(found["problem"]) if found is not None and found["problem"] else None

    @property
    def is_meter_lost(self) -> bool:
        """Whether the control counts the grid connection's meter as lost; another circuit's isn't meant."""
        return any(each["parent"] is None and each["measured_stale"] for each in self.report["circuits"])

    @property
    def is_cloudless(self) -> bool:
        """Whether the site has no cloud that could be there, or away."""
        return not self.report.get("has_cloud", True)

    @property
    def has_cloud(self) -> bool:
        """Whether any station's cloud is there."""
        return any(each["cloud_connected"] for each in self.report["stations"])

    def is_connected(self, station: str) -> bool:
        """Whether the station is there."""
        found = self._station(station)
        return found is not None and bool(found["connected"])

    def describes(self, station: str) -> Mapping[str, str]:
        """What is known of it of vendor, model, serial, MAC and firmware."""
        found = self._station(station) or {}
        return {key: found[key] for key in DESCRIBED if found.get(key)}

    def refusal_of(self, station: str) -> str | None:
        """Why its last handshake was refused; None where none was."""
        entries = [each for each in self.report.get("refused_handshakes", ()) if each["station"] == station]
        return str(entries[-1]["why"]) if entries else None

    def own_draw(self, key: EvseKey) -> PhaseAmps:
        """What the EVSE reports to draw, on the phases of the grid by the site file; 0 where it tells nothing."""
        draw = self._evse(key).get("draw_a")
        return PhaseAmps(*draw) if draw else PhaseAmps.same(0.0)

    def draw_of(self, key: EvseKey) -> Amps:
        """Its largest phase current."""
        return max(self.own_draw(key))

    def accepted_a(self, key: EvseKey) -> Amps | None:
        """The limit that the station has confirmed."""
        value = self._evse(key).get("accepted_a")
        return float(value) if value is not None else None

    def background_a(self, site: Site) -> PhaseAmps:
        """What the meter shows besides the cars; 0 without a meter."""
        total = self.metered_a or PhaseAmps.same(0.0)
        for evse in site.evses:
            total = total - self.own_draw(evse.key)
        return PhaseAmps(*(max(total[phase], 0.0) for phase in PHASES))

    @property
    def _meter(self) -> Mapping[str, Any] | None:
        return next((each for each in self.report["meters"] if each["id"] == self.meter), None)

    def _station(self, station: str) -> Mapping[str, Any] | None:
        return next((each for each in self.report["stations"] if each["id"] == station), None)

    def _evse(self, key: EvseKey) -> Mapping[str, Any]:
        found = self._station(key.station)
        return next((each for each in (found or {"evses": ()})["evses"] if each["id"] == key.evse), {})
