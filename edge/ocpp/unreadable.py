"""What can't be read: how much of it is borne, how often it is told, and what it is answered. Sans-I/O."""

from collections import deque
from typing import ClassVar

from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.actions import Outbox
from edge.ocpp.versions import Version
from edge.units import Seconds

EXCERPT = 60  # characters of an unreadable text that go into the log
CLOSE_POLICY = 1008  # RFC 6455 §7.4.1


class Unreadable:
    """The unreadable messages of one station and its cloud, while both speak ``version``.

    A station with a bad habit is kept, one that floods is dropped; a cloud's are told once a minute. A controller that
    only observes passes them on instead of answering them, whatever they are and however many, and tells of either
    side's once a minute.
    """

    WINDOW_S: ClassVar[Seconds] = 60.0
    MOST: ClassVar[int] = 20  # in that window

    def __init__(self, outbox: Outbox, *, passes: bool, version: Version) -> None:
        self._out = outbox
        self._passes = passes
        self._version = version
        self._from_station: deque[Seconds] = deque(maxlen=self.MOST)
        self._is_closed = False  # what was on its way by then is neither told nor answered
        self._told_at: dict[str, Seconds] = {}  # by whose

    def from_station(self, text: str | bytes, error: FrameError, now: Seconds, *, cloud_connected: bool) -> None:
        """The station has sent one."""
        if self._passes:
            self._tell("the station", text, error, now)
            if isinstance(text, bytes):
                self._out.pass_binary(text, to_station=False)
            elif cloud_connected:
                self._out.to_cloud(text)
            return
        if self._is_closed:
            return
        self._out.note("warning", "unreadable text from the station", problem=error.what, excerpt=excerpt(text))
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
        if told_at is None or now - told_at > self.WINDOW_S:
            self._told_at[whose] = now
            self._out.note("warning", f"unreadable text from {whose}", problem=error.what, excerpt=excerpt(text))


def excerpt(text: str | bytes) -> str:
    """The beginning, harmless to a terminal."""
    return repr(text[:EXCERPT])
