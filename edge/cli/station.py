"""``edge station``: who is there, who waits, who was turned away; adopt a station, or let it show itself."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
from rich.text import Text

from edge.cli.amperes import amperes
from edge.cli.control_socket import ask, asked_at, in_path
from edge.cli.control_socket import report as of_controller
from edge.cli.findings import of_draft, read, read_draft
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, SocketPath
from edge.cli.roomy import RoomyTable, on_stdout
from edge.cli.tongue import LanguageOption, speaker
from edge.config.schema_station import MAX_EVSE_A
from edge.config.write import save, updated
from edge.errors import ConfigurationError, ProblemUnusable
from edge.language import Speaker
from edge.ocpp.keys import hashed, new_key
from edge.setup.checks import phases as phases_of

FAILED = 1
CONNECTED = "connected"
_NEEDS_KEY = (1, 2)  # security profiles
_amperes = amperes(0, MAX_EVSE_A)

StationId = Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)]


def list_stations(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    socket: SocketPath = None,
    language: LanguageOption = None,
) -> None:
    """Show the stations, and those that wait. The last refused handshakes, and the address to give to each, too."""
    says = speaker(language, STATE_FOLDER)
    report = of_controller(socket)
    urls = report.get("station_urls", [])
    told = {
        "stations": [
            {
                "id": each["id"],
                "state": CONNECTED if each["connected"] else "not connected",
                "url": _url(urls, each["id"]),
                "vendor": each["vendor"],
                "model": each["model"],
                "serial": each.get("serial"),
                "mac": each.get("mac"),
            }
            for each in report.get("stations", ())
        ],
        "waiting": [each | {"url": _url(urls, each["id"])} for each in report["waiting_stations"]],
        "refused": report.get("refused_handshakes", []),
    }
    if as_json:
        typer.echo(orjson.dumps(told))
        return
    console = on_stdout()
    known = [
        each | {"state": says.say("station.connected" if each["state"] == CONNECTED else "station.away")}
        for each in told["stations"]
    ]
    console.print(_table(says, "station.title", ("id", "state", "vendor", "model", "serial", "mac", "url"), known))
    if told["waiting"]:
        columns = ("id", "address", "vendor", "model", "serial", "mac", "firmware", "speaks")
        waiting = [each | {"address": _addresses(each)} for each in told["waiting"]]
        console.print(_table(says, "station.title.waiting", columns, waiting))
    if told["refused"]:
        turned_away = ("at", "station", "address", "why", "times")
        console.print(_table(says, "station.title.refused", turned_away, told["refused"]))


def adopt(
    station: StationId,
    circuit: Annotated[str, typer.Option(help="The circuit that feeds it.", show_default=False)],
    max_a: Annotated[
        float,
        typer.Option(metavar="AMPERES", parser=_amperes, help="Its rated current per phase.", show_default=False),
    ],
    fallback_a: Annotated[float, typer.Option(metavar="AMPERES", parser=_amperes, help="Its safe current.")] = 6.0,
    phases: Annotated[str, typer.Option(help="The grid phases on its own L1, L2, L3.")] = "L1 L2 L3",
    evses: Annotated[int, typer.Option(min=1, max=8, help="How many EVSEs it has.")] = 1,
    config: ConfigPath = SITE_FILE,
    language: LanguageOption = None,
) -> None:
    """Take a station into the site file. It is only changed if it stays sound."""
    try:
        order = phases_of(phases)
    except ValueError:
        raise typer.BadParameter(
            f"--phases '{phases}' isn't one to three phases, each once; give for example 'L2 L3 L1'"
        ) from None
    known = read(config)
    if any(each.id == station for each in known.stations):
        raise ProblemUnusable(f"{config} has station '{station}' already", remedy="change it there")
    table: dict[str, Any] = {"id": station, "circuit": circuit}
    key = new_key() if (known.ocpp.security_profile or 0) in _NEEDS_KEY else None
    if key is not None:
        table["key_hash"] = hashed(key)
    table["evse"] = [
        {"id": number, "phases": order, "max_a": max_a, "fallback_a": fallback_a} for number in range(1, evses + 1)
    ]
    text = updated(config.read_text(encoding="utf-8"), {"station": [table]})
    try:
        read_draft(text, config)
    except ConfigurationError as exc:
        why = "\n".join(map(of_draft, exc.errors))
        raise ProblemUnusable(f"{config} wouldn't be sound with station '{station}', and is as it was:\n{why}") from exc
    save(config, text)
    says = speaker(language, STATE_FOLDER)
    typer.echo(says.say("station.adopted", {"path": str(config), "station": station}))
    if key is not None:
        typer.echo(says.say("station.key", {"key": key.hex().upper()}))


def identify(station: StationId, socket: SocketPath = None, language: LanguageOption = None) -> None:
    """Let a station that waits show itself. It blinks, or moves the lock of a socket."""
    sockets = asked_at(socket)
    answer = ask(sockets, "POST", f"/api/v1/waiting/{in_path(station)}/identify")
    told = orjson.loads(answer.body)
    if "how" not in told:
        typer.echo(f"{station}: {told.get('error', 'no answer')}", err=True)
        raise typer.Exit(FAILED)
    typer.echo(speaker(language, STATE_FOLDER).say(f"identify.{told['how']}", {"station": station}))


def _addresses(waiting: Mapping[str, Any]) -> str | None:
    """Where it is; both, where two have one identity."""
    also_at = waiting.get("also_at")
    return f"{waiting['address']} + {also_at}" if also_at is not None else waiting["address"]


def _url(urls: list[str], station: str) -> str | None:
    return urls[0].replace("{station}", quote(station, safe="")) if urls else None


def _table(says: Speaker, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> RoomyTable:
    return RoomyTable(
        title=says.say(title),
        headings=[says.say(f"column.{column}") for column in columns],
        rows=[[_cell(row.get(column)) for column in columns] for row in rows],
    )


def _cell(value: object) -> Text:
    """Plain text: what a station calls itself must neither steer the terminal nor be read as markup."""
    return Text("".join(letter if letter.isprintable() else "?" for letter in str(value if value is not None else "-")))


app = typer.Typer(
    help="The charging stations. Who is there, who waits, and taking them in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("list")(list_stations)
app.command("adopt")(adopt)
app.command("identify")(identify)
