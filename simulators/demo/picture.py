"""One moment of the demo, as the screen shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.demo.status import GatewayStatus
from simulators.events import Event
from simulators.feeder import CircuitCurrent
from simulators.fleet import EvseState
from simulators.site import SiteSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """True currents and states, and beside them what the gateway says (None while it doesn't answer)."""

    site: SiteSpec
    page_url: str  # the gateway's own
    time_s: float
    currents: Mapping[str, CircuitCurrent]
    tripped: Mapping[str, bool]
    evses: tuple[EvseState, ...]
    gateway: GatewayStatus | None
    cloud_away: bool
    seconds_over_rating: float
    energy_wh: float
    events: tuple[Event, ...]
