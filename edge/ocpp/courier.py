"""Delivers what a station that stays away has left: its cloud is dialled in its place, and rung off when it has all.

What the cloud asks meanwhile is refused: there is no station. As soon as that dials, the courier is called back, and
what is left goes by the station's own connection.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from edge.clock import Clock
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.stand_in import Line, StandIn
from edge.ocpp.trace import Trace, Way
from edge.ocpp.upstream import Upstream
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, ErrorCode
from edge.units import Seconds

Dial = Callable[[Sequence[Version]], Upstream]

LOOK_S: Seconds = 1.0
STUCK_S: Seconds = 300.0  # a cloud that takes nothing for so long, as it hasn't accepted the station's boot, is left


class Courier:
    """One errand for one station. Implements :class:`edge.ocpp.stand_in.Line`."""

    def __init__(
        self,
        stand_in: StandIn,
        upstream: Upstream,
        version: Version,
        trace: Trace,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._stand_in = stand_in
        self._upstream = upstream
        self._version = version
        self._trace = trace
        self._clock = clock
        self._log = log
        self._over = False

    def to_station(self, _text: str) -> None:
        """There is none, and it has had its answers."""

    def to_cloud(self, _identifier: str, text: str) -> None:
        """See :class:`edge.ocpp.stand_in.Line`."""
        if not self._over:
            self._trace.add(Way.TO_CLOUD, text, self._clock.monotonic())
            self._upstream.send(text)

    def end_session(self, _transaction: str) -> None:
        """The station is asked when it comes."""

    def time_said(self) -> datetime | None:
        """There is nobody to tell it to."""
        return None

    async def run(self) -> str | None:
        """Until all is delivered, or cancelled; why it isn't, None when it is."""
        problem = await self._upstream.open()
        if problem is not None:
            return problem.what
        if self._over:
            await self._upstream.close()
            return None
        self._version = self._upstream.chosen or self._version
        self._stand_in.attach(self)
        tasks = [
            asyncio.create_task(self._upstream.run(self._up, self._hear, self._down)),
            asyncio.create_task(self._watch()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            self.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._upstream.close()

    def end(self) -> None:
        """What is said from now on is said to nobody."""
        if not self._over:
            self._over = True
            self._stand_in.station_gone()

    def _up(self) -> None:
        self._log.info("the cloud is dialled for a station that stays away", owed=self._stand_in.owed)
        self._stand_in.courier_connected(self._version)

    def _down(self, _why: str) -> None:
        if not self._over:
            self._stand_in.cloud_lost()

    def _hear(self, text: str | bytes) -> Seconds:
        if self._over:
            return 0.0
        self._trace.add(Way.FROM_CLOUD, text, self._clock.monotonic())
        try:
            frame = wire.parse(text, self._version)
        except FrameError:
            return 0.0  # what is unanswered is given up in its time
        match frame:
            case Call():
                self.to_cloud(frame.id, wire.error_text(frame.id, ErrorCode.GENERIC, "the station isn't connected"))
            case CallResult():
                self._stand_in.cloud_answers(frame.id, frame.text, payload=frame.payload)
            case CallError():
                self._stand_in.cloud_answers(frame.id, frame.text, error=(frame.code, frame.description))
            case _:
                pass  # nothing answers those
        return 0.0

    async def _watch(self) -> str | None:
        """Time passes."""
        owed, since = self._stand_in.owed, self._clock.monotonic()
        while self._stand_in.owed and not self._over:
            await asyncio.sleep(LOOK_S)
            self._upstream.tick()
            now = self._clock.monotonic()
            if self._stand_in.owed != owed:
                owed, since = self._stand_in.owed, now
            elif now - since >= STUCK_S:
                return f"the cloud takes nothing, {owed} messages wait"
        if not self._over:
            self._log.info("the cloud has had all that an absent station has left")
        return None


class Absence:
    """What is done for one station while it is away. ``line`` is its own, which the courier has for as long as it is
    under way."""

    def __init__(
        self, stand_in: StandIn | None, line: Line | None, trace: Trace, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._stand_in = stand_in
        self._line = line
        self._trace = trace
        self._clock = clock
        self._log = log
        self._courier: Courier | None = None

    @property
    def owed(self) -> int:
        """How many messages of the station wait for its cloud."""
        return self._stand_in.owed if self._stand_in is not None else 0

    async def deliver(self, dial: Dial, spoken: Version | None) -> str | None:
        """Send a courier, and wait for it; why it failed, None when it didn't. ``spoken``: by the station, last, as far
        as that is known."""
        if self._stand_in is None:
            return None
        speaks = Version(self._stand_in.speaks)
        likely = (Version.V21, Version.V201) if speaks.is_v2 else (speaks,)  # by what it has left
        versions = (spoken,) if spoken is not None and spoken.is_v2 is speaks.is_v2 else likely
        courier = self._courier = Courier(self._stand_in, dial(versions), speaks, self._trace, self._clock, self._log)
        try:
            return await courier.run()
        finally:
            if self._courier is courier:
                self.ends()

    def ends(self) -> None:
        """The station is there, or the courier is back: the line is the station's again."""
        courier, self._courier = self._courier, None
        if courier is not None and self._stand_in is not None and self._line is not None:
            courier.end()
            self._stand_in.attach(self._line)
