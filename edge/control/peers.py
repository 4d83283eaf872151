"""What the board remembers of each station and meter. Only the board changes these."""

from dataclasses import dataclass

from edge.domain.reading import MeterReading
from edge.units import Amps, Seconds


@dataclass(slots=True)
class StationRecord:
    """What is known of one station."""

    online_since: Seconds | None = None
    ever_online: bool = False
    cloud_connected: bool = False
    cloud_a: Amps | None = None  # what the cloud allows the whole station
    vendor: str | None = None
    model: str | None = None


@dataclass(slots=True)
class MeterRecord:
    """What is known of one meter."""

    reading: MeterReading | None = None
    problem: str | None = None
    wiring: tuple[str, ...] = ()  # what is believed to be wired otherwise than the site file says
