"""The networks around a booted gateway: the building's, the chargers', and the site's copper, as name spaces."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.debian_machine import Machine, run

BUILDING = "192.0.2.2"
GATEWAY = "192.0.2.1"
CHARGERS = "10.77.0.50"
CHARGER_GATEWAY = "10.77.0.1"
METER_COPPER, CHARGER_COPPER = "198.51.100.1", "198.51.100.2"
# In the charger LAN, and not in the quarter of it in which the gateway is.
FAR_CHARGERS = "10.77.2.50"
# So many clients, one after the other: the address that each is given (DISCOVER, REQUEST with its options 50 and 54).
LEASE = """
import os, socket, sys
own, many = socket.inet_aton(sys.argv[1]), int(sys.argv[2])
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"far")
asking.bind(("", 68))
asking.settimeout(5)
def told(hardware, kind, options):
    mark = os.urandom(4)
    question = bytes([1, 1, 6, 0]) + mark + bytes([0, 0, 128, 0]) + bytes(16) + hardware + bytes(202)
    question += bytes.fromhex("63825363") + bytes([53, 1, kind]) + options + bytes([255]) + bytes(60)
    for _ in range(5):
        asking.sendto(question, ("255.255.255.255", 67))
        try:
            while (answer := asking.recv(2048))[4:8] != mark or answer[242] not in (2, 5):
                pass
            return answer[16:20]
        except TimeoutError:
            pass
for number in range(many):
    hardware = bytes([2, 0, 0, 1]) + number.to_bytes(2, "big")
    offered = told(hardware, 1, b"")
    if not offered or not told(hardware, 3, bytes([50, 4]) + offered + bytes([54, 4]) + own):
        break
    print(socket.inet_ntoa(offered))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Names of the network name spaces."""

    building: str
    chargers: str


@contextmanager
def around(machine: Machine) -> Iterator[Networks]:
    """Cables from the machine's ``building0`` and ``charger0`` to both networks."""
    mark = str(os.getpid())
    networks = Networks(building=f"building-{mark}", chargers=f"chargers-{mark}")
    try:
        for name, link, address in (
            (networks.building, "building0", BUILDING),
            (networks.chargers, "charger0", CHARGERS),
        ):
            run("ip", "netns", "add", name)
            run(
                "ip",
                "link",
                "add",
                link,
                "netns",
                str(machine.pid),
                "type",
                "veth",
                "peer",
                "name",
                "far",
                "netns",
                name,
            )
            _up(name, "lo")
            _up(name, "far", address)
        # Power flows from the meter to the chargers: what they draw is told over it, outside the gateway.
        pair = ("name", "copper", "netns", networks.chargers)
        run("ip", "link", "add", "copper", "netns", networks.building, "type", "veth", "peer", *pair)
        _up(networks.building, "copper", METER_COPPER)
        _up(networks.chargers, "copper", CHARGER_COPPER)
        machine.run("ip", "address", "add", f"{GATEWAY}/24", "dev", "building0")
        machine.run("ip", "link", "set", "building0", "up")
        yield networks
    finally:
        run("ip", "netns", "delete", networks.building, check=False)
        run("ip", "netns", "delete", networks.chargers, check=False)


@contextmanager
def of_an_emulator() -> Iterator[str]:
    """A name space for an emulated gateway and all that is around it; its tap ``far`` is the charger LAN."""
    name = f"emulated-{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "tuntap", "add", "far", "mode", "tap")
        _up(name, "lo")
        _up(name, "far", FAR_CHARGERS, prefix=22)
        yield name
    finally:
        run("ip", "netns", "delete", name, check=False)


def leases(space: str, many: int, *, within_s: float) -> list[str]:
    """The addresses that the gateway gives so many clients on the charger LAN; fewer where one is given none."""
    words = ("ip", "netns", "exec", space, sys.executable, "-c", LEASE, CHARGER_GATEWAY, str(many))
    return run(*words, within_s=within_s).stdout.split()


def is_lent(address: str) -> bool:
    """Whether it is one of those that the gateway gives: 10.77.0.100 to 10.77.3.254, none ending in 0 or 255."""
    lent = IPv4Address("10.77.0.100") <= IPv4Address(address) <= IPv4Address("10.77.3.254")
    return lent and not address.endswith((".0", ".255"))


def _up(space: str, link: str, address: str | None = None, *, prefix: int = 24) -> None:
    if address is not None:
        run("ip", "-n", space, "address", "add", f"{address}/{prefix}", "dev", link)
    run("ip", "-n", space, "link", "set", link, "up")
