"""Addresses to listen on that no network has yet: a gateway is often up before the router that gives it its address.

Of the building's side alone. Who reads there waits; the chargers and their control don't.
"""

import errno
import ipaddress
import socket
from typing import Final

import structlog

from edge.errors import NOBODYS, StartError

# Of Linux (ip(7), ipv6(7)); Python has no names for them before 3.14.
_FREE_BIND: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, 15),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 78),
}

_VERSION_6: Final = 6
_ANY_PORT: Final = 9  # discard (RFC 863); nothing is sent there

log = structlog.get_logger(__name__)


def listen_once_there(
    whose: str, host: str, port: int, refusal: OSError, *, key: str, backlog: int = 100
) -> socket.socket:
    """A socket that is reached at an address as soon as a network has it, where listening was refused for that.

    :raises StartError: it was refused for something else.
    """
    if refusal.errno not in NOBODYS or not _is_number(host):
        raise StartError.unlistenable(whose, host, port, refusal, key=key) from refusal
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(*_FREE_BIND[family], 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as exc:
        listener.close()
        raise StartError.unlistenable(whose, host, port, exc, key=key) from exc
    log.warning(f"{whose} is no network's that is up; it is reached once one has it", host=host, port=port, key=key)
    return listener


def is_anybodys(host: str) -> bool:
    """Whether a network that is up has this address; True of a name."""
    if not _is_number(host):
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as exc:
            return exc.errno != errno.EADDRNOTAVAIL
    return True


def is_own(host: str) -> bool:
    """Whether this machine itself has this address now; False of a name, which somebody would have to be asked about.

    The route to an address of one's own begins at that address. Connecting a UDP socket sends nothing.
    """
    if not _is_number(host):
        return False
    address = ipaddress.ip_address(host)
    if address.is_loopback:
        return True
    family = socket.AF_INET6 if address.version == _VERSION_6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, _ANY_PORT))
        except OSError:
            return False
        return ipaddress.ip_address(probe.getsockname()[0]) == address


def _is_number(host: str) -> bool:
    """Whether it is an address itself: which of its addresses a name has none of isn't known."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
