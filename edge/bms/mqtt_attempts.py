"""How dialling the broker has gone, and what of it is worth a line in the log. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from edge.units import Seconds

LASTING_S: Seconds = 10.0  # what the broker ends sooner was never any good
PUT_OUT_AFTER = 3  # such connections in a row: a broker that restarts ends one


class Told(Enum):
    """What the log says of an attempt that is over."""

    LOST = auto()  # the broker was in reach, or nobody knew
    NOTHING = auto()  # nothing that hasn't been said
    PUT_OUT = auto()  # the broker lets us in and ends it, again and again


@dataclass(slots=True)
class Attempts:
    """``failures``: attempts in a row that came to nothing."""

    failures: int = 0
    _ended_soon: int = 0
    _last: Told | None = None  # what was told last; None where a connection has come up since
    _refused: bool = False  # whether that was a broker that answers and lets nobody in

    def over(self, lasted_s: Seconds | None, *, refused: bool = False) -> Told:
        """One is over; ``lasted_s`` is how long it was connected, None where it never was; ``refused``: the broker said
        that it doesn't let us in.

        A connection that is ended soon counts as none: two clients with one identifier put each other out (MQTT 5
        §3.1.4), and would do so every second, for ever. That it came up was told: one that stays away after it is told
        as lost.
        """
        if lasted_s is not None and lasted_s >= LASTING_S:
            self.failures, self._ended_soon = 0, 0
        self.failures += 1
        told = self._judged(lasted_s, refused=refused)
        if told is not Told.NOTHING:
            self._last, self._refused = told, refused
        elif lasted_s is not None:
            self._last = None
        return told

    def _judged(self, lasted_s: Seconds | None, *, refused: bool) -> Told:
        if lasted_s is not None and lasted_s < LASTING_S:
            self._ended_soon += 1
            if self._ended_soon == PUT_OUT_AFTER:
                return Told.PUT_OUT
        elif lasted_s is None:
            self._ended_soon = 0
        is_news = self._last is None or refused is not self._refused
        return Told.LOST if self.failures == 1 or (lasted_s is None and is_news) else Told.NOTHING
