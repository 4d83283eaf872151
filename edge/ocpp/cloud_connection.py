"""A cloud's socket, which is pinged when it is silent."""

import asyncio
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from edge.ocpp.farewell import Farewell, close
from edge.ocpp.sockets import EARLY_S, Receiving


class CloudConnection(Receiving, ClientConnection):
    """A socket toward the cloud."""

    async def keepalive(self) -> None:
        """Ping a cloud that has said nothing for the interval, and end the connection when a ping isn't answered in
        time. The library's pings whatever is heard, and waits for each answer besides: some objects and another wake of
        its task for every ping.
        """
        looked_at = asked_at = now = self.loop.time()
        with suppress(ConnectionClosed):
            while (every_s := self.ping_interval) is not None:
                await asyncio.sleep(max(self._heard_at, looked_at) + every_s - now)
                now = self.loop.time()
                if now - self._heard_at < every_s - EARLY_S:
                    continue
                looked_at = now
                if not self.pending_pings:
                    asked_at = now
                    await self.ping()
                elif self.ping_timeout is not None and now - asked_at > self.ping_timeout - EARLY_S:
                    await close(self, Farewell(code=CloseCode.INTERNAL_ERROR, reason="keepalive ping timeout"))


class WireCloudConnection(CloudConnection):
    """A socket toward the cloud that is part of a wire."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, is_wire=True, **kwargs)
