"""The socket shell: listens for stations and hands each its relay. Thin; the rules are in the modules it calls."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection

from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.setpoint import LimitCommand
from edge.domain.site import Site
from edge.domain.station import LimitAnswered, LimitOutcome
from edge.ocpp.admission import Admission, Door
from edge.ocpp.asked_samples import AskedSamples
from edge.ocpp.dossier import Description, Dossier
from edge.ocpp.figures import Figures
from edge.ocpp.hearsay import Hearsay
from edge.ocpp.listeners import MAX_STATION_FRAME_BYTES, PLAIN, TLS, Listeners
from edge.ocpp.lobby import Lobby
from edge.ocpp.mirror import Mirror, Room
from edge.ocpp.relay import Relay
from edge.ocpp.settings import OcppSettings, Samples, SecurityProfile
from edge.ocpp.shelf import Shelf
from edge.ocpp.showing import Shown
from edge.ocpp.site_limits import SiteLimits
from edge.ocpp.sockets import peer_address
from edge.ocpp.stand_in import StandIns
from edge.ocpp.station_connection import StationConnection
from edge.ocpp.station_link import StationLink
from edge.ocpp.ticker import Ticker
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import Sides, client_contexts, server_contexts
from edge.ocpp.turned_away import TurnedAway
from edge.ocpp.unreadable import CLOSE_POLICY
from edge.ocpp.upstream import Jitter, Upstream, address
from edge.ocpp.versions import Version
from edge.ocpp.waiting import WaitingStation

CLOSE_PROTOCOL_ERROR = 1002  # RFC 6455 §7.4.1


class OcppServer:
    """The chargers' side of the gateway. Implements :class:`edge.control.ports.LimitPort`.

    ``jitter`` gives numbers spread evenly over 0 to 1 (``chance``'s, unless given); it keeps the stations' upstream
    connections from being dialled all at once. ``shelf`` keeps the charging profiles of the stations' clouds,
    ``dossiers`` what is known of the stations; without them both are lost at the end. ``stand_ins`` answer stations
    whose cloud is away.
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
        shelf: Shelf | None = None,
        dossiers: Shelf | None = None,
        stand_ins: StandIns = lambda _station: None,
    ) -> None:
        chance = chance or SystemChance()
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._log: FilteringBoundLogger = log if log is not None else structlog.get_logger(__name__)
        self._timings = timings if timings is not None else LinkTimings()
        self.figures = Figures()
        self.site_limits = SiteLimits()
        self._room = Room()
        self._dossiers = {each.id: Dossier(each.id, dossiers) for each in site.stations}
        hearsay = Hearsay()
        self._links = self._make_links(site, shelf, stand_ins, hearsay, nonce=chance.token(6))
        self._lobby = Lobby(clock, chance, hearsay)
        self._door = Door(
            links=self._links,
            waiting=self._lobby.connections,
            settings=settings,
            clock=clock,
            timings=self._timings,
            jitter=jitter if jitter is not None else chance.fraction,
            log=self._log,
        )
        self._listeners = Listeners(self._handle, self._door, self._timings, self._log)
        self.tls = Sides()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def port(self) -> int:
        """The port for stations without TLS; 0 while there is none."""
        return self._listeners.port(PLAIN)

    @property
    def tls_port(self) -> int:
        """The port for stations with TLS; 0 while there is none."""
        return self._listeners.port(TLS)

    @property
    def waiting(self) -> tuple[WaitingStation, ...]:
        """The unknown stations that have connected, the longest unseen first."""
        return self._lobby.stations

    def known(self, station: str) -> tuple[Description | None, str | None]:
        """What a station of the site said it is, be it before a restart; and the address it is connected from."""
        link = self._links[station]
        return self._dossiers[station].description, peer_address(link.connection) if link.connection else None

    @property
    def turned_away(self) -> tuple[TurnedAway, ...]:
        """The last refused handshakes, the newest last."""
        return self._door.turned_away.entries

    async def identify(self, identity: str) -> Shown | str:
        """Let a waiting station show itself; how it did, or a sentence why it doesn't."""
        return await self._lobby.identify(identity)

    def cloud_problem(self, station: str) -> str | None:
        """Why the cloud of a connected station can't be had; None while it can."""
        return self._links[station].cloud_problem

    def trace(self, station: str) -> list[Mapping[str, Any]] | None:
        """The last frames of a station, oldest first (see :class:`edge.ocpp.trace.Trace`); None of an unknown one."""
        link = self._links.get(station)
        trace = link.trace if link is not None else self._lobby.trace(station)
        return trace.shown(self._clock.monotonic(), self._clock.wall()) if trace is not None else None

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
        """Listen. Raises :class:`edge.errors.StartError` when an address can't be had, or a certificate not used."""
        settings = self._settings
        if settings.upstream is not None and settings.upstream.startswith("wss:"):
            self.tls.cloud = client_contexts(settings.cloud_tls)
            self._door.dial_with(self.tls.cloud)
        if settings.tls_listen is not None:
            profiles = {settings.security_of(station).profile for station in self._links}
            mutual = profiles == {SecurityProfile.MUTUAL}
            self.tls.stations = server_contexts(settings.tls, mutual=mutual)
            await self._listeners.open(TLS, settings.tls_listen, self.tls.stations)
        if settings.plain_listen is not None:
            await self._listeners.open(PLAIN, settings.plain_listen, None)
        stations, refresh = (self._links, self._listeners.connections), self.refresh_certificates
        ticker = Ticker(*stations, refresh, self._clock, self._timings, self._log)
        self._tasks = (asyncio.create_task(ticker.run()),)
        if settings.upstream is not None:
            self._tasks = (*self._tasks, asyncio.create_task(self._door.couriers.run()))

    def refresh_certificates(self) -> None:
        """Take over certificate files that have changed; connections that stand are not disturbed."""
        for side, problem in self.tls.refresh():
            if problem == "":
                self._log.info(f"took over new certificate files toward {side}")
            else:
                self._log.error(f"kept the old certificate toward {side}", problem=problem)

    async def stop(self) -> None:
        """Close every connection, within 1.5 s."""
        for task in self._tasks:
            task.cancel()
        for link in self._links.values():
            link.expect_stop()
        await self._listeners.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _make_links(
        self, site: Site, shelf: Shelf | None, stand_ins: StandIns, hearsay: Hearsay, *, nonce: str
    ) -> dict[str, StationLink]:
        standing = {station.id: stand_ins(station.id) for station in site.stations}
        return {
            station.id: StationLink(
                station=station.id,
                figures=self.figures,
                relay=Relay(
                    station=station,
                    nominal_voltage_v=site.nominal_voltage_v,
                    mode=site.control.mode,
                    cloud_loss=self._settings.mode_of(station.id),
                    asked=AskedSamples(station) if self._settings.samples is Samples.ASKED else None,
                    has_cloud=self._settings.upstream is not None,
                    nonce=nonce,
                    shelf=shelf,
                    figures=self.figures,
                    dossier=self._dossiers[station.id],
                    stand_in=standing[station.id],
                    site_limits=self.site_limits,
                    hearsay=hearsay,
                    key_is_checked=self._settings.security_of(station.id).checks_key,
                ),
                dossier=self._dossiers[station.id],
                stand_in=standing[station.id],
                is_wire=self._settings.is_wire,
                clock=self._clock,
                sink=self._sink,
                timings=self._timings,
                log=self._log.bind(station=station.id),
            )
            for station in site.stations
        }

    async def _handle(self, connection: ServerConnection) -> None:
        """The life of one connection after its handshake."""
        if isinstance(connection, StationConnection):
            connection.is_in()
        admission = self._door.admission(connection)
        if admission.upstream is not None:
            connection.protocol.max_message_size = MAX_STATION_FRAME_BYTES
        log = self._log.bind(station=admission.identity, address=peer_address(connection))
        if admission.version is None:
            log.warning("closed a station that speaks no OCPP we know", offered=", ".join(admission.offer.offered))
            await connection.close(CLOSE_PROTOCOL_ERROR, f"this gateway speaks {', '.join(Version)}")
        elif admission.upstream is None:
            await self._lobby.keep(connection, admission.identity, admission.version, log)
        else:
            await self._serve(connection, admission, admission.upstream, admission.version, log)

    async def _serve(
        self,
        connection: ServerConnection,
        admission: Admission,
        upstream: Upstream,
        version: Version,
        log: FilteringBoundLogger,
    ) -> None:
        link = self._links[admission.identity]
        if link.connection is not None and link.connection is not admission.replaces:
            log.warning("closed a connection that another of the same station has overtaken")
            await connection.close(CLOSE_POLICY, "another connection of this station was faster")
            return
        spelling = admission.offer.spelling(version)
        if spelling is None:
            log.info(f"station offers no subprotocol; taken to speak {version}")
        elif str(spelling) != version.value:
            log.info("station spells its subprotocol in its own way", offered=spelling)
        path = connection.request.path if connection.request is not None else ""
        mirrors = [
            Mirror(address(template, admission.identity, path), version, self._timings, self.figures, log, self._room)
            for template in self._settings.mirrors
        ]
        details = {"address": peer_address(connection), "speaks": version.value}
        await link.serve(cast(StationConnection, connection), upstream, version, mirrors, **details)
