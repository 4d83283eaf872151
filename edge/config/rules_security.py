"""Rules of the stations' and the cloud's security: no profile without what it needs."""

from collections.abc import Iterator

from edge.config.addresses import LOOPBACK_HOSTS, check_station_path
from edge.config.draft import Draft
from edge.config.faults import Fault, dotted
from edge.config.locate import Path

_BASIC, _TLS, _MUTUAL = 1, 2, 3  # OCPP 1.6 security whitepaper §2


def _profiles(draft: Draft) -> Iterator[tuple[Path, int]]:
    """The profile of each station, and where it is given; 0, which needs nothing, where what is given is no profile."""
    for index in range(len(draft.file.station)):
        yield _profile(draft, index)
    if not draft.file.station:
        yield _general(draft)


def _profile(draft: Draft, index: int) -> tuple[Path, int]:
    own, path = draft.file.station[index].security_profile, ("station", index, "security_profile")
    if own is None:
        return _general(draft)
    return path, own if draft.sound(*path) else 0


def _general(draft: Draft) -> tuple[Path, int]:
    path = ("ocpp", "security_profile")
    return path, (draft.file.ocpp.security_profile or 0) if draft.sound(*path) else 0


def profile_is_chosen(draft: Draft) -> Iterator[Fault]:
    """Stations that need prove nothing are let in from the network only where the author says so."""
    table = draft.file.ocpp
    if table.security_profile is None and table.listen.host not in LOOPBACK_HOSTS and draft.sound("ocpp", "listen"):
        yield Fault(
            path=("ocpp", "security_profile"),
            problem=f"is missing, and any host that reaches {table.listen} could pose as a station",
            remedy="give 1, 2 or 3, or 0 if nobody else can reach the stations' network",
        )


def keys_are_known(draft: Draft) -> Iterator[Fault]:
    """A station of profile 1 or 2 has a key."""
    for index, station in enumerate(draft.file.station):
        _, profile = _profile(draft, index)
        if profile in (_BASIC, _TLS) and station.key_hash is None:
            yield Fault(
                path=("station", index, "key_hash"),
                problem=f"is missing, and security profile {profile} asks station '{station.id}' for a key",
                remedy='make one with "edge key" and give its hash',
            )


def tls_is_set_up(draft: Draft) -> Iterator[Fault]:
    """Profiles 2 and 3 have an address, a certificate with its key, and 3 an authority."""
    table = draft.file.ocpp
    path, highest = max(_profiles(draft), key=lambda each: each[1])
    needed = []
    if highest >= _TLS:
        needed = [("tls_listen", table.tls_listen), ("certificate", table.certificate)]
        needed.append(("private_key", table.private_key))
    if highest >= _MUTUAL:
        needed.append(("station_ca", table.station_ca))
    for key, value in needed:
        if value is None:
            yield Fault(
                path=("ocpp", key),
                problem=f"is missing, and {dotted(path)} is {highest}",
                remedy=f"give {key}, or a lower security profile",
            )
    if table.tls_listen is not None and highest < _TLS and (table.certificate is None or table.private_key is None):
        yield Fault(
            path=("ocpp", "tls_listen"),
            problem="has no certificate and private_key beside it",
            remedy="give both, or leave tls_listen out",
        )


def cloud_tls_is_whole(draft: Draft) -> Iterator[Fault]:
    """A certificate toward the cloud has its key, and a cloud to show it to."""
    cloud, own = draft.file.ocpp.cloud, draft.file.ocpp.self_
    if (cloud.certificate is None) != (cloud.private_key is None):
        missing, other = ("certificate", "private_key") if cloud.certificate is None else ("private_key", "certificate")
        yield Fault(
            path=("ocpp", "cloud", missing), problem=f"is missing beside {other}", remedy="give both or neither"
        )
    given = [key for key in ("ca", "certificate") if getattr(cloud, key) is not None]
    dialled = [
        each for each in (draft.file.ocpp.upstream, own.upstream if own is not None else None) if each is not None
    ]
    if given and not any(each.startswith("wss:") for each in dialled) and draft.sound("ocpp", "upstream"):
        why = f"{dialled[0]} is no wss:// address" if dialled else "the site has no cloud"
        yield Fault(
            path=("ocpp", "cloud", given[0]),
            problem=f"is given, but {why}",
            remedy="give a wss:// upstream, or leave it out",
        )


def station_path(draft: Draft) -> Iterator[Fault]:
    """The stations' path has a place for the identity."""
    if draft.file.ocpp.path is None:
        return
    try:
        check_station_path(draft.file.ocpp.path)
    except ValueError as exc:
        yield Fault(path=("ocpp", "path"), problem=str(exc), remedy="give for example /ocpp/{station}")
