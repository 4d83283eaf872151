"""Whether a station is still there: pings for those that know them, and how long nothing may be heard."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from edge.clock import Clock
from edge.ocpp.quirk_records import Quirks
from edge.ocpp.sockets import EARLY_S, closing_reason
from edge.ocpp.timings import LinkTimings
from edge.units import Seconds


class Pinged(Protocol):
    """A station's socket; ``paused`` while it is full. Raises ConnectionClosed when it is closed."""

    paused: bool

    async def ping(self) -> Awaitable[float]:
        """Send a ping; what is returned is there when its answer is."""

    async def pong(self) -> None:
        """Send a pong that answers nothing."""


class Liveness:
    """That of one station. ``quirks`` may change as more is known of it."""

    def __init__(self, clock: Clock, timings: LinkTimings) -> None:
        self._clock = clock
        self._timings = timings
        self._heard_at = 0.0
        self.quirks = Quirks()

    def heard(self, now: Seconds) -> None:
        """Something came of it."""
        self._heard_at = now

    async def watch(self, connection: Pinged) -> str:
        """Ping who has said nothing for a while; end when nothing at all was heard for long. A station that answers no
        ping gets one ping only.
        """
        pong: asyncio.Future[float] | None = None
        every_s, now = self._timings.ping_every_s, self._clock.monotonic()
        asked_at = now
        try:
            while True:
                await asyncio.sleep(max(self._heard_at, asked_at) + every_s - now)
                now = self._clock.monotonic()
                silent_s = now - self._heard_at
                if silent_s < every_s - EARLY_S:
                    continue  # what it says keeps the connection alive
                asked_at = now
                silence_s = self.quirks.silence_s or self._timings.silence_s
                if silent_s > silence_s:
                    return f"nothing was heard for {silence_s:g} s"
                if not self.quirks.ping:
                    continue
                if connection.paused:
                    continue  # only silence can tell
                if pong is None or pong.done():
                    pong = asyncio.ensure_future(await connection.ping())
                    pong.add_done_callback(self._pong)
                else:
                    await connection.pong()
        except ConnectionClosed as closed:
            return closing_reason(closed)

    async def answers_ping(self, connection: Pinged) -> bool:
        """Whether the station at the other end of its connection answers a ping in time."""
        try:
            async with asyncio.timeout(self._timings.takeover_ping_s):
                await (await connection.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    def _pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._heard_at = self._clock.monotonic()
