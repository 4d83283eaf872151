"""Addresses in the site file: where to listen, the cloud's, a broker's.

Each function returns the parts or raises ValueError whose text completes "it ..." ("has no port").
"""

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

STATION_PLACEHOLDER = "{station}"
PATH_PLACEHOLDER = "{path}"  # the path by which the station came, without its first slash
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
WILDCARD_HOSTS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # RFC 1123 §2.1, and the underscores that are about
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_HOST_NAME = 253  # RFC 1035 §2.3.4
_WEB_PORTS = {"ws": 80, "wss": 443}  # RFC 6455 §3


class HostPort(NamedTuple):
    """A host (an IPv6 address without its brackets) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def host_port(text: str) -> HostPort:
    """``127.0.0.1:9000``, ``[::1]:9000`` or ``gateway:9000``, the port from 1 to 65535."""
    host, colon, digits = text.rpartition(":")
    if not colon:
        raise ValueError("has no port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            IPv6Address(host)
        except ValueError:
            raise ValueError(f"has no IPv6 address in its brackets: '{host}'") from None
    else:
        _check_host(host)
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 1 <= int(digits) <= 65535:
        raise ValueError(f"has the port '{digits}', which is not from 1 to 65535")
    return HostPort(host, int(digits))


def _check_host(host: str) -> None:
    if not host:
        raise ValueError("has no host before its colon")
    if ":" in host:
        raise ValueError("has an IPv6 address without brackets or more than one port")
    if len(host) > _MAX_HOST_NAME or not _HOST_NAME.fullmatch(host):
        raise ValueError(f"has the host '{host}', which is neither a name nor an address")


def _split(text: str) -> SplitResult:
    if any(character <= " " or character == "\x7f" for character in text):
        raise ValueError("has a blank or a control character in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise ValueError(f"is no address ({str(exc)[:80]})") from None
    if not parts.hostname:
        raise ValueError("has no host after a scheme://")
    if ":" not in parts.hostname:  # in brackets, urlsplit has checked it
        _check_host(parts.hostname)
    if port == 0:
        raise ValueError("has the port 0")
    return parts


def check_upstream(text: str) -> None:
    """``ws://`` or ``wss://``, a host, and ``{station}`` or ``{path}`` in the path or query."""
    parts = _split(text)
    if parts.scheme not in {"ws", "wss"}:
        raise ValueError(f"begins with {parts.scheme or 'no scheme'}:, not with ws:// or wss://")
    if parts.fragment:
        raise ValueError("has a fragment (#...), which a WebSocket address can't have")
    if not any(placeholder in f"{parts.path}?{parts.query}" for placeholder in (STATION_PLACEHOLDER, PATH_PLACEHOLDER)):
        raise ValueError(f"has no {STATION_PLACEHOLDER} in its path")
    if re.search(r"[{}]", text.replace(STATION_PLACEHOLDER, "").replace(PATH_PLACEHOLDER, "")):
        raise ValueError(f"has braces other than {STATION_PLACEHOLDER} and {PATH_PLACEHOLDER}")


def dialled(text: str) -> HostPort:
    """Where a ``ws://`` or ``wss://`` address leads: its host in small letters, and its port or the scheme's."""
    parts = _split(text)
    return HostPort(parts.hostname or "", parts.port or _WEB_PORTS.get(parts.scheme, 0))


def leads_to(where: HostPort, listener: HostPort) -> bool:
    """Whether who dials ``where`` on this machine meets who listens there, as far as the names tell."""
    if where.port != listener.port:
        return False
    here = LOOPBACK_HOSTS | WILDCARD_HOSTS
    return where.host == listener.host.lower() or (where.host in here and listener.host in here)


def check_station_path(text: str) -> None:
    """A path in which one whole segment is ``{station}``."""
    segments = text.rstrip("/").split("/")
    if segments[0] or segments.count(STATION_PLACEHOLDER) != 1:
        raise ValueError(f"is no path with one segment {STATION_PLACEHOLDER}")
    if re.search(r"[{}?#%\s]", text.replace(STATION_PLACEHOLDER, "")):
        raise ValueError("has a character that no part of a path before the identity has")


class Broker(NamedTuple):
    """An MQTT broker."""

    host: str
    port: int
    tls: bool


_BROKER_PORTS = {"mqtt": 1883, "mqtts": 8883}  # as registered with IANA


def broker(text: str) -> Broker:
    """``mqtt://`` or ``mqtts://`` (TLS), a host, and a port where it isn't the usual one."""
    parts = _split(text)
    if parts.scheme not in _BROKER_PORTS:
        raise ValueError(f"begins with {parts.scheme or 'no scheme'}:, not with mqtt:// or mqtts://")
    if "@" in parts.netloc:
        raise ValueError("has a user in it, who belongs into username and password")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("has more than a host and a port in it")
    return Broker(parts.hostname or "", parts.port or _BROKER_PORTS[parts.scheme], parts.scheme == "mqtts")
