"""A station that is a controller like this one, with a site below it: what is known of it without its saying so."""

from edge.domain.site import Station
from edge.domain.station import EvseStatus, SessionBegan, StationFact, StatusReported
from edge.units import Seconds

SESSION = "site"  # stands for the transaction that it has none of

# What it tells of its site; it has neither transactions nor connectors whose state would mean anything.
TELLS = frozenset({"BootNotification", "MeterValues"})


def standing_facts(station: Station, now: Seconds) -> tuple[StationFact, ...]:
    """That a controller which has connected may draw for its site at any time; nothing of other stations.

    What it holds from before is unknown.
    """
    if not station.is_controller:
        return ()
    (evse,) = station.evses
    return (
        StatusReported(key=evse.key, at=now, status=EvseStatus.CHARGING),
        SessionBegan(key=evse.key, at=now, transaction_id=SESSION, observed_start=False),
    )
