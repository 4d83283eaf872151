"""From the site file's ``[ocpp]`` and ``[[station]]`` tables to the proxy's settings: part of joining the rooms."""

from pathlib import Path

import structlog

from edge.chance import Chance
from edge.clock import Clock
from edge.config import Configuration
from edge.config.addresses import HostPort
from edge.config.schema_station import StationTable
from edge.control.board import Board
from edge.domain.site import Mode, Station
from edge.errors import StartError
from edge.ocpp.keys import MIN_KEY_BYTES, key_bytes
from edge.ocpp.own_station.link import OwnLink, OwnSettings
from edge.ocpp.own_station.station import OwnStation
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.server import OcppServer
from edge.ocpp.settings import (
    CloudLoss,
    Listener,
    OcppSettings,
    Samples,
    SecurityProfile,
    StationSecurity,
    TlsFiles,
    UnknownStations,
    Verdict,
)
from edge.ocpp.shelf import Shelf
from edge.ocpp.stand_in import StandIns
from edge.ocpp.versions import Version
from edge.system.network import reachable

log = structlog.get_logger(__name__)


def ocpp_settings(configuration: Configuration) -> OcppSettings:
    """The settings of a sound site file.

    Stations without TLS have an address only where one of them is of profile 0 or 1. A controller that only observes is
    a wire to the cloud, where there is one.

    :raises StartError: a key file can't be read.
    """
    table = configuration.ocpp
    general = SecurityProfile(table.security_profile or 0)
    security = {station.id: _security(station, general) for station in configuration.stations}
    lowest = min((each.profile for each in security.values()), default=general)
    settings = OcppSettings(
        plain_listen=_listener(table.listen) if lowest <= SecurityProfile.BASIC else None,
        tls_listen=_listener(table.tls_listen) if table.tls_listen is not None else None,
        tls=TlsFiles(
            certificate=_path(table.certificate), private_key=_path(table.private_key), ca=_path(table.station_ca)
        ),
        path=table.path,
        upstream=table.upstream,
        mirrors=tuple(mirror.url for mirror in table.mirror),
        unknown_stations=UnknownStations(table.unknown_stations),
        mode=CloudLoss(table.mode),
        modes={station.id: CloudLoss(station.mode) for station in configuration.stations if station.mode is not None},
        verdict=Verdict(table.verdict),
        samples=Samples(table.samples),
        absent_after_s=configuration.offline.absent_after_s,
        profile=general,
        security=security,
        cloud_tls=TlsFiles(
            certificate=_path(table.cloud.certificate),
            private_key=_path(table.cloud.private_key),
            ca=_path(table.cloud.ca),
        ),
    )
    return settings.as_wire() if configuration.site.control.mode is Mode.OBSERVE and table.has_cloud else settings


def open_server(
    configuration: Configuration,
    settings: OcppSettings,
    *,
    clock: Clock,
    board: Board,
    chance: Chance,
    shelf: Shelf,
    dossiers: Shelf,
    stand_ins: StandIns,
) -> OcppServer:
    """The proxy of all stations; ``shelf`` keeps their charging profiles, ``dossiers`` what is known of them."""
    return OcppServer(
        site=configuration.site,
        settings=settings,
        clock=clock,
        sink=board,
        chance=chance,
        shelf=shelf,
        dossiers=dossiers,
        stand_ins=stand_ins,
    )


def own_link(
    configuration: Configuration,
    *,
    cloud_tls: TlsFiles,
    board: Board,
    shelf: Shelf,
    clock: Clock,
    chance: Chance,
) -> OwnLink | None:
    """The gateway as a station of its own, where the site file wants that; it meets its cloud with ``cloud_tls``.

    :raises StartError: its key file can't be read.
    """
    table, site = configuration.ocpp.self_, configuration.site
    if table is None:
        return None
    root = next(circuit for circuit in site.circuits if circuit.parent is None)
    version = Version(f"ocpp{table.version}")
    station = OwnStation(
        desk=ProfileDesk(Station(id=table.id, evses=()), site.nominal_voltage_v, shelf, whole_a=root.rating_a),
        version=version,
        circuit=root.id,
        reading=lambda: board.meters[root.meter].reading if root.meter is not None else None,
        nonce=chance.token(6),
    )
    settings = OwnSettings(
        identity=table.id,
        version=version,
        upstream=table.upstream
        or configuration.ocpp.upstream
        or "",  # one of them is there: rules_network.own_identity
        key=_key(table.key_file) if table.key_file is not None else None,
        tls=cloud_tls,
    )
    return OwnLink(station, settings, clock=clock, limits=board, jitter=chance.fraction, log=log)


def station_urls(settings: OcppSettings) -> tuple[str, ...]:
    """The addresses that stations are to be given, TLS first; ``{station}`` stands where the identity goes.

    Where the gateway listens on every interface, the address is the one toward its network.
    """
    path = settings.path or "/{station}"
    found = [("wss", settings.tls_listen), ("ws", settings.plain_listen)]
    return tuple(
        f"{scheme}://{HostPort(reachable(where.host), where.port)}{path}"
        for scheme, where in found
        if where is not None
    )


def _security(station: StationTable, general: SecurityProfile) -> StationSecurity:
    return StationSecurity(
        profile=general if station.security_profile is None else SecurityProfile(station.security_profile),
        key_hash=station.key_hash,
        certificate_name=station.certificate_name,
        cloud_key=_key(station.cloud_key_file) if station.cloud_key_file is not None else None,
    )


def _key(path: str) -> bytes:
    try:
        key = key_bytes(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        problem = f"can't read the key file {path} ({getattr(exc, 'strerror', None) or 'it is no text'})"
        raise StartError(problem, remedy="give a readable file with the key as text or hexadecimal digits") from exc
    if len(key) < MIN_KEY_BYTES:
        raise StartError(f"the key in {path} has {len(key)} bytes", remedy=f"give at least {MIN_KEY_BYTES}")
    return key


def _listener(address: HostPort) -> Listener:
    return Listener(host=address.host, port=address.port)


def _path(name: str | None) -> Path | None:
    return Path(name) if name is not None else None
