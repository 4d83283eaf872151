"""A port for needs that remembers what it was told, and refuses when it is told to."""

from datetime import datetime

from edge.domain.site import EvseKey
from edge.errors import NeedError
from edge.units import WattHours


class FakeNeeds:
    """Implements :class:`edge.control.ports.NeedPort`."""

    def __init__(self) -> None:
        self.stated: list[tuple[EvseKey, WattHours, datetime]] = []
        self.withdrawn: list[EvseKey] = []
        self.refusal: NeedError | None = None

    def state(self, key: EvseKey, energy_wanted_wh: WattHours, departure_at: datetime) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.stated.append((key, energy_wanted_wh, departure_at))

    def withdraw(self, key: EvseKey) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.withdrawn.append(key)
