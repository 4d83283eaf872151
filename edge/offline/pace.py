"""How fast what was kept is delivered: one pace for the site, so that a cloud that is back isn't run down."""

from edge.units import Seconds


class Pace:
    """Gives out the moments at which a message may go, one each ``interval_s``, in the order of asking: so stations get
    turns."""

    def __init__(self, interval_s: Seconds) -> None:
        self._interval_s = interval_s
        self._free_at: Seconds | None = None

    def slot(self, now: Seconds) -> Seconds:
        """The moment at which the caller may send one message, now or later."""
        mine = now if self._free_at is None else max(now, self._free_at)
        self._free_at = mine + self._interval_s
        return mine
