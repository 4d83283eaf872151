"""A station's socket that is counted among those of its address."""

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

from edge.ocpp.crowd import Crowd
from edge.ocpp.sockets import Receiving, peer_address


class StationConnection(Receiving, ServerConnection):
    """A station's socket, counted among those of its address."""

    def __init__(self, *args: Any, crowd: Crowd, connected: set[ServerConnection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._connected = connected
        self._counted: str | None = None
        self._arriving = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connected.add(self)
        address = peer_address(self)
        if self._crowd.arrives(address):
            self._counted = address
        else:
            self.transport.abort()

    def is_in(self) -> None:
        """The handshake is over."""
        if self._counted is not None and self._arriving:
            self._crowd.is_in(self._counted)
        self._arriving = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connected.discard(self)
        if self._counted is not None:
            self._crowd.leaves(self._counted, arriving=self._arriving)
            self._counted = None
