"""One connection to the API: who asks nothing is let go, and of those over TCP there are so many at a time."""

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from edge.units import Seconds

MOST_CONNECTIONS = 100  # over TCP; each is a file of the process, which stations, meters and the disk need as well
REQUEST_S: Seconds = 20.0  # from a connection, or a first byte, to the whole head of a request


class BoundedProtocol(H11Protocol):
    """uvicorn's, which waits for a request without end. The control socket, behind file rights, is never full."""

    _awaits: asyncio.TimerHandle | None = None  # while a request is due

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        over_tcp = sum(each.client is not None for each in self.connections if isinstance(each, H11Protocol))
        if self.client is not None and over_tcp > MOST_CONNECTIONS:
            transport.abort()
            return
        self._awaits = self.loop.call_later(REQUEST_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = cast(RequestResponseCycle | None, self.cycle)  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._is_asked()
        elif self._awaits is None:  # the beginning of another request
            self._awaits = self.loop.call_later(REQUEST_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_asked()
        super().connection_lost(exc)

    def _is_asked(self) -> None:
        if self._awaits is not None:
            self._awaits.cancel()
            self._awaits = None
