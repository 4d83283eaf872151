"""What the authorisation has said of transactions: their priority, and whether they may draw at all."""

from collections import OrderedDict
from dataclasses import replace

from edge.domain.station import SessionJudged

# The newest are remembered: one that runs, and some that may be told of before they are known to run.
JUDGED_PER_EVSE = 8


class Judgements:
    """The last word on each transaction, for as many as the EVSEs of a site can have about them."""

    def __init__(self, *, for_evses: int) -> None:
        self._most = JUDGED_PER_EVSE * for_evses
        self._judged: OrderedDict[tuple[str, str], SessionJudged] = OrderedDict()  # by station and transaction

    def take(self, judged: SessionJudged) -> None:
        """Remember it in the place of what was said before; the oldest is forgotten where there are too many."""
        key = (judged.station, judged.transaction_id)
        self._judged[key] = judged
        self._judged.move_to_end(key)
        while len(self._judged) > self._most:
            self._judged.popitem(last=False)

    def ended(self, station: str, transaction_id: str | None) -> None:
        """The transaction is over: what its car needed is for no other that gets the same id."""
        judged = self.of(station, transaction_id)
        if judged is not None:
            self._judged[judged.station, judged.transaction_id] = replace(judged, departs_in_s=None)

    def of(self, station: str, transaction_id: str | None) -> SessionJudged | None:
        """What was said of the transaction, if anything; nothing is said of none."""
        return self._judged.get((station, transaction_id)) if transaction_id is not None else None
