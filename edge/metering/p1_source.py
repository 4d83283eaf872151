"""A P1 port that is listened to, on a serial cable or behind a network adapter."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from edge.domain.connection import Connection
from edge.metering.channel import Channel, Receiver, open_channel
from edge.metering.listening import Listening
from edge.metering.p1 import P1Stream, Telegram
from edge.metering.source import Deliver, Fail
from edge.units import Seconds

QUIET_S: Final[Seconds] = 30.0  # three telegrams of DSMR 4: whoever is silent for longer has gone without a word

Opener = Callable[[Connection, Receiver], Awaitable[Channel]]


class P1Source(Listening):
    """Listens to one port."""

    def __init__(self, connection: Connection, *, opener: Opener = open_channel) -> None:
        super().__init__(connection.line)
        self._connection = connection
        self._opener = opener

    async def listen(self, deliver: Deliver, fail: Fail) -> str:
        """See :meth:`Listening.listen`."""
        ears = _Ears(deliver, fail)
        channel = await self._opener(self._connection, ears)
        try:
            return await ears.ended()
        finally:
            channel.close()


class _Ears:
    """What hears one stream."""

    def __init__(self, deliver: Deliver, fail: Fail) -> None:
        self._deliver = deliver
        self._fail = fail
        self._stream = P1Stream()
        self._stirred = asyncio.Event()
        self._why_ended: str | None = None

    def data(self, data: bytes) -> None:
        self._stirred.set()
        for found in self._stream.receive(data):
            if isinstance(found, Telegram):
                self._deliver(found.values)
            else:
                self._fail(found.problem)

    def lost(self, why: str) -> None:
        self._why_ended = why
        self._stirred.set()

    async def ended(self) -> str:
        """Why nothing more will come, when nothing more does."""
        while self._why_ended is None:
            self._stirred.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._stirred.wait()
            except TimeoutError:
                return f"not a byte for {QUIET_S:.0f} s; check the cable, and that the port is switched on"
        return self._why_ended
