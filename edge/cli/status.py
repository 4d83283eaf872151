"""``edge status``: what the running controller sees, allows and why."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from edge.cli.control_socket import get
from edge.errors import ControllerUnreachable
from edge.system.paths import control_sockets_found
from edge.units import PHASES

RESOURCE = "/api/v1/status"
NEARLY_FULL = 0.9  # of the rating: shown in yellow from here on, in red above the rating
_WIDTH_WITHOUT_TERMINAL = 160  # columns: so that a sentence stays on its line in a file or a pipe
_NONE = "-"

Report = Mapping[str, Any]


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="PATH",
            help="The controller's control socket. Default: $EDGE_SOCKET, or the one in the run-time folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show circuits, stations and limits of the running controller."""
    body = get([socket] if socket is not None else control_sockets_found(), RESOURCE)
    try:
        report = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ControllerUnreachable("what answers on the control socket is no controller") from exc
    if as_json:
        typer.echo(body)
        return
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL, highlight=False, soft_wrap=False)
    for part in _picture(report):
        console.print(part)


def _picture(report: Report) -> Iterator[RenderableType]:
    control = report["control"]
    yield _text(
        f"{report['site']}: {control['state']}, mode {report.get('mode', 'unknown')}, "
        f"up {report['uptime_s']:.0f} s, {control.get('ticks', 0)} ticks ({control.get('missed_ticks', 0)} missed), "
        f"{report['local_time'][11:19]} at the site, version {report['version']}"
    )
    yield _circuits(report.get("circuits", ()))
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            yield _text(f"meter {meter['id']}: {meter['problem'] or 'no reading yet'}", "red")
        for doubt in (*meter.get("wiring", ()), *meter.get("doubts", ())):
            yield _text(f"meter {meter['id']}: {doubt}", "yellow")
    yield _stations(report.get("stations", ()))
    for station in report.get("waiting_stations", ()):
        described = " ".join(str(station[key]) for key in ("vendor", "model", "serial") if station[key])
        yield _text(
            f"waiting to be let in: {station['id']} from {station['address'] or 'unknown'} {described}", "yellow"
        )


def _circuits(circuits: Sequence[Report]) -> Table:
    table = Table(title="Circuits: current / rating in A", title_justify="left", expand=False)
    for heading in ("circuit", "fed by", *PHASES):
        table.add_column(heading)
    for circuit in circuits:
        cells = [_text(circuit["id"]), _text(circuit["parent"] or _NONE)]
        rating_a = circuit["rating_a"]
        # Where nothing is measured, the most that the chargers may draw is what is planned with.
        shown_a = circuit["measured_a"] or circuit["exposure_a"]
        sign = "" if circuit["measured_a"] else "≤ "
        cells += [_text(f"{sign}{amps:.1f} / {rating_a:g}", _load_style(amps, rating_a)) for amps in shown_a]
        table.add_row(*cells)
    return table


def _load_style(amps: float, rating_a: float) -> str:
    if amps > rating_a:
        return "red"
    return "yellow" if amps > NEARLY_FULL * rating_a else "green"


def _stations(stations: Sequence[Report]) -> Table:
    table = Table(title="Stations", title_justify="left", expand=False)
    for heading in ("station", "EVSE", "link", "cloud", "status", "limit A", "draw A", "why"):
        table.add_column(heading, overflow="fold")
    for station in stations:
        for evse in station["evses"]:
            limit_a, draw_a = evse["limit_a"], evse["draw_a"]
            table.add_row(
                _text(station["id"]),
                _text(str(evse["id"])),
                _text("up" if station["connected"] else "down", "green" if station["connected"] else "red"),
                _text("up" if station["cloud_connected"] else "down", "green" if station["cloud_connected"] else "red"),
                _text(evse["status"]),
                _text(f"{limit_a:.1f}" if limit_a is not None else _NONE),
                _text(" ".join(f"{amps:.1f}" for amps in draw_a) if draw_a is not None else _NONE),
                _text(evse["text"]),
            )
    return table


def _text(content: str, style: str = "") -> Text:
    """Plain text: what a station calls itself must neither steer the terminal nor be read as markup."""
    return Text("".join(character if character.isprintable() else "�" for character in content), style=style)
