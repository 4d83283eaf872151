"""The serial adapters that are plugged in, by names that stay."""

from collections.abc import Mapping
from pathlib import Path

DEVICES = Path("/dev")
# By the socket (firmware-config/serial), which tells two adapters of one make apart; without that rule by the adapter.
_BY_SOCKET, _BY_ADAPTER = "rs485", "serial/by-id"
_ONBOARD = "onboard"  # there on every board, whether anything is wired to it or not


def serial_ports(devices: Path = DEVICES) -> Mapping[str, str]:
    """Each adapter once, by the path that a site file names it with: what it says of itself, or nothing.

    Those in USB sockets come first; empty where nothing is plugged in.
    """
    adapters = _links(devices / _BY_ADAPTER)
    sockets = _links(devices / _BY_SOCKET)
    ports = {str(link): adapters[device].name if device in adapters else "" for device, link in sockets.items()}
    ports |= {str(link): "" for device, link in adapters.items() if device not in sockets}
    return dict(sorted(ports.items(), key=lambda port: (Path(port[0]).name == _ONBOARD, port[0])))


def _links(folder: Path) -> dict[Path, Path]:
    """The devices that are there, and how they are named here."""
    return {link.resolve(): link for link in sorted(folder.glob("*")) if link.exists()}
