"""Who stands at the gateway's door, as people are told: those of the site, those that wait, and refused handshakes.

Joins what the OCPP room saw of a peer with what the network knows of its address, so it stands beside the composition
root.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from edge.ocpp.server import OcppServer
from edge.ocpp.turned_away import TurnedAway
from edge.ocpp.waiting import WaitingStation
from edge.system.network import mac_of, macs


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
        "also_at": station.also_at,
    }


def who_they_are(
    ocpp: OcppServer, stations: Sequence[Mapping[str, Any]], lets_in: Callable[[str], str | None]
) -> list[dict[str, Any]]:
    """The configured stations of a report, with what each has said it is, where it is connected from, and whom alone
    its configuration lets in without its cloud (``lets_in``, by identity)."""
    known = macs()
    return [each | _who_it_is(ocpp, each, known) | {"lets_in": lets_in(each["id"])} for each in map(dict, stations)]


def _who_it_is(ocpp: OcppServer, station: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str | None]:
    described, address = ocpp.known(station["id"])
    return {
        "vendor": station["vendor"] or (described.vendor if described is not None else None),
        "model": station["model"] or (described.model if described is not None else None),
        "serial": described.serial if described is not None else None,
        "firmware": described.firmware if described is not None else None,
        "address": address,
        "mac": known.get(address) if address is not None else None,
        "cloud_problem": ocpp.cloud_problem(station["id"]),
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
