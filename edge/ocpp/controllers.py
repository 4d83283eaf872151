"""A station that is a controller like this one, with a site below it: what is known of it without its saying so."""

from edge.domain.site import Station
from edge.domain.station import EvseStatus, SessionBegan, StationFact, StatusReported
from edge.ocpp.station_memory import StationMemory
from edge.units import Seconds

SESSION = "site"  # stands for the transaction that it has none of

# What it tells of its site; it has neither transactions nor connectors whose state would mean anything.
TELLS = frozenset({"BootNotification", "MeterValues"})


def standing_facts(station: Station, memory: StationMemory, now: Seconds) -> tuple[StationFact, ...]:
    """What holds of a station that has connected, without its saying so: that it takes one limit only, where it does.

    A controller may draw for its site at any time; what it holds from before is unknown.
    """
    found: tuple[StationFact, ...] = ()
    if memory.ladder.rung.one_limit:
        found = (memory.limits_taken(now),)
    if not station.is_controller:
        return found
    (evse,) = station.evses
    return (
        *found,
        StatusReported(key=evse.key, at=now, status=EvseStatus.CHARGING),
        SessionBegan(key=evse.key, at=now, transaction_id=SESSION, observed_start=False),
    )
