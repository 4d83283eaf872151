"""What may be spent at once, and again as time goes by: a bound on how often or how much. Pure."""

from edge.units import Seconds


class Stock:
    """``most`` at once, ``per_s`` in the long run; full at the begin. ``left`` is what there is; below 0 where more was
    spent than there was.
    """

    def __init__(self, most: float, per_s: float) -> None:
        self._most = float(most)
        self._per_s = per_s
        self._at: Seconds = 0.0
        self.left = self._most

    def fill(self, now: Seconds) -> None:
        """What the time since the last call brings."""
        self.left, self._at = min(self._most, self.left + (now - self._at) * self._per_s), now

    def spend(self, amount: float) -> Seconds:
        """Take so much; for how long it is below 0 then."""
        self.left -= amount
        return max(0.0, -self.left / self._per_s)
