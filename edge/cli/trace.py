"""``edge trace STATION``: the last frames between a station and its cloud."""

from typing import Annotated

import orjson
import typer

from edge.cli.control_socket import asked_at, get, in_path, report
from edge.cli.places import STATE_FOLDER, SocketPath
from edge.cli.tongue import LanguageOption, speaker
from edge.errors import ControllerUnreachable
from edge.web.words import waits_for


def trace(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the frames as JSON.")] = False,
    socket: SocketPath = None,
    language: LanguageOption = None,
) -> None:
    """Show the last OCPP frames of a station. Drivers' tokens are hidden; what it waits for is told, too."""
    body = get(
        asked_at(socket),
        f"/api/v1/stations/{in_path(station)}/trace",
        missing=f"there is no station '{station}'",
    )
    if as_json:
        typer.echo(body)
        return
    try:
        frames = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ControllerUnreachable("what answers on the control socket is no controller") from exc
    for frame in frames:
        shown = frame["text"]
        cut = f" ... ({frame['length']} characters)" if frame["length"] > len(shown) else ""
        typer.echo(_plain(f"{frame['time']}  {frame['way']:<18}  {shown}{cut}"))
    waits = waits_for(speaker(language, STATE_FOLDER), report(socket), station)
    if waits is not None:
        typer.echo(_plain(waits), err=True)


def _plain(line: str) -> str:
    """What a station says must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in line)
