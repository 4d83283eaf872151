"""Which transaction runs on which EVSE of a station, as far as its frames have told."""

from collections import deque

from edge.domain.site import EvseKey

LOST = -1  # what a station calls each transaction whose begin it gave up telling (OCPP 1.6 errata 3.18)
STOPPED_KEPT = 8  # meter values of a stopped transaction may still follow its end, but not those of many


class Transactions:
    """The known transactions of one station. Outlives the station's connections."""

    def __init__(self) -> None:
        self._by_evse: dict[EvseKey, str] = {}
        self._stopped: deque[str] = deque(maxlen=STOPPED_KEPT)

    def on(self, key: EvseKey) -> str | None:
        """The transaction that runs on the EVSE."""
        return self._by_evse.get(key)

    def where(self, transaction: str) -> EvseKey | None:
        """The EVSE that the transaction runs on, as far as known."""
        return next((key for key, running in self._by_evse.items() if running == transaction), None)

    def begin(self, key: EvseKey, transaction: str) -> None:
        """The transaction runs on the EVSE now, whatever was known before."""
        self._by_evse[key] = transaction
        if transaction in self._stopped:
            self._stopped.remove(transaction)

    def end(self, key: EvseKey) -> bool:
        """Nothing runs on the EVSE any more; False when nothing was known to run."""
        return self._by_evse.pop(key, None) is not None

    def has_stopped(self, transaction: str) -> bool:
        """Whether the station has told the end of this transaction not long ago."""
        return transaction in self._stopped

    def stop(self, transaction: str) -> EvseKey | None:
        """The station tells the transaction's end; return the EVSE it ran on, None when it isn't known."""
        if transaction != str(LOST):
            self._stopped.append(transaction)
        for key, running in self._by_evse.items():
            if running == transaction:
                del self._by_evse[key]
                return key
        return None
