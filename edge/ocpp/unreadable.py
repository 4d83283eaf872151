"""What can't be read: how much of it is borne, how often it is told, and what it is answered. Sans-I/O."""

from collections import Counter, deque
from typing import ClassVar

from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.actions import Outbox
from edge.ocpp.versions import Version
from edge.units import Seconds

EXCERPT = 60  # characters of an unreadable text that go into the log
CLOSE_POLICY = 1008  # RFC 6455 §7.4.1


class Unreadable:
    """The unreadable messages of one station and its cloud, through all their connections.

    A station with a bad habit is kept, one that floods is dropped. A controller that only observes passes them on
    instead of answering them, whatever they are and however many. Of either side the first is told, and now and then
    how many there were since.
    """

    WINDOW_S: ClassVar[Seconds] = 60.0
    MOST: ClassVar[int] = 20  # in that window
    TELL_EVERY_S: ClassVar[Seconds] = 600.0  # who is dropped for a flood is back within the minute, and floods again

    def __init__(self, outbox: Outbox, *, passes: bool) -> None:
        self._out = outbox
        self._passes = passes
        self._version = Version.V16
        self._from_station: deque[Seconds] = deque(maxlen=self.MOST)
        self._is_closed = False  # what was on its way by then is neither told nor answered
        self._told_at: dict[str, Seconds] = {}  # by whose
        self._untold: Counter[str] = Counter()  # since then

    def connected(self, version: Version) -> None:
        """The station has come anew, and speaks this edition."""
        self._version, self._is_closed = version, False
        self._from_station.clear()

    def from_station(self, text: str | bytes, error: FrameError, now: Seconds, *, cloud_connected: bool) -> None:
        """The station has sent one."""
        if self._is_closed:
            return
        self._tell("the station", text, error, now)
        if self._passes:
            if isinstance(text, bytes):
                self._out.pass_binary(text, to_station=False)
            elif cloud_connected:
                self._out.to_cloud(text)
            return
        complaint = wire.complaint(error, self._version)
        if complaint is not None:
            self._out.to_station(complaint)
        self._from_station.append(now)
        if len(self._from_station) == self.MOST and now - self._from_station[0] <= self.WINDOW_S:
            self._is_closed = True
            self._out.close_station(CLOSE_POLICY, f"{self.MOST} unreadable messages within a minute")

    def from_cloud(self, text: str | bytes, error: FrameError, now: Seconds) -> None:
        """The cloud has sent one."""
        complaint = wire.complaint(error, self._version)
        if self._passes:
            if isinstance(text, bytes):
                self._out.pass_binary(text, to_station=True)
            else:
                self._out.to_station(text)
        elif complaint is not None:
            self._out.to_cloud(complaint)
        self._tell("the cloud", text, error, now)

    def _tell(self, whose: str, text: str | bytes, error: FrameError, now: Seconds) -> None:
        told_at = self._told_at.get(whose)
        if told_at is not None and now - told_at <= self.TELL_EVERY_S:
            self._untold[whose] += 1
            return
        self._told_at[whose] = now
        more = self._untold.pop(whose, 0)
        event = f"unreadable text from {whose}"
        self._out.note("warning", event, problem=error.what, excerpt=excerpt(text), more=more)


def excerpt(text: str | bytes) -> str:
    """The beginning, harmless to a terminal."""
    return repr(text[:EXCERPT])
