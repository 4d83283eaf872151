"""How much of what is never dropped one station may have kept. Pure.

Begins, ends and signed values stay until the cloud has had them: a station that makes up ever new ones, for a fault of
its or to do harm, would fill the disk for all others. Nothing of a station that tells true is lost by this: what isn't
taken isn't answered, either, so the station keeps it and says it again.
"""

from edge.stock import Stock
from edge.units import Seconds

# A station that was alone for long delivers at once what it has stored: so many characters, some thousand sessions.
BURST = 64_000_000
# Then 86 MB a day of begins and ends: 20 sessions of a day with all their samples, or as many short ones as a loose
# plug begins and ends.
PER_S = 1_000
# A short message counts as this: it leaves a session's record as well, which is kept for months.
COUNTS_AT_LEAST = 4_000
# What waits for the cloud, and what was set aside, may come to so many times the room that other messages have: by
# default 300 MB, three days of four EVSEs that sign a sample of 3 kB each 10 s.
TIMES_ROOM = 30
# It counts as over when there is this part of the burst again.
_EASED = 0.01


class Allowance:
    """One station's. ``room``: characters (``OfflineSettings.backlog_characters``)."""

    def __init__(self, room: int) -> None:
        self._most = TIMES_ROOM * room
        self._stock = Stock(BURST, PER_S)
        self.exceeded = False  # it has been, and isn't well below it again

    def holds(self, size: int, kept: int) -> bool:
        """Whether one more signed value of ``size`` characters is taken, with ``kept`` of them there. Nothing counts of
        one that the cloud has had: it leaves no record behind."""
        return self._judged(size, kept, fits=kept + size <= self._most)

    def takes(self, size: int, kept: int, now: Seconds) -> bool:
        """The same of a begin or an end, which counts for long."""
        cost = max(size, COUNTS_AT_LEAST)
        self._stock.fill(now)
        fits = cost <= self._stock.left and kept + size <= self._most
        if fits:
            self._stock.spend(cost)
        return self._judged(size, kept, fits=fits)

    def _judged(self, size: int, kept: int, *, fits: bool) -> bool:
        if not fits:
            self.exceeded = True
        elif self._stock.left >= _EASED * BURST and kept + size <= self._most * (1 - _EASED):
            self.exceeded = False
        return fits
