"""The gateway's own account, from `GET /api/v1/status`, as far as the demo shows it. Extra keys are let be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.errors import PeerError


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus:
    """What the gateway believes; `reasons` is its text for each (station, EVSE)."""

    state: str
    ticks: int
    missed_ticks: int
    reasons: Mapping[tuple[str, int], str]
    cloud_connected: int
    stations: int


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
            cloud_connected=sum(1 for station in stations if station["cloud_connected"]),
            stations=len(stations),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise PeerError(f"the gateway's status isn't as agreed: {type(exc).__name__} {exc}") from exc
