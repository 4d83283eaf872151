"""EVSEs of a 2.x station that were asked for their transactions (TriggerMessage, part 2 F06).

Only a transaction's first event has to say where it runs (part 2 §1.60): of one that is unknown it is known by what was
asked for. What a station has to say waits behind what it is saying, and by then it may have been asked for that of
another EVSE, too; it answers in order.
"""

from edge.domain.site import EvseKey
from edge.ocpp.transactions import Transactions


class Triggered:
    """One station's, whose events are on their way."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._keys: list[EvseKey] = []

    def add(self, key: EvseKey) -> None:
        """It will tell of this one."""
        if key not in self._keys:
            self._keys.append(key)

    def place(self, known: EvseKey | None) -> EvseKey | None:
        """Where the transaction runs of which an event has come that was asked for; ``known``: by what else is known.
        First come those on which none is known to run."""
        key = known
        if key is None:
            key = min(self._keys, key=lambda each: self._transactions.on(each) is not None, default=None)
        if key in self._keys:
            self._keys.remove(key)
        return key
