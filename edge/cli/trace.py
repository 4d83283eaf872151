"""``edge trace STATION``: the last frames between a station and its cloud."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import orjson
import typer

from edge.cli.control_socket import get
from edge.errors import ControllerUnreachable
from edge.system.paths import control_sockets_found


def trace(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the frames as JSON.")] = False,
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
    """Show the last OCPP frames of a station, without drivers' tokens."""
    sockets = [socket] if socket is not None else control_sockets_found()
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
