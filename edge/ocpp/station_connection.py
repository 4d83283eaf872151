"""A station's socket that is counted among those of its address, and whose first words are listened to."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidMessage

from edge.ocpp.crowd import Crowd
from edge.ocpp.sockets import Receiving, peer_address

# The first byte of who speaks TLS (RFC 8446 §5.1); no HTTP request begins with it.
TLS_RECORD: Final = b"\x16"
SPEAKS_TLS: Final = "it speaks TLS (wss://) at the port without: give it ws://, or the address of tls_listen"
# The same for all that it may be: whoever sends something else each time is one entry in the list.
NO_HANDSHAKE: Final = "it sends no WebSocket handshake (OCPP-J); OCPP over SOAP isn't spoken here"

# Told of who makes no handshake that could be refused: why, and the address.
NoteStranger: TypeAlias = Callable[[str, str], None]


class _Opening(ServerConnection):
    """Ends whoever begins with TLS where none is spoken: the library would wait for the rest of a request."""

    def __init__(self, *args: Any, note_stranger: NoteStranger, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._note_stranger = note_stranger
        self._heard = False

    def data_received(self, data: bytes) -> None:
        first, self._heard = not self._heard, True
        if first and data.startswith(TLS_RECORD):
            self._note_stranger(SPEAKS_TLS, peer_address(self))
            self.transport.abort()
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        trouble = self.protocol.handshake_exc
        # Not who leaves in the midst of a request, or says nothing at all: monitors look so whether a port is open.
        if isinstance(trouble, InvalidMessage) and not isinstance(trouble.__cause__, EOFError):
            self._note_stranger(NO_HANDSHAKE, peer_address(self))


class StationConnection(Receiving, _Opening):
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
