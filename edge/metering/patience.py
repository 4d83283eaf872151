"""How long the devices on a line are waited for: those that are known to answer late, longer. Pure.

A gateway that others poll too answers when it has done theirs, a serial server behind a radio link when that has
carried both ways; "typically the response time-out is from 1 s to several seconds at 9600 bps" (Modbus over Serial
Line V1.02 §2.4.1). Waiting so long for every device would leave the line to the dead ones. So each has the time that
its family states until an answer of it comes after that; from then on it has more than that answer took.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from edge.metering.family import Limits
from edge.metering.modbus import Late
from edge.units import Seconds

PATIENCE = 1.5  # times what an answer took: a gateway isn't equally busy each time
# What leaves the others on the line most of what makes a meter stale, and on RTU, where an answer doesn't say what it
# answers, is done with all that was asked before a doubt is forgotten.
LONGEST_PATIENCE_S: Seconds = 2.0
LONGEST_PATIENCE_ALONE_S: Seconds = 4.0  # nobody else waits; what is read less often is stale between two readings


class Patience:
    """What one line's late answers have taught."""

    def __init__(self) -> None:
        self._slow: dict[int, Seconds] = {}  # by unit: how long one that has answered late is waited for
        self._heard_at: Seconds = -math.inf  # when a late answer came last

    def learn(self, late: Late, now: Seconds, *, longest_s: Seconds) -> None:
        """Take an answer that came after its request was given up."""
        self._heard_at = now
        self._slow[late.unit] = min(PATIENCE * (now - late.asked_at), longest_s)

    def limits(self, unit: int, given: Limits) -> Limits:
        """What a read of the unit is bound by, of what its family states."""
        slow_s = self._slow.get(unit, 0.0)
        return replace(given, answer_s=slow_s) if slow_s > given.answer_s else given

    def waited(self, unit: int, answer_s: Seconds) -> None:
        """So long was waited for nothing: if that was all its time, the device isn't slow but dead."""
        if self._slow.get(unit) == answer_s:
            del self._slow[unit]

    def behind_s(self, owed: Iterable[Late], now: Seconds) -> Seconds:
        """How long a slow device may still be at what it was asked before; 0: it isn't.

        What asks it again meanwhile only makes it later: it does one after the other, each in the time that it takes.
        """
        return max(
            (
                max(late.asked_at, self._heard_at) + self._slow[late.unit] - now
                for late in owed
                if late.unit in self._slow
            ),
            default=0.0,
        )
