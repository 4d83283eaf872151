"""The probes of ``edge setup`` on the real thing: meters, stations, the cloud, a broker, the proof of the file."""

import asyncio
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from rich.console import Console
from rich.progress import Progress

from edge.cli.control_socket import ask as ask_controller
from edge.cli.findings import read
from edge.cli.meter_choice import Choice
from edge.cli.meter_read import sampled
from edge.cli.meter_scan import hosts, scan_lines
from edge.cli.terminal import Loop
from edge.clock import SystemClock
from edge.config.addresses import host_port
from edge.config.write import fresh, updated
from edge.control.ports import FactSink
from edge.domain.connection import Connection, Transport
from edge.domain.reading import MeterReading
from edge.domain.site import Circuit, ControlSettings, Meter, Mode, Site
from edge.errors import ConfigurationError, EdgeError, Severity, SiteFileUnwritable, StartError
from edge.metering.catalogue import FAMILIES
from edge.metering.scan import serial_lines, unit_ids, units
from edge.ocpp.keys import hashed, new_key
from edge.ocpp.revival import Revival
from edge.ocpp.server import OcppServer
from edge.ocpp.settings import Listener, OcppSettings, TlsFiles
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import client_contexts
from edge.ocpp.upstream import Upstream, address, system_jitter
from edge.ocpp.versions import Version
from edge.setup.steps import (
    Failure,
    FindMeters,
    Identify,
    LookForStations,
    MeterFound,
    NewKey,
    Prove,
    ReadMeter,
    Refused,
    Seen,
    StationSeen,
    Step,
    TryBroker,
    TryCloud,
)
from edge.system.network import mac_of
from edge.system.paths import control_sockets_found
from edge.units import PhaseAmps, Seconds

SAMPLE_EVERY_S: Seconds = 0.4
SAMPLES = 3
LOOK_S: Seconds = 8.0  # stations try again every few seconds
SETTLE_S: Seconds = 1.0  # from the first that comes: its description follows, and others with it
BROKER_S: Seconds = 3.0
UNAUTHORIZED = 401  # a cloud that asks for the station's own key is there
NOBODY = "edge-setup"  # dials the cloud while no station is known
_MODBUS_PORT = 502


class _Nowhere(FactSink):
    """Who only listens for stations keeps no facts."""

    def take(self, fact: object) -> None:
        """Nothing."""


class Probes:
    """Answers the interview's probes. ``file``: the text of the site file that is to be changed; None of a new one."""

    def __init__(self, loop: Loop, *, file: str | None, folder: Path) -> None:
        self._loop = loop
        self._file = file
        self._folder = folder
        self._ear: OcppServer | None = None

    def answer(self, step: Step) -> Any:
        """What the probe gives; :class:`Failure` for whatever it runs into."""
        try:
            return self._answer(step)
        except EdgeError as exc:
            return Failure(problem=str(exc).splitlines()[0])
        except OSError as exc:
            return Failure(problem=exc.strerror or str(exc) or type(exc).__name__)

    def close(self) -> None:
        """Stop listening."""
        if self._ear is not None:
            self._loop.run(self._ear.stop())
            self._ear = None

    def text(self, document: Mapping[str, Any]) -> str:
        """The site file with these tables.

        :raises SiteFileUnwritable: the file that is there can't be changed so.
        """
        return fresh(document) if self._file is None else updated(self._file, document)

    def _answer(self, step: Step) -> Any:
        match step:
            case FindMeters():
                return self._loop.run(_found(step.where))
            case ReadMeter():
                return self._loop.run(_read(step))
            case LookForStations():
                return self._loop.run(self._look(step.listen))
            case Identify():
                return self._loop.run(self._identify(step.station))
            case NewKey():
                key = new_key()
                return key.hex().upper(), hashed(key)
            case TryCloud():
                return self._loop.run(_dial(step))
            case TryBroker():
                parts = urlsplit(step.broker)
                port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
                socket.create_connection((parts.hostname or "", port), BROKER_S).close()
                return None
            case Prove():
                return self._prove(step.document)
            case _:
                raise TypeError(f"no probe: {step}")

    def _prove(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        try:
            text = self.text(document)
        except SiteFileUnwritable as exc:
            return (str(exc),)
        # Beside the file itself, so that the paths in it mean the same.
        with tempfile.NamedTemporaryFile("w", suffix=".toml", dir=self._folder, encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            try:
                read(Path(stream.name))
            except ConfigurationError as exc:
                return tuple(
                    f"{each.key}: {each.problem}; {each.remedy}"
                    for each in exc.findings
                    if each.severity is Severity.ERROR
                )
        return ()

    async def _look(self, listen: str) -> Seen:
        if self._ear is None:
            ear = _ear(listen)
            try:
                await ear.start()
            except StartError as exc:
                return _told_by_controller(exc)
            self._ear = ear
        before = len(self._ear.waiting)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + LOOK_S
        while loop.time() < give_up and len(self._ear.waiting) == before:  # noqa: ASYNC110 - the room tells nobody
            await asyncio.sleep(0.1)
        if self._ear.waiting:
            await asyncio.sleep(SETTLE_S)
        return Seen(
            stations=tuple(
                StationSeen(
                    identity=each.identity,
                    address=each.address,
                    vendor=each.vendor,
                    model=each.model,
                    serial=each.serial,
                    mac=mac_of(each.address),
                    firmware=each.firmware,
                    version=each.speaks,
                )
                for each in self._ear.waiting
            ),
            refused=tuple(
                Refused(station=each.station, address=each.address, why=each.why) for each in self._ear.turned_away
            ),
        )

    async def _identify(self, station: str) -> str | Failure:
        if self._ear is None:
            answer = ask_controller(control_sockets_found(), "POST", f"/api/v1/waiting/{station}/identify")
            told = orjson.loads(answer.body)
            return f"identify.{told['how']}" if "how" in told else Failure(problem=str(told.get("error", "?")))
        how = await self._ear.identify(station)
        return f"identify.{how}" if how in ("blink", "lock") else Failure(problem=how)


def _ear(listen: str) -> OcppServer:
    """A proxy that knows no station: all wait."""
    where = host_port(listen)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # the interview shows what matters
    return OcppServer(
        site=Site(
            id="setup",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(mode=Mode.OBSERVE),
            circuits=(Circuit(id="main", parent=None, fuse_a=1.0),),
            meters=(),
            stations=(),
        ),
        settings=OcppSettings(
            plain_listen=Listener(host=where.host, port=where.port), upstream="ws://127.0.0.1:9/{station}"
        ),
        clock=SystemClock(),
        sink=_Nowhere(),
    )


def _told_by_controller(exc: StartError) -> Seen:
    """Somebody listens there already: if it is the gateway itself, it knows who waits.

    :raises StartError: it isn't.
    """
    try:
        answer = ask_controller(control_sockets_found(), "GET", "/api/v1/status")
        told = orjson.loads(answer.body)
    except (EdgeError, ValueError):
        raise exc from None
    return Seen(
        stations=tuple(
            StationSeen(
                identity=each["id"],
                address=each["address"] or "",
                vendor=each["vendor"],
                model=each["model"],
                serial=each["serial"],
                mac=each.get("mac"),
                firmware=each.get("firmware"),
                version=each.get("speaks"),
            )
            for each in told["waiting_stations"]
        ),
        refused=tuple(
            Refused(station=each["station"], address=each["address"], why=each["why"])
            for each in told.get("refused_handshakes", ())
        ),
    )


async def _found(where: str) -> tuple[MeterFound, ...]:
    if where.startswith("/"):
        lines = list(serial_lines(where))
        ids = units("1-16")
    else:
        lines = [Connection(transport=Transport.TCP, host=host, port=port) for host, port in _places(where)]
        ids = unit_ids(FAMILIES.values())
    with Progress(console=Console(stderr=True), transient=True, disable=True) as progress:
        found = await scan_lines(lines, ids, progress, side_by_side=not where.startswith("/"))
    return tuple(
        MeterFound(connection=each.connection, unit=each.unit, model=guess.family)
        for each in found
        for guess in each.guesses
    )


def _places(where: str) -> list[tuple[str, int]]:
    """``host:port``, ``host``, or each address of a subnet.

    :raises EdgeError: it is none of them.
    """
    try:
        if "/" in where:
            return [(host, _MODBUS_PORT) for host in hosts(where)]
        place = host_port(where if ":" in where else f"{where}:{_MODBUS_PORT}")
    except Exception as exc:  # what a subnet's parser says is typer's own
        raise EdgeError(f"'{where[:60]}' is neither an address nor a network") from exc
    return [(place.host, place.port)]


async def _read(step: ReadMeter) -> PhaseAmps | Failure | None:
    meter = Meter(id="meter", model=step.model, connection=step.connection, unit=step.unit)
    choice = Choice(meters=(meter,), families=FAMILIES, ratings={})
    facts = await sampled(choice, SAMPLES, SAMPLE_EVERY_S, lambda _: None)
    fact = facts.get("meter")
    if isinstance(fact, MeterReading):
        return fact.current_a
    return Failure(problem=fact.problem if fact is not None else "it has told nothing")


async def _dial(step: TryCloud) -> Failure | None:
    tls = client_contexts(TlsFiles()) if step.upstream.startswith("wss:") else None
    upstream = Upstream(
        uri=address(step.upstream, step.station or NOBODY),
        tls=tls,
        versions=tuple(Version),
        headers={},
        redial=False,
        clock=SystemClock(),
        timings=LinkTimings(),
        jitter=system_jitter(),
        revival=Revival(),
        log=structlog.get_logger(__name__),
    )
    problem = await upstream.open()
    await upstream.close()
    if problem is None or problem.status == UNAUTHORIZED or (problem.status is not None and step.station is None):
        return None
    return Failure(problem=problem.what)
