"""The connectors of a 2.x station: several may belong to one EVSE, and each reports for itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus
from edge.ocpp.fields import elements, fields, text

# OCPP 2.x part 2 §3.12 ConnectorStatusEnumType.
_STATUSES = {
    "Available": EvseStatus.AVAILABLE,
    "Occupied": EvseStatus.OCCUPIED,
    "Reserved": EvseStatus.RESERVED,
    "Unavailable": EvseStatus.UNAVAILABLE,
    "Faulted": EvseStatus.FAULTED,
}
# What an EVSE of several connectors is: the first of these that one of them reports.
_FIRST_TO_TELL = (
    EvseStatus.OCCUPIED,
    EvseStatus.FAULTED,
    EvseStatus.RESERVED,
    EvseStatus.AVAILABLE,
    EvseStatus.UNAVAILABLE,
)
# No car is there: where any EVSE of a station is reserved, one goes from Occupied to Reserved (OCPP 2.x part 2 H01).
FREE = frozenset({EvseStatus.AVAILABLE, EvseStatus.RESERVED})
MAX_CONNECTORS = 16  # per EVSE: whoever invents more gets no more remembered
EVENTS_MOST = 1_000  # of a message: more than a station has variables that are watched


FIRST = 1  # the connector that every EVSE has, and mostly the only one


class Connectors:
    """What each connector has reported last, and whether a car has been there since the session began."""

    def __init__(self) -> None:
        self._reported: dict[EvseKey, dict[int, EvseStatus]] = {}
        self._been_occupied: set[EvseKey] = set()
        self._somewhere: set[EvseKey] = set()  # where there is a car by the session's word, nobody said at which

    def report(self, key: EvseKey, connector: int, word: str) -> EvseStatus:
        """A connector reports; return what its EVSE is now."""
        status = _STATUSES.get(word, EvseStatus.UNKNOWN)
        reported = self._reported.setdefault(key, {})
        if connector in reported or len(reported) < MAX_CONNECTORS:
            reported[connector] = status
        if status is EvseStatus.OCCUPIED:
            self._been_occupied.add(key)
        return self.status(key)

    def status(self, key: EvseKey) -> EvseStatus:
        """What the EVSE is by its connectors alone."""
        reported = self._reported.get(key, {}).values()
        return next((status for status in _FIRST_TO_TELL if status in reported), EvseStatus.UNKNOWN)

    def session_begins(self, key: EvseKey, *, plugged: bool, connector: int | None = None) -> None:
        """A session begins: it may do so before its car is there (TxStartPoint, OCPP 2.x part 2 §2.6.6).

        ``connector``: where its car is, if that was said; then it counts as occupied until it reports otherwise.
        """
        reported = self._reported.setdefault(key, {})
        if plugged and connector is not None and connector not in reported and len(reported) < MAX_CONNECTORS:
            reported[connector] = EvseStatus.OCCUPIED
        is_occupied = self.status(key) is EvseStatus.OCCUPIED
        for found, holds in ((self._been_occupied, is_occupied), (self._somewhere, plugged and not is_occupied)):
            if holds:
                found.add(key)
            else:
                found.discard(key)

    def car_may_be_elsewhere(self, key: EvseKey) -> bool:
        """Whether the session's car may be at a connector that hasn't reported: that others are free says nothing."""
        return key in self._somewhere and key not in self._been_occupied and FIRST not in self._reported.get(key, {})

    def car_has_left(self, key: EvseKey) -> bool:
        """Whether no connector has a car any more, and one had: then the session is over, told or not."""
        had_car = key in self._been_occupied or (key in self._somewhere and not self.car_may_be_elsewhere(key))
        return self.status(key) in FREE and had_car


def availabilities(payload: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """What a NotifyEventRequest tells of connectors: of each its place (EVSEType) and its state; of very many events
    the last."""
    for event in map(fields, elements(payload.get("eventData"))[-EVENTS_MOST:]):
        component = fields(event.get("component"))
        names = component.get("name"), fields(event.get("variable")).get("name")
        if names == ("Connector", "AvailabilityState"):
            yield fields(component.get("evse")), text(event.get("actualValue"))
