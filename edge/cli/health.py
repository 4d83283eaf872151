"""``edge health``: is this release fit to be kept? Asked by the gate of an image with two slots, before and after."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from edge.cli.control_socket import report
from edge.cli.places import SocketPath
from edge.clock import SystemClock
from edge.errors import ControllerUnreachable, ProblemUnusable
from edge.system.attendance import Attendance, Probation

FAILED = 1
PAUSE_S = 1.0  # a tick: sooner there is nothing new to see
WITHIN_S = 600.0  # stations come back within minutes of a restart, the slowest after their own retry of five


def health(
    remember: Annotated[
        Path | None,
        typer.Option("--remember", metavar="FILE", help="Write down who is there now, and end.", readable=False),
    ] = None,
    for_s: Annotated[
        float, typer.Option("--for", metavar="SECONDS", help="With --remember: look for so long who is there.")
    ] = 0.0,
    as_in: Annotated[
        Path | None,
        typer.Option("--as-in", metavar="FILE", help="Wait until all are back that this file names.", readable=False),
    ] = None,
    within_s: Annotated[float, typer.Option("--within", metavar="SECONDS", help="Wait so long at most.")] = WITHIN_S,
    socket: SocketPath = None,
) -> None:
    """Say whether control ticks, with all that it needs. Meters fresh, stations back. Exit code 1 when not in time."""
    if (remember is None) == (as_in is None):
        raise ProblemUnusable("edge health needs a file", remedy="give one of --remember FILE and --as-in FILE")
    if remember is not None:
        remember.write_bytes(orjson.dumps(_seen(for_s, socket).to_json()) + b"\n")
        return
    assert as_in is not None  # noqa: S101 - one of both is given
    missing = _wait(Probation(_read(as_in)), within_s, socket)
    for each in missing:
        typer.echo(each)
    if missing:
        raise typer.Exit(FAILED)
    typer.echo("control ticks, and all who were there are back")


def _seen(for_s: float, socket: Path | None) -> Attendance:
    clock, pause = SystemClock(), threading.Event()
    until = clock.monotonic() + for_s
    seen = Attendance.of(_report(socket))
    while clock.monotonic() < until:
        pause.wait(PAUSE_S)
        seen |= Attendance.of(_report(socket))
    return seen


def _wait(probation: Probation, within_s: float, socket: Path | None) -> Sequence[str]:
    clock, pause = SystemClock(), threading.Event()
    until = clock.monotonic() + within_s
    while (missing := probation.missing(_report(socket))) and clock.monotonic() < until:
        pause.wait(PAUSE_S)
    return missing


def _report(socket: Path | None) -> Mapping[str, Any] | None:
    """The gateway's report; ``None`` while it gives none."""
    try:
        return report(socket)
    except ControllerUnreachable:
        return None


def _read(path: Path) -> Attendance:
    try:
        return Attendance.from_json(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ProblemUnusable(
            f"{path} can't be read as what edge health --remember wrote", remedy="write it while the gateway runs"
        ) from exc
