"""What the machine knows of its networks: its own address toward the site, and whose hardware is behind an address."""

import socket
from pathlib import Path

# The charger LAN's address on every gateway (firmware-config/network): the building has no way to it.
CHARGER_LAN = "10.77.0.1"
NEIGHBOURS = Path("/proc/self/net/arp")  # /proc/net is hidden from a service with ProcSubset=pid
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
# RFC 5737: nobody has this address. Connecting a UDP socket sends nothing, it only chooses a route.
_ANYWHERE = ("192.0.2.1", 9)
_NONE = "00:00:00:00:00:00"


def own_address() -> str:
    """The address that this machine would speak from; loopback where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def address_for_stations(charger_lan: str = CHARGER_LAN) -> str:
    """Where this machine's stations find it: ``charger_lan`` if that is an address of its own, else as others do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((charger_lan, 0))
        except OSError:
            return own_address()
        return charger_lan


def reachable(host: str, charger_lan: str = CHARGER_LAN) -> str:
    """The host that stations dial to reach what listens on ``host``."""
    return address_for_stations(charger_lan) if host in _EVERYWHERE else host


def macs(neighbours: Path = NEIGHBOURS) -> dict[str, str]:
    """The hardware address behind each IPv4 address of the local network that the machine knows."""
    try:
        lines = neighbours.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return {}
    rows = (line.split() for line in lines)
    return {columns[0]: columns[3] for columns in rows if len(columns) > 3 and columns[3] != _NONE}


def mac_of(address: str, neighbours: Path = NEIGHBOURS) -> str | None:
    """The hardware address behind an IPv4 address of the local network; None where the machine doesn't know it."""
    return macs(neighbours).get(address)
