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

    def over(self, lasted_s: Seconds | None) -> Told:
        """One is over; ``lasted_s`` is how long it was connected, None where it never was.

        A connection that is ended soon counts as none: two clients with one identifier put each other out (MQTT 5
        §3.1.4), and would do so every second, for ever.
        """
        if lasted_s is not None and lasted_s >= LASTING_S:
            self.failures, self._ended_soon = 1, 0
            return Told.LOST
        self.failures += 1
        self._ended_soon = self._ended_soon + 1 if lasted_s is not None else 0
        if self._ended_soon == PUT_OUT_AFTER:
            return Told.PUT_OUT
        return Told.LOST if self.failures == 1 else Told.NOTHING
