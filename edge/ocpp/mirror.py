"""A further CSMS that gets a copy of all that a station's cloud is told, and can command nothing.

It is dialled without the station's credentials. What it asks is refused, what it answers is dropped, and where it is
slow or away the oldest copies are lost: the relay never waits for it.
"""

import asyncio
from collections import deque
from weakref import WeakSet

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.figures import Figures
from edge.ocpp.sending import SURROGATES
from edge.ocpp.sockets import QUIET
from edge.ocpp.timings import LinkTimings
from edge.ocpp.trace import without_login
from edge.ocpp.unreached import cause
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, ErrorCode

MOST_WAITING = 256  # frames of one station: some minutes,
MOST_CHARACTERS = 8 * 1024 * 1024  # and no more than so much of them: two of the longest
MOST_TOGETHER = 16 * 1024 * 1024  # characters, of all stations: what a small board has to spare
BEHIND = 2  # frames: who is no more behind keeps them, whatever the others have
MAX_FRAME_BYTES = 64 * 1024  # it has nothing to say that is longer
REDIAL_S = 30.0  # it is never urgent


class Room:
    """What waits for the mirrors of all stations together."""

    def __init__(self) -> None:
        self._mirrors: WeakSet[Mirror] = WeakSet()

    def add(self, mirror: "Mirror") -> None:
        """One more, until it is over."""
        self._mirrors.add(mirror)

    @property
    def taken(self) -> int:
        """In characters."""
        return sum(mirror.size for mirror in self._mirrors)


class Mirror:
    """One station's connection to one mirror, for as long as one connection of the station lasts."""

    def __init__(
        self,
        uri: str,
        version: Version,
        timings: LinkTimings,
        figures: Figures,
        log: FilteringBoundLogger,
        room: Room | None = None,
    ) -> None:
        self._uri = uri
        self._version = version
        self._timings = timings
        self._figures = figures
        self._log = log
        self._waiting: deque[str | bytes] = deque()
        self.size = 0  # of what waits, in characters
        self._room = room if room is not None else Room()
        self._room.add(self)
        self._more = asyncio.Event()
        self._told: str | None = None  # the last problem that was logged

    def copy(self, message: str | bytes) -> None:
        """The cloud is told this. Returns at once."""
        self._waiting.append(message)
        self.size += len(message)
        while len(self._waiting) > MOST_WAITING or self.size > MOST_CHARACTERS:
            self._lose_oldest()
        is_long = self.size > MOST_TOGETHER // MOST_WAITING
        excess = self._room.taken - MOST_TOGETHER if is_long or len(self._waiting) > BEHIND else 0
        while excess > 0 and self._waiting:
            excess -= self._lose_oldest()
        self._more.set()

    def _lose_oldest(self) -> int:
        """Make room; return how much."""
        lost = len(self._waiting.popleft())
        self.size -= lost
        self._figures.mirror_lost += 1
        return lost

    async def run(self) -> None:
        """Pass the copies on, until cancelled."""
        while True:
            try:
                async with connect(
                    self._uri,
                    subprotocols=[Subprotocol(self._version)],
                    compression="deflate" if self._version.is_v2 else None,
                    user_agent_header=None,
                    proxy=None,
                    open_timeout=self._timings.dial_s,
                    close_timeout=self._timings.close_s,
                    max_size=MAX_FRAME_BYTES,
                    logger=QUIET,
                ) as connection:
                    self._told = None
                    await self._serve(connection)
            except (OSError, TimeoutError, ValueError, WebSocketException, AssertionError) as exc:
                problem = str(exc) if isinstance(exc, ConnectionClosed) else cause(exc, self._uri)
                if problem != self._told:
                    self._log.warning("can't reach a mirror", address=without_login(self._uri), problem=problem)
                self._told = problem
            await asyncio.sleep(min(REDIAL_S, self._timings.redial_last_s))

    async def _serve(self, connection: ClientConnection) -> None:
        refusing = asyncio.create_task(self._refuse(connection))
        try:
            while not refusing.done():
                while self._waiting:
                    message = self._waiting[0]
                    is_text = isinstance(message, str)
                    carried = message.encode(errors=SURROGATES) if isinstance(message, str) else message
                    await connection.send(carried, text=is_text)
                    if self._waiting and self._waiting[0] is message:  # else it had to make room meanwhile
                        self.size -= len(self._waiting.popleft())
                self._more.clear()
                waiting = asyncio.create_task(self._more.wait())
                await asyncio.wait((waiting, refusing), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            refusing.cancel()
            await asyncio.gather(refusing, return_exceptions=True)

    async def _refuse(self, connection: ClientConnection) -> None:
        """Read what it says until it leaves; a CALL is answered, so that it doesn't wait."""
        try:
            async for text in connection:
                try:
                    frame = wire.parse(text, self._version)
                except FrameError:
                    continue
                if isinstance(frame, Call):
                    await connection.send(wire.error_text(frame.id, ErrorCode.SECURITY, "a mirror commands nothing"))
        except ConnectionClosed:
            return
