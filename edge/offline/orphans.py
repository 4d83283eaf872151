"""Ends of 1.6 under an id that is none (-1, 0), of transactions of which nothing was kept (fault 8).

That happens where the disk refused a begin as long as its station tried, and a restart took it out of memory. To the
cloud such an end would be that of nothing, and the transaction would be lost without a word.
"""

from dataclasses import replace
from datetime import datetime

from edge.offline.charges import Reading
from edge.offline.ledger import Ledger
from edge.offline.message import Request
from edge.offline.station import StationBook

REASON = "it names no transaction (-1 or 0), and there is none that it can mean"


class Orphans:
    """One station's."""

    def __init__(self, book: StationBook, ledger: Ledger) -> None:
        self._book = book
        self._ledger = ledger

    def take(self, request: Request, reading: Reading, wall: datetime) -> bool:
        """Keep and answer such an end; whether it is one.

        Its begin is made anew and kept before it, where enough is known for that. Else it is set aside, for a person to
        see.
        """
        nameless = self._ledger.nameless
        if not nameless.is_orphan(reading):
            return False
        begin = nameless.begin_of(request, reading, f"edge-begin-{self._book.numbers.next()}")
        if begin is None:
            self._ledger.set_aside(request, reading, REASON, wall)
            return True
        key = self._ledger.keep_begin(begin, wall)
        what = "a transaction whose begin was never told is begun with what is known of it"
        start_wh = begin.fields["meterStart"]
        self._book.steps.note("error", what, station=self._book.id, transaction=key, meter_start_wh=start_wh)
        nameless.given(reading, key)
        self._ledger.take(request, replace(reading, key=key), wall)
        return True
