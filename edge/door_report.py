"""Who stands at the gateway's door, as people are told: stations that wait to be adopted, and refused handshakes.

Joins what the OCPP room saw of a peer with what the network knows of its address, so it stands beside the composition
root.
"""

from datetime import datetime

from edge.ocpp.turned_away import TurnedAway
from edge.ocpp.waiting import WaitingStation
from edge.system.network import mac_of


def waiting_station(station: WaitingStation) -> dict[str, str | None]:
    """A station that nobody configured, in plain values."""
    return {
        "id": station.identity,
        "address": station.address,
        "vendor": station.vendor,
        "model": station.model,
        "serial": station.serial,
        "since": timestamp(station.since),
        "mac": mac_of(station.address),
        "firmware": station.firmware,
        "speaks": station.speaks.value if station.speaks is not None else None,
    }


def refused_handshake(turned_away: TurnedAway) -> dict[str, str | int | None]:
    """A handshake that was refused and its cause, in plain values."""
    return {
        "at": timestamp(turned_away.at),
        "address": turned_away.address,
        "why": turned_away.why,
        "station": turned_away.station,
        "path": turned_away.path,
        "times": turned_away.times,
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
