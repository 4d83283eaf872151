"""The gateway's own account, from `GET /api/v1/status`, as far as the demo shows it. Extra keys are let be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.errors import PeerError


@dataclass(frozen=True, slots=True, kw_only=True)
class LostMeter:
    """A meter that the gateway can't go by, and its last reading, if there ever was one."""

    id: str
    age_s: float | None
    current_a: tuple[float, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus:
    """What the gateway believes; `reasons` is its text for each (station, EVSE), `few_phases` the grid phases that it
    counts an EVSE on, where they are fewer than its wires.

    Where it doesn't command, but only observes, they say what it would do.
    """

    state: str
    ticks: int
    missed_ticks: int
    reasons: Mapping[tuple[str, int], str]
    few_phases: Mapping[tuple[str, int], tuple[str, ...]]
    cloud_connected: int
    stations: int
    observes: bool
    lost_meters: tuple[LostMeter, ...]


def parse_status(status: Mapping[str, Any]) -> GatewayStatus:
    """Raises PeerError if what is needed isn't there."""
    try:
        control, stations = status["control"], status["stations"]
        return GatewayStatus(
            state=str(control["state"]),
            ticks=int(control["ticks"]),
            missed_ticks=int(control["missed_ticks"]),
            reasons={
                (str(station["id"]), int(evse["id"])): str(evse["text"])
                for station in stations
                for evse in station["evses"]
            },
            few_phases={
                (str(station["id"]), int(evse["id"])): tuple(str(phase) for phase in evse["phases_in_use"])
                for station in stations
                for evse in station["evses"]
                if len(evse["phases_in_use"]) < len(evse["phases"])
            },
            cloud_connected=sum(1 for station in stations if station["cloud_connected"]),
            stations=len(stations),
            observes=status.get("mode") == "observe",
            lost_meters=tuple(_lost(meter) for meter in status["meters"] if not meter["ok"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise PeerError(f"the gateway's status isn't as agreed: {type(exc).__name__} {exc}") from exc


def _lost(meter: Mapping[str, Any]) -> LostMeter:
    age_s, current_a = meter["age_s"], meter["current_a"]
    return LostMeter(
        id=str(meter["id"]),
        age_s=None if age_s is None else float(age_s),
        current_a=None if current_a is None else tuple(float(amps) for amps in current_a),
    )
