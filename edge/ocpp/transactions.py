"""Which transaction runs on which EVSE of a station, as far as its frames have told."""

from collections import OrderedDict, deque
from datetime import datetime

from edge.domain.site import EvseKey

LOST = -1  # what a station calls each transaction whose begin it gave up telling (OCPP 1.6 errata 3.18)
STOPPED_KEPT = 8  # meter values of a stopped transaction may still follow its end, but not those of many
UNPLACED_KEPT = 8  # begun, and waiting for a driver to choose the EVSE: more than a station has


class Transactions:
    """The known transactions of one station. Outlives the station's connections."""

    def __init__(self) -> None:
        self._by_evse: dict[EvseKey, str] = {}
        self._stopped: OrderedDict[str, datetime | None] = OrderedDict()  # when, by the station's clock
        self._unplaced: deque[str] = deque(maxlen=UNPLACED_KEPT)
        self._told_at: dict[EvseKey, datetime] = {}  # the newest event of the one that runs there

    def on(self, key: EvseKey) -> str | None:
        """The transaction that runs on the EVSE."""
        return self._by_evse.get(key)

    def running(self) -> list[str]:
        """Those that run, wherever."""
        return list(self._by_evse.values())

    def where(self, transaction: str) -> EvseKey | None:
        """The EVSE that the transaction runs on, as far as known."""
        return next((key for key, running in self._by_evse.items() if running == transaction), None)

    def begin(self, key: EvseKey, transaction: str) -> None:
        """The transaction runs on the EVSE now, whatever was known before."""
        self._by_evse[key] = transaction
        self._told_at.pop(key, None)
        self._stopped.pop(transaction, None)

    def begins_somewhere(self, transaction: str) -> None:
        """The station tells the transaction's begin, and not where (2.x)."""
        self._unplaced.append(transaction)

    def has_begun_somewhere(self, transaction: str) -> bool:
        """Whether its begin was told without a place."""
        return transaction in self._unplaced

    def told(self, key: EvseKey, stamp: datetime | None) -> None:
        """An event of the transaction that runs on the EVSE, by the station's clock."""
        if stamp is not None:
            self._told_at[key] = max(stamp, self._told_at.get(key, stamp))

    def is_history(self, key: EvseKey, transaction: str, stamp: datetime | None) -> bool:
        """Whether another one runs on the EVSE, and was told of later than ``stamp``."""
        running, told_at = self._by_evse.get(key), self._told_at.get(key)
        another = running is not None and running != transaction
        return another and stamp is not None and told_at is not None and stamp < told_at

    def end(self, key: EvseKey) -> bool:
        """Nothing runs on the EVSE any more; False when nothing was known to run."""
        return self._by_evse.pop(key, None) is not None

    def has_stopped(self, transaction: str, begins: datetime | None = None) -> bool:
        """Whether the station has told the end of this transaction not long ago. ``begins``: when one begins that is
        told under its id; behind that end it is another, of a station that uses an id again."""
        if transaction not in self._stopped:
            return False
        ended = self._stopped[transaction]
        return begins is None or ended is None or begins <= ended

    def stop(self, transaction: str, stamp: datetime | None = None) -> EvseKey | None:
        """The station tells the transaction's end; return the EVSE it ran on, None when it isn't known."""
        if transaction != str(LOST):
            self._stopped[transaction] = stamp
            while len(self._stopped) > STOPPED_KEPT:
                self._stopped.popitem(last=False)
        for key, running in self._by_evse.items():
            if running == transaction:
                del self._by_evse[key]
                return key
        return None
