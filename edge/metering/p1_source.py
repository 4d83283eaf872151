"""A P1 port that is listened to, on a serial cable or behind a network adapter."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from edge.domain.connection import Connection
from edge.metering.channel import Channel, Receiver, open_channel
from edge.metering.listening import Listening
from edge.metering.p1 import BrokenTelegram, P1Stream, Telegram
from edge.metering.source import Deliver, Fail
from edge.units import Seconds

QUIET_S: Final[Seconds] = 30.0  # three telegrams of DSMR 4: whoever is silent for longer has gone without a word
# The same telegram so often again is told as a fault; once or twice two telegrams of one second may be the same.
TOLD_AT: Final = 3

Opener = Callable[[Connection, Receiver], Awaitable[Channel]]


class P1Source(Listening):
    """Listens to one port."""

    def __init__(self, connection: Connection, *, opener: Opener = open_channel) -> None:
        super().__init__(connection.line)
        self._connection = connection
        self._opener = opener
        self._news = _News()

    async def listen(self, deliver: Deliver, fail: Fail) -> str:
        """See :meth:`Listening.listen`."""
        ears = _Ears(self._news, deliver, fail)
        channel = await self._opener(self._connection, ears)
        try:
            return await ears.ended()
        finally:
            channel.close()


class _News:
    """Tells a telegram from the one before that has come again: an adapter whose cable to the meter is off may go on
    sending the last that it had, or hand it to whoever connects. The meter's own time in it shows that.

    And a slip of the line from a line that is bad: on one of 115,200 Bd a telegram is damaged now and then, and the
    next comes by itself."""

    def __init__(self) -> None:
        self._last: Telegram | None = None
        self._again = 0
        self._is_slip = False  # the next damaged one would be the first after a sound one

    def problem(self, found: Telegram | BrokenTelegram) -> str | None:
        """Why it says nothing of now, empty where that isn't worth a word yet; None of one that is new."""
        is_slip, self._is_slip = self._is_slip, isinstance(found, Telegram)
        if isinstance(found, BrokenTelegram):
            return "" if is_slip else found.problem
        if found.stamp is None or found != self._last:
            self._last, self._again = found, 0
            return None
        self._again += 1
        if self._again < TOLD_AT:
            return ""
        return (
            f"the meter's telegram of {found.stamp} comes again and again, and none newer; "
            "check the cable from the meter to what passes it on"
        )


class _Ears:
    """What hears one stream."""

    def __init__(self, news: _News, deliver: Deliver, fail: Fail) -> None:
        self._news = news
        self._deliver = deliver
        self._fail = fail
        self._stream = P1Stream()
        self._stirred = asyncio.Event()
        self._why_ended: str | None = None

    def data(self, data: bytes) -> None:
        self._stirred.set()
        for found in self._stream.receive(data):
            problem = self._news.problem(found)
            if isinstance(found, Telegram) and problem is None:
                self._deliver(found.values)
            elif problem:
                self._fail(problem)

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
