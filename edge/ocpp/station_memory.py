"""What is known of a station whichever edition of OCPP it speaks at the moment."""

from edge.ocpp.dossier import Dossier
from edge.ocpp.station_clock import StationClock
from edge.ocpp.transactions import Transactions


class StationMemory:
    """Outlives the station's connections, and a change of its edition between two; the dossier the program too."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier
        self.clock = StationClock()
        self.transactions = Transactions()
