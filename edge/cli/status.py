"""``edge status``: what the running controller sees, allows and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import RenderableType
from rich.text import Text

from edge.cli.control_socket import report
from edge.cli.evse_table import EvseTable
from edge.cli.places import STATE_FOLDER, SocketPath, StatePath
from edge.cli.roomy import RoomyTable, on_stdout
from edge.cli.tongue import LanguageOption, speaker
from edge.errors import ProblemUnusable
from edge.language import Speaker, printable
from edge.units import PHASES
from edge.web import words
from edge.web.said import NONE, Level, Report, Said

_STYLES: Final[Mapping[Level, str]] = {
    Level.PLAIN: "",
    Level.GOOD: "green",
    Level.LOOK: "yellow",
    Level.BAD: "red",
    Level.OLD: "dim",
}
# What few EVSEs have has its column only where one has it.
_AT_TIMES: Final[Mapping[str, Callable[[Speaker, Report], Said | None]]] = {
    "heading.uses": words.fewer_phases,
    "heading.needs": words.need_of,
}


def status(
    stations: Annotated[
        list[str] | None, typer.Argument(metavar="STATION", help="Only these, and why one isn't there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    socket: SocketPath = None,
    language: LanguageOption = None,
    state: StatePath = STATE_FOLDER,
) -> None:
    """Show circuits, stations, limits and their reasons. As the running controller has them."""
    says = speaker(language, state)
    told = report(socket)
    if stations:
        told = only(told, stations)
    if as_json:
        typer.echo(orjson.dumps(told))
        return
    console = on_stdout()
    for part in _picture(says, told):
        console.print(part)
    for name in stations or ():
        if any(each["id"] == name and not each["connected"] for each in told["stations"]):
            console.print(_shown(Said(words.waits_for(says, told, name) or "", Level.LOOK)))


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


def _picture(says: Speaker, report: Report) -> Iterator[RenderableType]:
    yield _shown(words.headline(says, report))
    yield _circuits(says, report.get("circuits", ()))
    yield from map(_shown, words.on_control(says, report))
    commands = report.get("mode") != words.OBSERVES
    yield _stations(says, report.get("stations", ()), commands=commands, has_cloud=report.get("has_cloud", True))
    yield from map(_shown, words.on_the_rest(says, report))


def _circuits(says: Speaker, circuits: Sequence[Report]) -> RoomyTable:
    remarks = [Text("; ").join(map(_shown, words.remarks(says, circuit))) for circuit in circuits]
    named = (says.say("heading.circuit"), says.say("heading.fed_by"))
    rows = []
    for circuit, remark in zip(circuits, remarks, strict=True):
        names = (Said(circuit["id"]), Said(circuit["parent"]) if circuit["parent"] else NONE)
        cells = [_shown(each) for each in (*names, *(load.said for load in words.loads(says, circuit)))]
        rows.append([*cells, *([remark or _shown(NONE)] if any(remarks) else [])])
    return RoomyTable(
        title=says.say("page.circuits_a"),
        headings=(*named, *PHASES, *([says.say("heading.remark")] if any(remarks) else [])),
        rows=rows,
    )


def _stations(says: Speaker, stations: Sequence[Report], *, commands: bool, has_cloud: bool) -> EvseTable:
    evses = [(station, evse) for station in stations for evse in station["evses"]]
    at_times = {heading: of for heading, of in _AT_TIMES.items() if any(of(says, evse) for _, evse in evses)}
    cloud = ("heading.cloud",) if has_cloud else ()
    limit = "heading.limit" if commands else "heading.would_be"
    rows = [
        [
            _shown(Said(station["id"])),
            _shown(Said(str(evse["id"]))),
            _shown(words.link(says, is_up=station["connected"])),
            *(_shown(words.link(says, is_up=station["cloud_connected"])) for _ in cloud),
            _shown(words.status_of(says, evse)),
            _shown(words.limit_of(says, evse) or NONE),
            _shown(words.draw_of(says, evse) or NONE),
            *(_shown(of(says, evse) or NONE) for of in at_times.values()),
        ]
        for station, evse in evses
    ]
    named = ("heading.link", *cloud, "heading.status", limit, "heading.draw", *at_times)
    return EvseTable(
        title=says.say("page.stations" if commands else "page.stations_observed"),
        headings=(says.say("heading.station"), "EVSE", *map(says.say, named)),
        why=says.say("column.why"),
        rows=rows,
        reasons=[_shown(words.why_of(says, evse)) for _, evse in evses],
    )


def _shown(said: Said) -> Text:
    """Plain text: what a station calls itself must neither steer the terminal nor be read as markup."""
    return Text(printable(said.text), style=_STYLES[said.level])
