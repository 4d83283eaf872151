"""What is known of a station whichever edition of OCPP it speaks at the moment."""

from edge.domain.site import Station
from edge.ocpp.dossier import Dossier
from edge.ocpp.profiles.ladder import Ladder
from edge.ocpp.station_clock import StationClock
from edge.ocpp.transactions import Transactions


class StationMemory:
    """Outlives the station's connections, and a change of its edition between two; the dossier the program too."""

    def __init__(self, station: Station, dossier: Dossier) -> None:
        self.station = station.id
        self.dossier = dossier
        self.ladder = Ladder(station)
        self.clock = StationClock()
        self.transactions = Transactions()
