"""The composition root: the one place that knows all rooms and joins them."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog
import uvloop
from fastapi import FastAPI

from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState
from edge.bms.facility import relay_of
from edge.bms.mqtt_client import MakeLink, MqttClient
from edge.bms_set_up import facility_settings, open_facility
from edge.certificate_files import certificate_files
from edge.chance import Chance, SystemChance
from edge.clock import Clock, SystemClock
from edge.config import Configuration
from edge.config.locate import locate
from edge.control.board import Board
from edge.control.bounds import Bounds
from edge.control.litter import Litter
from edge.control.loop import ControlLoop
from edge.control.needs import Needs
from edge.control.ports import StatusReport, Watchdog
from edge.control.vitals import Vitals
from edge.control.wiring_watch import WiringWatch, draws
from edge.domain.site import Site
from edge.metering.poller import Meters
from edge.metering.user_map import families_of
from edge.need_memory import NeedMemory
from edge.ocpp.station_files import StationFilesBeside
from edge.ocpp_set_up import ocpp_settings, open_server, own_link, station_urls
from edge.offline_set_up import WriteBy, open_offline
from edge.record_set_up import RecordTo, recorder
from edge.site_report import SiteReport
from edge.storage.lock import locked
from edge.storage.writer import Writer
from edge.system.certificates import CertificateWatch
from edge.system.notify import ServiceManager
from edge.system.paths import control_socket
from edge.system.terminal import watched_terminal
from edge.web.app import make_app
from edge.web.server import ApiServer, ListenTcp

log = structlog.get_logger(__name__)

NEEDS_FILE = "needs.json"  # in the storage's folder


class Daemon:
    """A running gateway: what it is made of, and what it shows of itself.

    ``chance`` and ``listen_tcp`` are the operating system's, ``write_by`` makes a thread, and ``mqtt_link`` dials by
    the system's sockets, unless given: a simulated world has its own. ``litter`` is of the whole process: who shares it
    with others leaves it away.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        socket: Path,
        clock: Clock,
        watchdog: Watchdog,
        record: RecordTo | None = None,
        chance: Chance | None = None,
        listen_tcp: ListenTcp | None = None,
        write_by: WriteBy = Writer,
        mqtt_link: MakeLink = MqttClient,
        litter: Litter | None = None,
    ) -> None:
        # Long, as it is a list: each part once, made of those above it.
        site = configuration.site
        chance = chance if chance is not None else SystemChance()
        self._clock = clock
        self._watchdog = watchdog
        self._recorder = recorder(record, site.id, clock) if record is not None else None
        self._board = Board(site, started_at=clock.monotonic())
        self.needs = Needs(self._board, clock)
        self._need_memory = NeedMemory(Path(configuration.storage.path) / NEEDS_FILE, self._board, clock)
        self._wiring = WiringWatch(site)
        self._watched: Sequence[EvseState] = ()  # the states that it was last shown
        proxy = ocpp_settings(configuration)
        folder = Path(configuration.storage.path)
        profiles = StationFilesBeside(folder / "profiles")
        dossiers = StationFilesBeside(folder / "stations")
        self._shelves = profiles, dossiers
        self._vitals = Vitals(watchdog, site.control.period_s)
        stand_ins = open_offline(configuration, clock=clock, sink=self._board, chance=chance, write_by=write_by)
        self._offline = stand_ins.offline
        self._ocpp = open_server(
            configuration,
            proxy,
            clock=clock,
            board=self._board,
            chance=chance,
            shelf=profiles,
            dossiers=dossiers,
            stand_ins=stand_ins.clerk,
        )
        self._relay = relay_of(facility_settings(configuration))
        self._facility = open_facility(
            configuration, clock=clock, chance=chance, board=self._board, relay=self._relay, mqtt_link=mqtt_link
        )
        self._bounds = Bounds(self._ocpp.site_limits)
        self._own = own_link(
            configuration, cloud_tls=proxy.cloud_tls, board=self._board, shelf=profiles, clock=clock, chance=chance
        )
        self._meters = _meters(site, clock, self._board)
        self._loop = ControlLoop(
            board=self._board,
            meters=self._meters,
            limits=self._ocpp,
            clock=clock,
            vitals=self._vitals,
            publish=self._publish,
            litter=litter,
        )
        self._certificates = CertificateWatch(certificate_files(configuration), clock, lambda: self._ocpp.tls.shown)
        self._litter = litter
        self._report = SiteReport(
            board=self._board,
            clock=clock,
            vitals=self._vitals,
            ocpp=self._ocpp,
            stand_ins=stand_ins,
            facility=self._facility,
            certificates=self._certificates,
            station_urls=station_urls(proxy),
            has_cloud=configuration.ocpp.has_cloud,
        )
        self._api = ApiServer(self._make_app(), listen=configuration.api.listen, socket=socket, listen_tcp=listen_tcp)

    def status(self) -> StatusReport:
        """The site as the last tick saw it, and the process as it is."""
        return self._report.whole()

    def site_report(self) -> StatusReport:
        """What of :meth:`status` the last tick says of the site: cheap, as its parts are made when they are read."""
        return self._report.of_tick()

    def healthy(self) -> bool:
        """Whether the control loop completed a tick lately."""
        return self._vitals.alive(self._clock.monotonic())

    def reload(self) -> None:
        """Take over certificate files that have changed."""
        self._ocpp.refresh_certificates()
        self._certificates.look()

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, control until ``stop`` is set or a part fails, and end in order.

        :raises StartError: an address is in use, a folder can't be written.
        """
        async with contextlib.AsyncExitStack() as stack:
            # Ended in the reverse order: the API shows the end of the rest, and stations see their link close first.
            if self._recorder is not None:
                await stack.enter_async_context(_running(self._recorder.start, self._recorder.stop))
            await stack.enter_async_context(_running(self._certificates.start, self._certificates.stop))
            await stack.enter_async_context(_running(self._api.start, self._api.stop))
            stack.push_async_callback(self._meters.close)
            if self._relay is not None:
                stack.callback(self._relay.close)
            await stack.enter_async_context(_running(self._facility.start, self._facility.stop))
            if self._offline is not None:
                await stack.enter_async_context(_running(self._offline.start, self._offline.stop))
            self._need_memory.start()
            stack.push_async_callback(self._need_memory.stop)
            for shelf in self._shelves:
                stack.push_async_callback(shelf.settled)
            await stack.enter_async_context(_running(self._ocpp.start, self._ocpp.stop))
            if self._own is not None:
                await stack.enter_async_context(_running(self._own.start, self._own.stop))
            control = asyncio.create_task(self._loop.run(), name="control loop")
            stopped = asyncio.create_task(stop.wait(), name="stop signal")
            if self._litter is not None:
                self._litter.begin()
                stack.callback(self._litter.end)
            log.info("started", site=self._board.site.id, mode=self._board.site.control.mode.value)
            try:
                await asyncio.wait([control, stopped], return_when=asyncio.FIRST_COMPLETED)
                self._watchdog.stopping()
                if control.done():
                    try:
                        control.result()
                    except Exception:
                        # Ends the program: the service manager starts it anew, the chargers step down meanwhile.
                        log.exception("the control loop ended in a fault of this program")
                        raise
            finally:
                for task in (control, stopped):
                    task.cancel()
                await asyncio.gather(control, stopped, return_exceptions=True)
        log.info("stopped", ticks=self._vitals.pulse.ticks)

    def _make_app(self) -> FastAPI:
        board, clock = self._board, self._clock
        return make_app(
            status=self.status,
            healthy=self.healthy,
            needs=self.needs,
            trace=self._ocpp.trace,
            identify=self._ocpp.identify,
            try_out=lambda key, limit_a, for_s: board.trials.begin(key, limit_a, now=clock.monotonic(), for_s=for_s),
            collectors=[self._ocpp.figures],
        )

    def _publish(self, snapshot: Snapshot, decision: Decision) -> None:
        self._report.take(snapshot, decision)
        self._watch_wiring(snapshot)
        self._bounds.tell(snapshot, decision)
        if self._offline is not None:
            self._offline.meters_read(
                {
                    name: record.reading.import_wh if record.reading is not None else None
                    for name, record in self._board.meters.items()
                }
            )
        # After the tick, so that it takes none of the tick's time, and a fault there is none of the control loop's.
        asyncio.get_running_loop().call_soon(self._need_memory.look)
        if self._facility.attentive:
            asyncio.get_running_loop().call_soon(self._tell_building)
        if self._recorder is not None:
            self._recorder.record(decision)

    def _watch_wiring(self, snapshot: Snapshot) -> None:
        meters, before = self._board.meters, self._watched
        self._watched = snapshot.evses
        self._wiring.observe(
            {name: record.reading for name, record in meters.items() if record.reading is not None},
            draws(snapshot.evses, before),
        )
        for name, record in meters.items():
            record.wiring = self._wiring.findings(name) + self._board.submeters.findings(name)

    def _tell_building(self) -> None:
        self._facility.publish(self._report.of_tick())


def _meters(site: Site, clock: Clock, board: Board) -> Meters:
    return Meters(
        meters=site.meters,
        families=families_of(site.meters, locate=locate),
        clock=clock,
        sink=board,
        ratings={each.meter: each.fuse_a for each in site.circuits if each.meter is not None},
        guarded={each.meter: site.phases_below(each.id) for each in site.circuits if each.meter is not None},
    )


@contextlib.asynccontextmanager
async def _running(
    start: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    await start()
    try:
        yield
    finally:
        await stop()


def run(
    configuration: Configuration,
    *,
    socket_path: Path | None = None,
    record: RecordTo | None = None,
    lock: int | None = None,
) -> None:
    """Run the gateway until SIGTERM or SIGINT. ``lock`` is that of its storage folder, if whoever started it holds it.

    :raises StartError: it can't start.
    """
    for note in configuration.notes:
        log.warning("site file", note=note.sentence(configuration.path))
    with locked(Path(configuration.storage.path), lent=lock):
        uvloop.run(_run(configuration, socket_path, record))
    gc.freeze()  # or the interpreter would walk through all that there was, which takes longer than the rest of a stop


async def _run(configuration: Configuration, socket_path: Path | None, record: RecordTo | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    is_gone = watched_terminal()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    litter = Litter(gc)
    litter.build()
    daemon = Daemon(
        configuration,
        socket=socket_path if socket_path is not None else control_socket(),
        clock=SystemClock(),
        watchdog=ServiceManager(),
        record=record,
        litter=litter,
    )
    # Of a terminal that is gone it means what it means for all programs: unseen it would hold ports and folder.
    loop.add_signal_handler(signal.SIGHUP, lambda: stop.set() if is_gone() else daemon.reload())
    await daemon.run(stop)
