"""``edge trace STATION``: the last frames between a station and its cloud."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from edge.cli.control_socket import asked_at, get, in_path, report
from edge.cli.places import SocketPath
from edge.errors import ControllerUnreachable


def trace(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the frames as JSON.")] = False,
    socket: SocketPath = None,
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
    waits = waits_for(report(socket), station)
    if waits is not None:
        typer.echo(_plain(waits), err=True)


def waits_for(told: Mapping[str, Any], station: str) -> str | None:
    """What a station waits for, by the status report; None where it is connected and so is its cloud, if the site has
    one."""
    if any(each["id"] == station for each in told.get("waiting_stations", ())):
        return (
            f"{station} isn't in the site file and waits to be adopted (edge station adopt {station} …); "
            "nothing of it is passed on"
        )
    known = next((each for each in told.get("stations", ()) if each["id"] == station), None)
    if known is None:
        return None
    if not known["connected"]:
        refused = [each for each in told.get("refused_handshakes", ()) if each["station"] == station]
        why = f"; it was turned away at {refused[-1]['at']}: {refused[-1]['why']}" if refused else ""
        return f"{station} isn't connected: waiting for it to dial{why}"
    if not known["cloud_connected"] and told.get("has_cloud", True):
        why = f" ({known['cloud_problem']})" if known.get("cloud_problem") is not None else ""
        return f"{station} is connected, its cloud isn't{why}: the gateway dials, and answers in its place meanwhile"
    return None


def _plain(line: str) -> str:
    """What a station says must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in line)
