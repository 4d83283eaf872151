"""How fast a station is read: a flood is slowed down, and nobody's work is lost. Sans-I/O."""

from edge.ocpp.wire import LONG
from edge.stock import Stock
from edge.units import Seconds

# A station that delivers what it has stored sends a CALL as soon as the one before is answered: that is not limited.
# What it sends without waiting for answers is; SENDs of 2.1 come a few times a second at most.
PER_S = 50.0
BURST = 500.0
PAUSE_S = 0.5  # once it is too fast, it is read again after this at the earliest
# A frame counts once more for each of these: the longest takes as long to read as hundreds of others, and as much
# memory while it is on its way.
COUNTS_ONCE = 16 * 1024  # characters
# Frames longer than nearly all (LONG) have a stock of their own besides, in characters: the longest takes a second to
# read on a small board. Who has been away brings a few, each a session of a day, and then one each half minute.
LONG_BURST = 16 * 1024 * 1024
LONG_PER_S = 128 * 1024


class Pace:
    """One station's. It has a stock of frames, which fills up with time and with each frame that it is sent; and one of
    what long frames come to, which fills up with time alone."""

    def __init__(self) -> None:
        self._stock = BURST
        self._at: Seconds | None = None
        self._long_stock = Stock(LONG_BURST, LONG_PER_S)

    def frame(self, now: Seconds, size: int = 0) -> Seconds:
        """A frame of that many characters was read; return for how long none is to be."""
        return max(self._any(now, size), self._long(now, size) if size > LONG else 0.0)

    def _long(self, now: Seconds, size: int) -> Seconds:
        self._long_stock.fill(now)
        return self._long_stock.spend(size)

    def _any(self, now: Seconds, size: int) -> Seconds:
        if self._at is None:
            self._at = now
        self._stock -= 1 + size // COUNTS_ONCE
        if self._stock >= 0.0:
            return 0.0
        self._stock = min(BURST, self._stock + (now - self._at) * PER_S)
        self._at = now
        return 0.0 if self._stock >= 0.0 else max(PAUSE_S, -self._stock / PER_S)

    def sent(self) -> None:
        """It was sent a frame: the answer that it waited for, or a CALL that it will answer."""
        if self._stock < BURST:
            self._stock += 1.0
