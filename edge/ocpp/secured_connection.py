"""A station's socket behind TLS, which is made before the socket hears of its peer: so whoever fails has an address."""

import asyncio
import os
import socket
import ssl
from typing import Any, cast

from edge.ocpp.station_connection import StationConnection
from edge.ocpp.tls import Contexts, why_failed
from edge.units import Seconds


class SecuredConnection(StationConnection):
    """Listens without TLS, and takes the connection over with the newest certificate before a byte of it is read.

    Of a failed handshake the loop's own TLS tells nobody who knows the connection. ``securing`` holds the handshakes
    that are under way; each may be cancelled.
    """

    __slots__ = ("_contexts", "_from", "_handshake_s", "_is_secured", "_securing")

    def __init__(
        self,
        *args: Any,
        contexts: Contexts,
        handshake_s: Seconds,
        securing: set[asyncio.Task[None]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._contexts = contexts
        self._handshake_s = handshake_s
        self._securing = securing
        self._from = ""
        self._is_secured = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """First of the connection as it was accepted, then of what is behind its TLS."""
        if transport.get_extra_info("ssl_object") is not None:
            self._is_secured = True
            self._crowd.leaves(self._from, arriving=True)  # to be counted as any station is
            super().connection_made(transport)
            return
        # No isinstance: uvloop's transports are none of asyncio's classes.
        accepted = cast(asyncio.Transport, transport)
        peer = accepted.get_extra_info("peername")
        self._from = str(peer[0]) if peer else "unknown"
        try:
            # Another descriptor of the same connection: it stays when the transport that would read it is gone.
            plain = socket.socket(fileno=os.dup(accepted.get_extra_info("socket").fileno()))
        except OSError:  # there is none: the peer comes again
            return
        finally:
            accepted.abort()
        if not self._crowd.arrives(self._from):
            plain.close()
            return
        plain.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._secure(plain))
        self._securing.add(task)
        task.add_done_callback(self._ends)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_secured:  # else it is the transport that was given up above
            super().connection_lost(exc)

    def _ends(self, handshake: asyncio.Task[None]) -> None:
        self._securing.discard(handshake)
        if not self._is_secured:
            self._crowd.leaves(self._from, arriving=True)

    async def _secure(self, plain: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self,
                plain,
                ssl=self._contexts.current,
                ssl_handshake_timeout=self._handshake_s,
            )
        except ssl.SSLEOFError:
            pass  # it has left: monitors look so whether a port is open
        except ssl.SSLError as error:
            self._note_stranger(why_failed(error), self._from)
        except OSError:
            pass  # it has left, or said nothing in time
