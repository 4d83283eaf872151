"""``edge trace STATION``: the last frames between a station and its cloud."""

from typing import Annotated
from urllib.parse import quote

import orjson
import typer

from edge.cli.control_socket import asked_at, get
from edge.cli.places import SocketPath
from edge.errors import ControllerUnreachable


def trace(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the frames as JSON.")] = False,
    socket: SocketPath = None,
) -> None:
    """Show the last OCPP frames of a station, without drivers' tokens."""
    sockets = asked_at(socket)
    body = get(sockets, f"/api/v1/stations/{quote(station, safe='')}/trace", missing=f"there is no station '{station}'")
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


def _plain(line: str) -> str:
    """What a station says must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in line)
