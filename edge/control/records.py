"""What the board remembers of each EVSE, station and meter. Only the board changes these."""

from dataclasses import dataclass, field

from edge.allocation.exposure import Holdings
from edge.control.actuate import Writing
from edge.domain.reading import MeterReading
from edge.domain.setpoint import Purpose
from edge.domain.site import Evse
from edge.domain.station import EvseStatus
from edge.units import Amps, PhaseAmps, Seconds


@dataclass(slots=True)
class EvseRecord:
    """What is known of one EVSE."""

    evse: Evse
    holdings: Holdings
    status: EvseStatus = EvseStatus.UNKNOWN
    status_at: Seconds | None = None  # when it last changed
    paused: bool = False
    transaction_id: str | None = None
    began_at: Seconds | None = None
    draw_a: PhaseAmps | None = None
    drawn_at: Seconds | None = None
    told_at: Seconds | None = None
    raised_at: Seconds | None = None
    samples_over_limit: int = 0
    refusals: int = 0
    silences: int = 0
    writing: dict[Purpose, Writing] = field(default_factory=lambda: {purpose: Writing() for purpose in Purpose})

    @property
    def told_a(self) -> Amps:
        """The newest limit that it was told for its session; before the first, its idle limit."""
        for purpose in (Purpose.SESSION, Purpose.IDLE):
            pending = self.writing[purpose].pending
            if pending is not None:
                return pending.limit_a
            held = self.holdings.in_force(purpose)
            if held is not None:
                return held.limit_a
        return 0.0


@dataclass(slots=True)
class StationRecord:
    """What is known of one station."""

    online_since: Seconds | None = None
    ever_online: bool = False
    cloud_connected: bool = False
    vendor: str | None = None
    model: str | None = None


@dataclass(slots=True)
class MeterRecord:
    """What is known of one meter."""

    reading: MeterReading | None = None
    problem: str | None = None
    wiring: tuple[str, ...] = ()  # what is believed to be wired otherwise than the site file says
