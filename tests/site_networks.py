"""The networks around a booted gateway: the building's, the chargers', and the site's copper, as name spaces."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.debian_machine import Machine, run

BUILDING = "192.0.2.2"
GATEWAY = "192.0.2.1"
CHARGERS = "10.77.0.50"
CHARGER_GATEWAY = "10.77.0.1"
METER_COPPER, CHARGER_COPPER = "198.51.100.1", "198.51.100.2"


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


def _up(space: str, link: str, address: str | None = None) -> None:
    if address is not None:
        run("ip", "-n", space, "address", "add", f"{address}/24", "dev", link)
    run("ip", "-n", space, "link", "set", link, "up")
