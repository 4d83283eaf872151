"""The sockets on which stations are listened for, without TLS and with it, and the connections that came by them."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import Server, ServerConnection, serve

from edge.errors import StartError
from edge.ocpp.admission import Door
from edge.ocpp.crowd import Crowd
from edge.ocpp.secured_connection import SecuredConnection
from edge.ocpp.settings import Listener
from edge.ocpp.sockets import QUIET, bound_port
from edge.ocpp.station_connection import StationConnection
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import Contexts

PLAIN, TLS = "listen", "tls_listen"  # by their keys in the site file
MAX_FRAME_BYTES = 256 * 1024  # of who isn't known yet: the largest real frames of theirs are some 10 KiB
# Of a station of the site. A StopTransaction of 1.6 may bring all samples of its session (§9.1.27 StopTxnSampledData):
# in a night some thousands, of five values each.
MAX_STATION_FRAME_BYTES = 4 * 1024 * 1024


class Listeners:
    """``handle`` is the life of one connection after its handshake, which ``door`` decides on.

    ``connections`` are those that stand, in whatever state.
    """

    def __init__(
        self,
        handle: Callable[[ServerConnection], Awaitable[None]],
        door: Door,
        timings: LinkTimings,
        log: FilteringBoundLogger,
    ) -> None:
        self._handle = handle
        self._door = door
        self._timings = timings
        self._log = log
        self.connections: set[ServerConnection] = set()
        self._securing: set[asyncio.Task[None]] = set()  # handshakes of TLS
        self._crowd = Crowd()
        self._servers: dict[str, Server] = {}

    def port(self, key: str) -> int:
        """The port that is listened on by this key of the site file; 0 while there is none."""
        return bound_port(self._servers.get(key))

    async def open(self, key: str, where: Listener, contexts: Contexts | None) -> None:
        """Listen there, with TLS where there are ``contexts``.

        :raises StartError: the address can't be had.
        """
        try:
            server = await serve(
                self._handle,
                where.host,
                where.port,
                process_request=self._door.admit,
                process_response=self._door.note_refusal,
                select_subprotocol=lambda connection, _: self._door.choose(connection),
                create_connection=cast(type[ServerConnection], partial(self._new_connection, contexts)),  # or a factory
                compression="deflate",  # for those that the door lets have it
                max_size=MAX_FRAME_BYTES,
                open_timeout=self._timings.handshake_s,
                ping_interval=None,  # the library's pings end the links of stations that answer none
                close_timeout=self._timings.close_s,
                server_header=None,
                logger=QUIET,
            )
        except OSError as exc:
            whose, named = "the stations' address", f"[ocpp] {key}"
            raise StartError.unlistenable(whose, where.host, where.port, exc, key=named) from exc
        self._servers[key] = server
        self._log.info("listening for charging stations", host=where.host, port=bound_port(server), tls=key == TLS)

    async def close(self) -> None:
        """Close every connection, within 1.5 s."""
        servers, self._servers = list(self._servers.values()), {}
        for task in self._securing:
            task.cancel()
        if not servers:
            return
        for server in servers:
            server.close(code=1001, reason="the gateway stops")
        closed = [asyncio.create_task(server.wait_closed()) for server in servers]
        await asyncio.wait(closed, timeout=self._timings.stop_s)
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.wait(closed, timeout=self._timings.cut_s)
        for task in closed:
            task.cancel()

    def _new_connection(self, contexts: Contexts | None, *args: Any, **kwargs: Any) -> ServerConnection:
        kwargs |= {"crowd": self._crowd, "connected": self.connections, "note_stranger": self._door.note_stranger}
        if contexts is None:
            return StationConnection(*args, **kwargs)
        handshake_s = self._timings.handshake_s
        return SecuredConnection(*args, contexts=contexts, handshake_s=handshake_s, securing=self._securing, **kwargs)
