"""``edge status``: what the running controller sees, allows and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edge.cli.control_socket import report
from edge.cli.evse_table import EvseTable
from edge.cli.places import SocketPath
from edge.cli.roomy import on_stdout
from edge.cli.trace import waits_for
from edge.errors import ProblemUnusable
from edge.units import PHASES
from edge.web import words
from edge.web.words import Level, Report, Said

_STYLES: Final[Mapping[Level, str]] = {
    Level.PLAIN: "",
    Level.GOOD: "green",
    Level.LOOK: "yellow",
    Level.BAD: "red",
    Level.OLD: "dim",
}
# What few EVSEs have has its column only where one has it.
_AT_TIMES: Final[Mapping[str, Callable[[Report], Said | None]]] = {"uses": words.fewer_phases, "needs": words.need_of}


def status(
    stations: Annotated[
        list[str] | None, typer.Argument(metavar="STATION", help="Only these, and why one isn't there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    socket: SocketPath = None,
) -> None:
    """Show circuits, stations, limits and their reasons. As the running controller has them."""
    told = report(socket)
    if stations:
        told = only(told, stations)
    if as_json:
        typer.echo(orjson.dumps(told))
        return
    console = on_stdout()
    for part in _picture(told):
        console.print(part)
    for name in stations or ():
        if any(each["id"] == name and not each["connected"] for each in told["stations"]):
            console.print(_shown(Said(waits_for(told, name) or "", Level.LOOK)))


def only(report: Report, names: Sequence[str]) -> dict[str, Any]:
    """The report of these stations alone, with all that isn't a station's; those that wait to be adopted included.

    :raises ProblemUnusable: there is no such station.
    """
    there = {each["id"] for table in ("stations", "waiting_stations") for each in report.get(table, ())}
    for name in names:
        if name not in there:
            raise ProblemUnusable(
                f"there is no station '{name}'", remedy="edge status alone shows those that there are"
            )
    keys = {"stations": "id", "waiting_stations": "id", "cards_shown": "station"}
    return {**report} | {
        table: [each for each in report.get(table, ()) if each[key] in names] for table, key in keys.items()
    }


def _picture(report: Report) -> Iterator[RenderableType]:
    yield _shown(words.headline(report))
    yield _circuits(report.get("circuits", ()))
    yield from map(_shown, words.on_control(report))
    commands = report.get("mode") != words.OBSERVES
    yield _stations(report.get("stations", ()), commands=commands, has_cloud=report.get("has_cloud", True))
    yield from map(_shown, words.on_the_rest(report))


def _circuits(circuits: Sequence[Report]) -> Table:
    table = Table(title="Circuits: current / rating in A", title_justify="left", expand=False)
    remarks = [Text("\n").join(map(_shown, words.remarks(circuit))) for circuit in circuits]
    for heading in ("circuit", "fed by", *PHASES, *(["remark"] if any(remarks) else [])):
        table.add_column(heading)
    for circuit, remark in zip(circuits, remarks, strict=True):
        names = (Said(circuit["id"]), Said(circuit["parent"]) if circuit["parent"] else words.NONE)
        cells = [_shown(each) for each in (*names, *(load.said for load in words.loads(circuit)))]
        table.add_row(*cells, *([remark] if any(remarks) else []))
    return table


def _stations(stations: Sequence[Report], *, commands: bool, has_cloud: bool) -> EvseTable:
    title = "Stations" if commands else "Stations: nothing is commanded, the limits are what they would be"
    limit = "limit A" if commands else "would be A"
    evses = [(station, evse) for station in stations for evse in station["evses"]]
    at_times = {heading: of for heading, of in _AT_TIMES.items() if any(of(evse) for _, evse in evses)}
    cloud = ("cloud",) if has_cloud else ()
    rows = [
        [
            _shown(Said(station["id"])),
            _shown(Said(str(evse["id"]))),
            _shown(words.link(station["connected"])),
            *(_shown(words.link(station["cloud_connected"])) for _ in cloud),
            _shown(Said(evse["status"])),
            _shown(words.limit_of(evse) or words.NONE),
            _shown(words.draw_of(evse) or words.NONE),
            *(_shown(of(evse) or words.NONE) for of in at_times.values()),
        ]
        for station, evse in evses
    ]
    return EvseTable(
        title=title,
        headings=("station", "EVSE", "link", *cloud, "status", limit, "draw A", *at_times),
        rows=rows,
        reasons=[_shown(Said(evse["text"])) for _, evse in evses],
    )


def _shown(said: Said) -> Text:
    """Plain text: what a station calls itself must neither steer the terminal nor be read as markup."""
    return Text(words.printable(said.text), style=_STYLES[said.level])
