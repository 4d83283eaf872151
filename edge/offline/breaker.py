"""A circuit breaker: a cloud that is connected and doesn't answer is spared, and not waited for each time."""

from enum import StrEnum

from edge.units import Seconds

# One answer may be late; a second in a row says that the cloud can't keep up.
TIMEOUTS_TO_OPEN = 2
FIRST_PAUSE_S: Seconds = 30.0
LONGEST_PAUSE_S: Seconds = 300.0


class BreakerState(StrEnum):
    """Whether the cloud is asked."""

    CLOSED = "closed"  # it is
    OPEN = "open"  # it isn't
    PROBING = "probing"  # one message is


class Breaker:
    """One station's breaker toward its cloud."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._timeouts = 0
        self._pause_s = FIRST_PAUSE_S
        self._until: Seconds = 0.0

    def tick(self, now: Seconds) -> None:
        """After the pause one message may try."""
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.PROBING

    def answered(self) -> None:
        """The cloud has answered something."""
        self.state = BreakerState.CLOSED
        self._timeouts = 0
        self._pause_s = FIRST_PAUSE_S

    def timed_out(self, now: Seconds) -> None:
        """The cloud has left a message without an answer."""
        self._timeouts += 1
        if self.state is BreakerState.CLOSED and self._timeouts < TIMEOUTS_TO_OPEN:
            return
        if self.state is BreakerState.PROBING:
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self.state = BreakerState.OPEN
        self._until = now + self._pause_s

    def reconnected(self) -> None:
        """A new connection starts with a clean sheet."""
        self.answered()
