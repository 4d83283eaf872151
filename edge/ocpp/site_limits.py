"""What the site allows each EVSE below its own rating, as the control has decided it last: for the clouds to know."""

from collections.abc import Mapping

from edge.domain.site import EvseKey
from edge.units import Amps


class SiteLimits:
    """Shared by the relays of all stations. Implements :class:`edge.control.ports.SiteLimitSink`."""

    def __init__(self) -> None:
        self._by_station: dict[str, dict[int, Amps]] = {}

    def take(self, key: EvseKey, limit_a: Amps | None) -> None:
        """What the site allows the EVSE per phase; None: it sets no limit of its own."""
        limits = self._by_station.setdefault(key.station, {})
        if limit_a is None:
            limits.pop(key.evse, None)
        else:
            limits[key.evse] = limit_a

    def of(self, station: str) -> Mapping[int, Amps]:
        """By EVSE number."""
        return self._by_station.get(station, {})
