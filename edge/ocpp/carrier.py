"""Carries the frames of one station between its two sockets, and keeps count of them. Holds no rules."""

import asyncio
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from edge.clock import Clock
from edge.ocpp.figures import Figures
from edge.ocpp.mirror import Mirror
from edge.ocpp.pace import Pace
from edge.ocpp.quirk_records import Quirks
from edge.ocpp.sending import push
from edge.ocpp.start_delay import StartDelay
from edge.ocpp.station_connection import StationConnection
from edge.ocpp.trace import Trace, Way
from edge.ocpp.upstream import Upstream
from edge.ocpp.versions import Version
from edge.units import Seconds

THROTTLED_TOLD_EVERY_S = 60.0


class Carrier:
    """One station's, through all its connections. ``quirks`` may change as more is known of the station."""

    def __init__(self, station: str, clock: Clock, figures: Figures, log: FilteringBoundLogger) -> None:
        self._station = station
        self._clock = clock
        self._figures = figures
        self._log = log
        self.connection: StationConnection | None = None
        self.upstream: Upstream | None = None
        self.mirrors: Sequence[Mirror] = ()
        self.quirks = Quirks()
        self._version = Version.V16
        self.trace = Trace()
        self._pace = Pace()
        self._start_delay = StartDelay()
        self._held: list[str] | None = None  # for the station: the answer that is held back, and what is behind it
        self._throttled_at: Seconds | None = None

    def attach(
        self, connection: StationConnection, upstream: Upstream, mirrors: Sequence[Mirror], version: Version
    ) -> None:
        """The station has come over these, and speaks this edition."""
        self.connection, self.upstream, self.mirrors, self._version = connection, upstream, mirrors, version
        self._pace = Pace()
        self._held = None

    def detach(self) -> None:
        """They are over."""
        self.connection = self.upstream = None

    def came_up(self, text: str | bytes, now: Seconds, onward: str | None) -> bool:
        """A message of the station. ``onward``: what the cloud is to get first; when that is the very same text it is
        sent at once, and True returned."""
        if self.quirks.start_answer_delay_s:
            self._start_delay.called(text, self._version)
        self._figures.from_station += 1
        if onward is None or onward is not text or self.upstream is None:
            self.trace.add(Way.FROM_STATION, text, now)
            return False
        self.trace.add(Way.FROM_STATION, text, now, Way.TO_CLOUD)
        self._figures.to_cloud += 1
        self._push_up(self.upstream, onward)
        return True

    def came_down(self, text: str | bytes, now: Seconds, onward: str | None) -> bool:
        """A message of the cloud. ``onward``: as in :meth:`came_up`, for the station."""
        self._figures.from_cloud += 1
        if onward is None or onward is not text or self._start_delay.waits or self._held is not None:
            self.trace.add(Way.FROM_CLOUD, text, now)
            return False
        self.trace.add(Way.FROM_CLOUD, text, now, Way.TO_STATION)
        self._figures.to_station += 1
        self._push_down(self.connection, onward)
        return True

    def pause_s(self, now: Seconds, size: int) -> Seconds:
        """For how long no message of the station is to be read, after one of that many characters that was."""
        pause_s = self._pace.frame(now, size)
        if pause_s > 0:
            self._figures.throttled(self._station)
            if self._throttled_at is None or now - self._throttled_at >= THROTTLED_TOLD_EVERY_S:
                self._throttled_at = now
                self._log.warning("station sends too fast and is read more slowly")
        return pause_s

    def up(self, text: str) -> None:
        """Send to the cloud."""
        if self.upstream is not None:
            self._note(Way.TO_CLOUD, text)
            self._push_up(self.upstream, text)

    def copy(self, text: str) -> None:
        """Send to the mirrors alone."""
        for mirror in self.mirrors:
            mirror.copy(text)

    def binary(self, data: bytes, *, to_station: bool) -> None:
        """Send a binary message to the station or to the cloud."""
        if to_station:
            self._note(Way.TO_STATION, data)
            self._push_down(self.connection, data)
        elif self.upstream is not None:
            self._note(Way.TO_CLOUD, data)
            self._push_up(self.upstream, data)

    def down(self, text: str) -> None:
        """Send to the station: at once, or after a while where it can't take an answer so soon. What names a
        transaction doesn't overtake the answer that names it first: the station would refuse it."""
        if self._start_delay.holds(text, self._version):
            held = self._held = [text]
            delay_s = self.quirks.start_answer_delay_s
            asyncio.get_running_loop().call_later(delay_s, self._release, self.connection, held)
        elif self._held is not None and '"transactionId"' in text:
            self._held.append(text)
        else:
            self._down(self.connection, text)

    def _release(self, connection: StationConnection | None, held: list[str]) -> None:
        if self._held is held:
            self._held = None
        for text in held:
            self._down(connection, text)

    def _down(self, connection: StationConnection | None, text: str) -> None:
        if connection is None or connection is not self.connection:
            return  # it has gone, and its successor hasn't asked
        self._note(Way.TO_STATION, text)
        self._push_down(connection, text)

    def _push_up(self, upstream: Upstream, message: str | bytes) -> None:
        upstream.send(message)
        for mirror in self.mirrors:
            mirror.copy(message)

    def _push_down(self, connection: StationConnection | None, message: str | bytes) -> None:
        if connection is not None:
            if not connection.is_ahead:
                self._pace.sent()
            if not push(connection, message):
                self._log.warning("cut the station off because it doesn't read")

    def _note(self, way: Way, message: str | bytes) -> None:
        self.trace.add(way, message, self._clock.monotonic())
        self._figures.frame(way)
