"""The socket shell: listens for stations and hands each its relay. Thin; the rules are in the modules it calls."""

import asyncio
from typing import Any, cast
from weakref import WeakSet

import structlog
from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.setpoint import LimitCommand
from edge.domain.site import Site
from edge.domain.station import LimitAnswered, LimitOutcome
from edge.errors import FrameError, StartError
from edge.ocpp import handshake
from edge.ocpp.admission import Admission, Door
from edge.ocpp.relay import CLOSE_POLICY, UNREADABLE_MAX, Relay
from edge.ocpp.settings import OcppSettings
from edge.ocpp.sockets import QUIET, closing_reason, cut_if_stuck, peer_address
from edge.ocpp.station_link import StationLink
from edge.ocpp.timings import LinkTimings
from edge.ocpp.upstream import Jitter
from edge.ocpp.v16 import SUBPROTOCOL
from edge.ocpp.waiting import WaitingRoom, WaitingStation

MAX_FRAME_BYTES = 256 * 1024  # the largest real frames are signed meter values of some 10 KiB
CLOSE_PROTOCOL_ERROR = 1002  # RFC 6455 §7.4.1


class OcppServer:
    """The chargers' side of the gateway. Implements :class:`edge.control.ports.LimitPort`.

    ``jitter`` gives numbers spread evenly over 0 to 1 (``chance``'s, unless given); it keeps the stations' upstream
    connections from being dialled all at once.
    """

    def __init__(
        self,
        *,
        site: Site,
        settings: OcppSettings,
        clock: Clock,
        sink: FactSink,
        log: FilteringBoundLogger | None = None,
        timings: LinkTimings | None = None,
        jitter: Jitter | None = None,
        chance: Chance | None = None,
    ) -> None:
        chance = chance if chance is not None else SystemChance()
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._log: FilteringBoundLogger = log if log is not None else structlog.get_logger(__name__)
        self._timings = timings if timings is not None else LinkTimings()
        self._links = self._make_links(site, nonce=chance.token(6))
        self._waiting = WaitingRoom()
        self._waiting_connections: set[ServerConnection] = set()
        self._door = Door(
            links=self._links,
            waiting=self._waiting_connections,
            settings=settings,
            clock=clock,
            timings=self._timings,
            jitter=jitter if jitter is not None else chance.fraction,
            log=self._log,
        )
        self._connections: WeakSet[ServerConnection] = WeakSet()
        self._server: Server | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; 0 while the server doesn't run."""
        if self._server is None:
            return 0
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def waiting(self) -> tuple[WaitingStation, ...]:
        """The unknown stations that have connected, the longest unseen first."""
        return self._waiting.stations

    def cloud_links(self) -> dict[str, bool]:
        """For each configured station whether its upstream connection is up."""
        return {identity: link.cloud_connected for identity, link in self._links.items()}

    def write_limit(self, command: LimitCommand) -> None:
        """See :class:`edge.control.ports.LimitPort`."""
        link = self._links.get(command.key.station)
        if link is None:
            self._unwritten(command, LimitOutcome.NOT_SENT, "no such station is configured")
            return
        try:
            link.write_limit(command)
        except Exception as fault:
            # A bulkhead: a fault of ours on the way to one station must not end the control of all others.
            self._log.exception("a fault of the gateway kept a limit from its station", station=command.key.station)
            self._unwritten(command, LimitOutcome.SILENT, f"a fault of the gateway: {type(fault).__name__}")

    def _unwritten(self, command: LimitCommand, outcome: LimitOutcome, detail: str) -> None:
        at = self._clock.monotonic()
        self._sink.take(LimitAnswered(key=command.key, at=at, command=command.id, outcome=outcome, detail=detail))

    async def start(self) -> None:
        """Listen. Raises :class:`edge.errors.StartError` when the address can't be had."""
        host, port = self._settings.listen_host, self._settings.listen_port
        try:
            self._server = await serve(
                self._handle,
                host,
                port,
                process_request=self._door.admit,
                process_response=self._door.note_refusal,
                select_subprotocol=lambda _, offered: handshake.choose(offered),
                create_connection=cast(type[ServerConnection], self._new_connection),  # a factory will do
                compression=None,  # compressed frames are not understood by some (lorenzodonini/ocpp-go issue 358)
                max_size=MAX_FRAME_BYTES,
                ping_interval=None,  # the library's pings end the links of stations that answer none
                close_timeout=self._timings.close_s,
                server_header=None,
                logger=QUIET,
            )
        except OSError as exc:
            problem = f"can't listen for charging stations on {host}:{port} ({exc.strerror or exc})"
            raise StartError(problem, remedy="give another address in [ocpp] listen") from exc
        self._ticker = asyncio.create_task(self._tick())
        self._log.info("listening for charging stations", host=host, port=self.port)

    async def stop(self) -> None:
        """Close every connection, within 1.5 s."""
        server, self._server = self._server, None
        if server is None or self._ticker is None:
            return
        self._ticker.cancel()
        for link in self._links.values():
            link.expect_stop()
        server.close(code=1001, reason="the gateway stops")
        closed = asyncio.ensure_future(server.wait_closed())
        await asyncio.wait([closed], timeout=self._timings.stop_s)
        for connection in self._opened():
            connection.transport.abort()
        await asyncio.wait([closed], timeout=self._timings.cut_s)
        closed.cancel()

    def _make_links(self, site: Site, *, nonce: str) -> dict[str, StationLink]:
        return {
            station.id: StationLink(
                relay=Relay(
                    station=station,
                    nominal_voltage_v=site.nominal_voltage_v,
                    mode=site.control.mode,
                    cloud_loss=self._settings.mode,
                    nonce=nonce,
                ),
                clock=self._clock,
                sink=self._sink,
                timings=self._timings,
                log=self._log.bind(station=station.id),
            )
            for station in site.stations
        }

    def _new_connection(self, *args: Any, **kwargs: Any) -> ServerConnection:
        connection = ServerConnection(*args, **kwargs)
        self._connections.add(connection)
        return connection

    def _opened(self) -> list[ServerConnection]:
        """The connections that have their sockets: one that was made a moment ago hasn't yet."""
        return [connection for connection in self._connections if hasattr(connection, "transport")]

    async def _handle(self, connection: ServerConnection) -> None:
        """The life of one connection after its handshake."""
        admission = self._door.admission(connection)
        log = self._log.bind(station=admission.identity, address=peer_address(connection))
        if not admission.offer.fits:
            log.warning("closed a station that speaks no OCPP we know", offered=", ".join(admission.offer.offered))
            await connection.close(CLOSE_PROTOCOL_ERROR, f"this gateway speaks {SUBPROTOCOL}")
        elif admission.upstream is None:
            await self._keep_waiting(connection, admission.identity, log)
        else:
            await self._serve(connection, admission, log)

    async def _serve(self, connection: ServerConnection, admission: Admission, log: FilteringBoundLogger) -> None:
        link = self._links[admission.identity]
        if admission.upstream is None or (link.connection is not None and link.connection is not admission.replaces):
            log.warning("closed a connection that another of the same station has overtaken")
            await connection.close(CLOSE_POLICY, "another connection of this station was faster")
            return
        if admission.offer.chosen is None:
            log.info("station offers no subprotocol; taken to speak ocpp1.6")
        elif admission.offer.chosen != SUBPROTOCOL:
            log.info("station spells its subprotocol in its own way", offered=admission.offer.chosen)
        await link.serve(connection, admission.upstream, address=peer_address(connection))

    async def _keep_waiting(self, connection: ServerConnection, identity: str, log: FilteringBoundLogger) -> None:
        """Answer an unknown station until it leaves."""
        self._waiting.arrive(identity, peer_address(connection), self._clock.wall())
        self._waiting_connections.add(connection)
        log.warning("unknown station connected and waits to be adopted")
        unreadable = 0
        try:
            while unreadable < UNREADABLE_MAX:
                try:
                    reply = self._waiting.reply(identity, await connection.recv(), self._clock.wall())
                except FrameError:
                    unreadable += 1
                    continue
                if reply is not None:
                    await connection.send(reply)
            await connection.close(CLOSE_POLICY, "too many unreadable messages")
        except ConnectionClosed as closed:
            log.info("unknown station left", why=closing_reason(closed))
        finally:
            self._waiting_connections.discard(connection)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._timings.tick_every_s)
            for identity, link in self._links.items():
                try:
                    link.tick()
                except Exception:
                    self._log.exception("a fault of the gateway at a station's deadline", station=identity)
            for connection in self._opened():
                if (why := cut_if_stuck(connection)) is not None:
                    self._log.info("cut a connection off", address=peer_address(connection), why=why)
