"""Rules of addresses and times, and what this version reads without acting on it."""

import zoneinfo
from collections.abc import Callable, Iterator

from edge.config.addresses import WILDCARD_HOSTS, HostPort, check_upstream, dialled, leads_to
from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.config.locate import Path
from edge.errors import Severity
from edge.listening import is_own

_FIRST_PORT = 1024  # ip_unprivileged_port_start of Debian
_MISSED_POLLS = 2  # a reading must live through one lost poll, or every lost packet is a fallback


def time_zone_exists(draft: Draft) -> Iterator[Fault]:
    """The time zone is one that this machine knows."""
    name = draft.file.site.timezone
    if name == "UTC":
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        known = zoneinfo.available_timezones()
        near = one_of(sorted(known), name, kind="zones are", none="").partition("?")
        hint = f"{near[0]}?" if near[1] else "for example Europe/Copenhagen"
        yield Fault(
            path=("site", "timezone"),
            problem=f"is '{name}', which this machine doesn't know as a time zone",
            remedy=hint if known else "install the package tzdata: there are no time zones on this machine",
        )


def reading_outlives_polls(draft: Draft) -> Iterator[Fault]:
    """One lost poll doesn't make the meter stale."""
    control = draft.file.control
    least_s = _MISSED_POLLS * control.period_s
    if control.meter_stale_s < least_s and draft.sound("control", "period_s"):
        yield Fault(
            path=("control", "meter_stale_s"),
            problem=f"is {control.meter_stale_s:g}, so that one lost poll (period_s is {control.period_s:g}) "
            "would make the meter stale",
            remedy=f"give at least {least_s:g}",
        )


def _listeners(draft: Draft) -> Iterator[tuple[Path, HostPort]]:
    yield ("ocpp", "listen"), draft.file.ocpp.listen
    if draft.file.ocpp.tls_listen is not None:
        yield ("ocpp", "tls_listen"), draft.file.ocpp.tls_listen
    yield ("api", "listen"), draft.file.api.listen
    if draft.file.bms.modbus is not None:
        yield ("bms", "modbus", "listen"), draft.file.bms.modbus.listen


def one_listener_per_port(draft: Draft) -> Iterator[Fault]:
    """No two parts of the program listen on one port of one interface."""
    taken: list[tuple[Path, HostPort]] = []
    for path, address in _listeners(draft):
        if not draft.sound(*path):
            continue
        for other_path, other in taken:
            shares_host = address.host == other.host or WILDCARD_HOSTS & {address.host, other.host}
            if address.port == other.port and shares_host:
                yield Fault(
                    path=path,
                    problem=f"is {address}, whose port {'.'.join(map(str, other_path))} has already",
                    remedy="give each its own port",
                )
        taken.append((path, address))


def ports_can_be_opened(draft: Draft) -> Iterator[Fault]:
    """What listens is the service's, which may have no port that is root's."""
    for path, address in _listeners(draft):
        if address.port < _FIRST_PORT and draft.sound(*path):
            yield Fault(
                path=path,
                problem=f"is {address}, a port that the service may not open: those below {_FIRST_PORT} are root's",
                remedy=f"give a port from {_FIRST_PORT} on",
                severity=Severity.NOTE,
            )


def upstream_address(draft: Draft) -> Iterator[Fault]:
    """The cloud's address is a WebSocket address with a place for the station's identity."""
    given = draft.file.ocpp.upstream
    if given is None:
        return
    remedy = "give ws:// or wss:// with {station}, for example wss://csms.example.com/ocpp/{station}"
    if "://" not in given:  # empty, "none": who has no cloud writes so
        remedy += "; leave it out where the site has no cloud"
    yield from _address_fault(("ocpp", "upstream"), given, check_upstream, remedy)


def clouds_are_elsewhere(draft: Draft) -> Iterator[Fault]:
    """No cloud's address is our own: each station would be replaced by our own call for it, again and again."""
    own = draft.file.ocpp.self_
    clouds: list[tuple[Path, str | None]] = [
        (("ocpp", "upstream"), draft.file.ocpp.upstream),
        *((("ocpp", "mirror", index, "url"), mirror.url) for index, mirror in enumerate(draft.file.ocpp.mirror)),
        (("ocpp", "self", "upstream"), own.upstream if own is not None else None),
    ]
    for path, url in clouds:
        try:
            where = dialled(url) if url is not None and draft.sound(*path) else None
        except ValueError:  # told as what it is
            continue
        for listens, address in _listeners(draft):
            if where is None or not draft.sound(*listens):
                continue
            met = _met_at(where, address)
            if met is not None:
                yield Fault(
                    path=path,
                    problem=f"leads to {met}, where this gateway itself listens ({'.'.join(map(str, listens))})",
                    remedy="give the cloud's own address",
                )


def _met_at(where: HostPort, listener: HostPort) -> str | None:
    """Where who dials ``where`` meets who listens there; None where that is somebody else, or can't be known."""
    if leads_to(where, listener):
        return str(listener)
    is_of_its_kind = (":" in where.host) == (":" in listener.host)
    if where.port == listener.port and listener.host in WILDCARD_HOSTS and is_of_its_kind and is_own(where.host):
        return f"{where}, an address of this machine"
    return None


def mirror_addresses(draft: Draft) -> Iterator[Fault]:
    """Each mirror's address is one like the cloud's, and not the cloud's own: it would hear everything twice."""
    for index, mirror in enumerate(draft.file.ocpp.mirror):
        path: Path = ("ocpp", "mirror", index, "url")
        remedy = "give ws:// or wss:// with {station}, for example wss://archive.example.com/ocpp/{station}"
        yield from _address_fault(path, mirror.url, check_upstream, remedy)
        if draft.sound(*path) and mirror.url == draft.file.ocpp.upstream:
            yield Fault(path=path, problem="is the upstream itself", remedy="give another address, or leave it out")


def own_identity(draft: Draft) -> Iterator[Fault]:
    """The gateway's own identity is no station's, and its cloud's address is one."""
    table = draft.file.ocpp.self_
    if table is None:
        return
    if table.id in [station.id for station in draft.file.station]:
        yield Fault(
            path=("ocpp", "self", "id"),
            problem=f"is '{table.id}', which a station has already",
            remedy="give the gateway an identity of its own",
        )
    if table.upstream is not None:
        remedy = "give ws:// or wss:// with {station}, for example wss://csms.example.com/ocpp/{station}"
        yield from _address_fault(("ocpp", "self", "upstream"), table.upstream, check_upstream, remedy)


def _address_fault(path: Path, text: str, check: Callable[[str], object], remedy: str) -> Iterator[Fault]:
    try:
        check(text)
    except ValueError as exc:
        yield Fault(path=path, problem=str(exc), remedy=remedy)
