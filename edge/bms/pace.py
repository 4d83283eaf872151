"""How much work others may cause in a second: what is more waits, and with it who sent it. Pure."""

import math

from edge.units import Seconds


class Pace:
    """At most ``per_s`` in the long run. What was done already is paid for by waiting afterwards."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._paid_at: Seconds = -math.inf

    def done(self, count: int, now: Seconds) -> Seconds:
        """So many were carried out just now: how long to wait before the next."""
        self._paid_at = max(self._paid_at, now) + count / self._per_s
        return self._paid_at - now
