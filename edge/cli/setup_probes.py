"""The probes of ``edge setup`` on the real thing: meters, stations, the cloud, a broker, the proof of the file."""

import asyncio
import errno
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from rich.console import Console
from rich.progress import Progress

from edge.bms.mqtt_client import log_in
from edge.chance import SystemChance
from edge.cli.findings import of_draft, read_draft
from edge.cli.meter_choice import Choice
from edge.cli.meter_read import sampled
from edge.cli.meter_scan import hosts, scan_lines
from edge.cli.setup_causes import cause
from edge.cli.setup_ear import Ear
from edge.cli.terminal import Loop
from edge.clock import SystemClock
from edge.config.addresses import host_port
from edge.config.write import fresh, updated
from edge.domain.connection import Connection, Transport
from edge.domain.reading import MeterReading
from edge.domain.site import BrokerAccess, Meter
from edge.domain.topic import TopicValue, parse_json_path
from edge.errors import ConfigurationError, EdgeError, SiteFileUnwritable
from edge.metering.catalogue import FAMILIES
from edge.metering.scan import serial_lines, unit_ids, units
from edge.ocpp.keys import hashed, new_key
from edge.ocpp.revival import Revival
from edge.ocpp.settings import TlsFiles
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import client_contexts
from edge.ocpp.upstream import Upstream, address
from edge.ocpp.versions import Version
from edge.setup.checks import MODBUS_PORT
from edge.setup.steps import (
    Failure,
    FindMeters,
    FindPorts,
    Identify,
    LookForStations,
    MeterFound,
    NewKey,
    Proof,
    Prove,
    ReadMeter,
    Step,
    TryBroker,
    TryCloud,
    TryListen,
)
from edge.system.serial_ports import serial_ports
from edge.units import PHASES, PhaseAmps, Seconds

SAMPLE_EVERY_S: Seconds = 0.4
SAMPLES = 3
REACH_S: Seconds = 3.0
UNAUTHORIZED = 401  # a cloud that asks for the station's own key is there
NOBODY = "edge-setup"  # dials the cloud while no station is known


class Probes:
    """Answers the interview's probes. ``config`` is where the site file is to be; ``file``: the text of the one that is
    there and to be changed, None of a new one.
    """

    def __init__(self, loop: Loop, *, file: str | None, config: Path) -> None:
        self._loop = loop
        self._file = file
        self._config = config
        self._ear = Ear()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # the interview shows what matters

    def answer(self, step: Step) -> Any:
        """What the probe gives; :class:`Failure` for whatever it runs into.

        :raises SiteFileUnwritable: nothing can be written where the site file is to be, whatever is answered.
        """
        try:
            return self._answer(step)
        except SiteFileUnwritable:
            raise
        except EdgeError as exc:
            return Failure(problem=str(exc).splitlines()[0])
        except OSError as exc:
            return Failure(problem=cause(exc))

    def close(self) -> None:
        """Stop listening."""
        self._loop.run(self._ear.close())

    def text(self, document: Mapping[str, Any]) -> str:
        """The site file with these tables.

        :raises SiteFileUnwritable: the file that is there can't be changed so.
        """
        # The package brings an empty file.
        if self._file is None or not self._file.strip():
            return fresh(document)
        return updated(self._file, document)

    def _answer(self, step: Step) -> Any:
        match step:
            case FindPorts():
                return serial_ports()
            case FindMeters():
                return self._loop.run(_found(step.where))
            case ReadMeter():
                return self._loop.run(_read(step))
            case LookForStations():
                return self._loop.run(self._ear.look(step.listen))
            case Identify():
                return self._loop.run(self._ear.identify(step.station))
            case NewKey():
                key = new_key()
                return key.hex().upper(), hashed(key)
            case TryCloud():
                return self._loop.run(_dial(step))
            case TryBroker():
                return self._log_in(step)
            case TryListen():
                return _listens(step.listen)
            case Prove():
                return self._prove(step.document)
            case _:
                raise TypeError(f"no probe: {step}")

    def _log_in(self, step: TryBroker) -> None:
        """:raises EdgeError, OSError: the broker isn't there, or doesn't let us in."""
        parts = urlsplit(step.broker)
        host, is_tls = parts.hostname or "", parts.scheme == "mqtts"
        port = parts.port or (8883 if is_tls else 1883)
        _reach(host, port)
        if not is_tls:  # whom TLS may trust is in files that setup doesn't ask for
            self._loop.run(log_in(host, port, username=step.username, password=step.password))

    def _prove(self, document: Mapping[str, Any]) -> Proof:
        try:
            text = self.text(document)
        except SiteFileUnwritable as exc:
            return Proof(findings=(str(exc),))
        try:
            sound = read_draft(text, self._config)
        except ConfigurationError as exc:
            return Proof(findings=tuple(map(of_draft, exc.errors)))
        return Proof(notes=tuple(map(of_draft, sound.notes)))


def _listens(listen: str) -> None:
    """:raises OSError: this machine can't; that somebody does already is no fault, as it is the gateway itself."""
    place = host_port(listen)
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        try:
            door.bind((place.host, place.port))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise


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
            return [(host, MODBUS_PORT) for host in hosts(where)]
        place = host_port(where)
    except Exception as exc:  # what a subnet's parser says is typer's own
        raise EdgeError(f"'{where[:60]}' is neither an address nor a network") from exc
    try:
        socket.getaddrinfo(place.host, place.port)
    except OSError as exc:
        raise EdgeError(f"nobody here knows the name '{place.host[:60]}'; give its address") from exc
    return [(place.host, place.port)]


async def _read(step: ReadMeter) -> PhaseAmps | Failure | None:
    try:
        places = tuple(
            TopicValue(quantity=each["quantity"], path=parse_json_path(each["path"]), scale=float(each.get("scale", 1)))
            for each in step.values
        )
    except (KeyError, TypeError, ValueError, AttributeError):  # of a site file that isn't sound
        return Failure(problem="a [[meter.value]] can't be read; edge check names it")
    meter = Meter(
        id="meter",
        model=step.model,
        connection=step.connection,
        unit=step.unit,
        values=places,
        access=BrokerAccess(username=step.username, password=step.password),
    )
    # A place that is mistyped is told, and not shown as a phase without current.
    told = frozenset(phase for phase in PHASES if any(f"_{phase.lower()}_" in each.quantity for each in places))
    choice = Choice(meters=(meter,), families=FAMILIES, ratings={}, guarded={meter.id: told})
    fact = (await sampled(choice, SAMPLES, SAMPLE_EVERY_S, lambda _: None))["meter"]
    if isinstance(fact, MeterReading):
        return fact.current_a
    return Failure(problem=fact.problem)


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
        jitter=SystemChance().fraction,
        revival=Revival(),
        log=structlog.get_logger(__name__),
    )
    problem = await upstream.open()
    await upstream.close()
    if problem is None or problem.status == UNAUTHORIZED or (problem.status is not None and step.station is None):
        return None
    if problem.status is None:
        parts = urlsplit(step.upstream)
        # Whether anybody is there at all: that is told in the set-up's language.
        await asyncio.to_thread(_reach, parts.hostname or "", parts.port or (443 if tls is not None else 80))
    return Failure(problem=problem.what)


def _reach(host: str, port: int) -> None:
    """:raises OSError: nobody takes a connection there."""
    socket.create_connection((host, port), REACH_S).close()
