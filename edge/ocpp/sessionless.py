"""EVSEs of 2.x at which a car stands and no transaction runs, as far as their station says so.

That a connector is occupied doesn't tell (OCPP 2.x part 2 §3.12). When the gateway starts, a transaction may run there
under a TxProfile of before, and what that may give is kept free: as long as the car stands there, which may be all
night. A station that is asked to tell of the transaction of an EVSE and rejects that (F06.FR.05), and then tells that
nothing flows there, runs none.
"""

from collections.abc import Sequence

from edge.domain.site import EvseKey
from edge.domain.station import CHARGES_A, DrawSampled, EvseStatus, StationFact, StatusReported
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.connectors import Connectors
from edge.ocpp.fields import fields
from edge.ocpp.transactions import Transactions
from edge.ocpp.wire import CallError, CallResult
from edge.units import Seconds


class Sessionless:
    """One station's."""

    def __init__(self, transactions: Transactions, connectors: Connectors) -> None:
        self._transactions, self._connectors = transactions, connectors
        self._denied: set[EvseKey] = set()  # of whose transaction it didn't want to tell
        self._found: set[EvseKey] = set()

    def answered(self, key: EvseKey, work: OwnCall, answer: CallResult | CallError) -> None:
        """It was asked for something of an EVSE (TriggerMessage)."""
        if work.payload.get("requestedMessage") == "TransactionEvent":
            self._denied.discard(key)
            if isinstance(answer, CallResult) and fields(answer.payload).get("status") == "Rejected":
                self._denied.add(key)

    def sampled(self, key: EvseKey, facts: Sequence[StationFact], now: Seconds) -> list[StationFact]:
        """The facts of MeterValues of an EVSE, and what they show of a transaction, the first time."""
        draws_a = [max(fact.current_a) for fact in facts if isinstance(fact, DrawSampled)]
        if key not in self._denied or not draws_a:
            return [*facts]
        self._denied.discard(key)
        stands = self._connectors.status(key) is EvseStatus.OCCUPIED and self._transactions.on(key) is None
        if not stands or max(draws_a) >= CHARGES_A:
            return [*facts]
        self._found.add(key)
        return [*facts, StatusReported(key=key, at=now, status=EvseStatus.PREPARING)]

    def begins(self, key: EvseKey, now: Seconds, *, observed_start: bool) -> list[StationFact]:
        """A transaction runs there, whose begin was told or not: what was found is over, or was wrong."""
        was_found = key in self._found
        self._denied.discard(key)
        self._found.discard(key)
        if not was_found or observed_start:
            return []
        return [StatusReported(key=key, at=now, status=EvseStatus.OCCUPIED)]
