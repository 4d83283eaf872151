"""Transactions of a 2.x station of which nothing has been heard for long: their end may have been lost on the way.

A station that gave up telling an end says nothing more of it: its connector stays occupied until the car leaves, and
what the session holds would be kept from others as long. So the station is asked (OCPP 2.x part 2 E14).
"""

from collections.abc import Iterable

from edge.ocpp.arbiter import OwnCall
from edge.ocpp.questions_v2 import STATUS
from edge.units import Seconds

# Samples come each 10 s where we may ask for them; where there are none a question each five minutes is little.
SILENT_S: Seconds = 300.0


class Silence:
    """Since when nothing has been heard of each transaction of one station."""

    def __init__(self) -> None:
        self._since: dict[str, Seconds] = {}

    def heard(self, transaction: str | None, now: Seconds) -> None:
        """The station has said something of it."""
        if transaction is not None:
            self._since[transaction] = now

    def overdue(self, running: Iterable[str], now: Seconds) -> list[OwnCall]:
        """The questions that are due, whether these run on; each is asked again after as long a silence."""
        self._since = {transaction: self._since.get(transaction, now) for transaction in running}
        due = [transaction for transaction, since in self._since.items() if now - since >= SILENT_S]
        self._since.update(dict.fromkeys(due, now))
        return [OwnCall(action=STATUS, payload={"transactionId": transaction}) for transaction in due]
