"""``edge meter scan``: which meters are on a serial line, or on a network."""

import asyncio
import ipaddress
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from edge.cli.roomy import RoomyTable, on_stdout
from edge.clock import SystemClock
from edge.domain.connection import BAUDRATES, PARITIES, Connection, SerialSettings, Transport
from edge.errors import MeterUnreachable
from edge.metering.bus import open_bus
from edge.metering.catalogue import FAMILIES
from edge.metering.scan import (
    PATIENT_S,
    PROBE_S,
    SUNSPEC_UNITS,
    USUAL_SETTINGS,
    Found,
    Identifier,
    answers,
    serial_lines,
    unit_ids,
    units,
    written,
)

FAILED = 1
MOST_HOSTS = 1024  # a /22: more is not a site's network, and takes minutes
AT_ONCE = 32  # hosts asked side by side
_NOBODY = {
    True: "no meter answers; check the wiring (A and B swapped?), the speed, the parity and the unit ids",
    False: "no meter answers; check addresses, port and unit ids, and that Modbus TCP is switched on in the meter",
}
_NOISE = "two devices with one unit id, another speed or parity, another master, or a cable without its ends"
_ON_A_LINE = "1-16"  # installers count from 1; --units asks further


def scan(
    serial: Annotated[
        Path | None,
        typer.Option(
            "--serial",
            metavar="PORT",
            help="A port, best as /dev/serial/by-id/...",
            show_default=False,
            readable=False,
        ),
    ] = None,
    baudrate: Annotated[
        int | None, typer.Option("--baudrate", help="Only this speed; else the usual ones.", show_default=False)
    ] = None,
    parity: Annotated[
        str | None, typer.Option("--parity", help="N, E or O; with --baudrate.", show_default=False)
    ] = None,
    network: Annotated[
        str | None,
        typer.Option("--network", metavar="SUBNET", help="For example 192.168.1.0/24.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The TCP port on the network.")] = 502,
    unit_text: Annotated[
        str | None, typer.Option("--units", metavar="IDS", help="Unit ids, as 1-16,71.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Look for meters; only reads. Exit code 1 when there is none."""
    if (serial is None) == (network is None):
        raise typer.BadParameter("give either --serial with a port, or --network with a subnet")
    if serial is not None:
        ids = _units(unit_text or _ON_A_LINE)
        lines = list(serial_lines(str(serial), _settings(baudrate, parity)))
    else:
        ids = _units(unit_text) if unit_text else unit_ids(FAMILIES.values())
        lines = [Connection(transport=Transport.TCP, host=host, port=port) for host in hosts(network or "")]
    console, noisy = Console(stderr=True), set[str]()
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        found = asyncio.run(scan_lines(lines, ids, progress, side_by_side=serial is None, noisy=noisy))
    _show(found, as_json=as_json)
    if not found:
        for line in sorted(noisy):
            typer.echo(f"something is heard at {line} that is no answer: {_NOISE}", err=True)
        if not as_json:
            typer.echo(_NOBODY[serial is not None])
        raise typer.Exit(FAILED)


async def scan_lines(
    lines: Sequence[Connection],
    ids: Sequence[int],
    progress: Progress,
    *,
    side_by_side: bool,
    noisy: set[str] | None = None,
) -> list[Found]:
    """What is found. ``noisy`` is given the lines on which something was heard that is no answer."""
    task = progress.add_task("looking for meters", total=len(lines) * len(ids))
    places = asyncio.Semaphore(AT_ONCE if side_by_side else 1)

    left, noise = list(ids), noisy if noisy is not None else set()

    async def one(line: Connection) -> list[Found]:
        async with places:
            found = await _line(line, left if not side_by_side else ids, lambda: progress.advance(task), noise.add)
            if not found and line.transport is Transport.TCP:  # a serial server that passes bytes through, perhaps
                found = await _line(replace(line, transport=Transport.RTU_TCP), ids, lambda: None, noise.add)
        for each in found if not side_by_side else ():
            left.remove(each.unit)  # a device on a serial line is set one way
        return found

    results = await asyncio.gather(*(one(line) for line in lines), return_exceptions=True)
    failures = [each for each in results if isinstance(each, BaseException)]
    other = next((each for each in failures if not isinstance(each, MeterUnreachable)), None)
    if other is not None or (failures and len(failures) == len(lines) and not side_by_side):
        raise other or failures[0]  # a port that can't be opened at all; on a network most places are empty
    return [found for each in results if not isinstance(each, BaseException) for found in each]


async def _line(
    line: Connection, ids: Sequence[int], step: Callable[[], None], noisy: Callable[[str], None]
) -> list[Found]:
    """The devices on one line. A host that can be reached and is silent at every id is asked again, patiently.

    :raises MeterUnreachable: it can't be opened.
    """
    bus = open_bus(line, SystemClock())
    try:
        present = []
        for unit in tuple(ids):
            hops = line.transport is Transport.TCP and unit in SUNSPEC_UNITS  # an inverter asks its meter first
            answer_s = PATIENT_S if hops else PROBE_S
            if await answers(bus, unit, answer_s=answer_s, on_noise=partial(noisy, written(line))):
                present.append(unit)
            step()
        if not present and line.transport is Transport.TCP:
            present = [unit for unit in ids if await answers(bus, unit, answer_s=PATIENT_S)]
        return [
            Found(connection=written(line), unit=unit, guesses=await Identifier(bus, unit).guesses(FAMILIES))
            for unit in present
        ]
    finally:
        await bus.close()


def _show(found: Sequence[Found], *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps([asdict(each) for each in found]))
        return
    if not found:
        return
    rows = []
    for each in found:
        models = [(guess.family, guess.evidence.value) for guess in each.guesses] or [("?", "no family fits")]
        rows += [(each.connection, str(each.unit), model, why) for model, why in models]
    table = RoomyTable(
        title="Meters found",
        headings=("connection", "unit", "model", "why"),
        rows=[[Text(cell) for cell in row] for row in rows],
    )
    on_stdout().print(table)


def _units(text: str) -> tuple[int, ...]:
    try:
        return units(text)
    except ValueError as exc:
        raise typer.BadParameter(f"--units {exc}") from None


def _settings(baudrate: int | None, parity: str | None) -> Sequence[SerialSettings]:
    if baudrate is None:
        if parity is not None:
            raise typer.BadParameter("--parity needs --baudrate")
        return USUAL_SETTINGS
    if baudrate not in BAUDRATES:
        raise typer.BadParameter(f"--baudrate is none of {', '.join(map(str, BAUDRATES))}")
    if parity is not None and parity.upper() not in PARITIES:
        raise typer.BadParameter(f"--parity is none of {', '.join(PARITIES)}")
    return [SerialSettings(baudrate=baudrate, parity=each) for each in ([parity.upper()] if parity else ("N", "E"))]


def hosts(text: str) -> Iterator[str]:
    try:
        subnet = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise typer.BadParameter(f"--network '{text}' is no subnet; give one as 192.168.1.0/24") from None
    if subnet.num_addresses > MOST_HOSTS:
        raise typer.BadParameter(f"--network {text} has more than {MOST_HOSTS} addresses; give a smaller part of it")
    for host in subnet.hosts():
        yield str(host)
