"""From the installed packages to a signed site, as an installer does it: on a terminal of a booted gateway, as root."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian_machine import Machine, base, overlay, tame_clock, until
from tests.system.debian.peers import Peers, peers
from tests.system.debian.screen import screen
from tests.system.debian.test_gateway import SERVICE
from tests.system.test_cli_commission import ASKED, COMMISSION_S, PASSPHRASE, patiently
from tests.system.typist import Typist

SITE_FILE = "/etc/edge-controller/site.toml"
ACCOUNT = "edge-controller edge-controller"
# What is asked, and what the installer says; in the order of the guide, {meter} and the like from the site.
ANSWERS = (
    (r"Passphrase: $", PASSPHRASE),
    (r"Once more: $", PASSPHRASE),
    (r"Name of the site: $", "proof"),
    (r"Time zone [^\n]*: $", "Europe/Copenhagen"),
    (r"Main fuse[^\n]*: $", "63"),
    (r"How many amperes to stay below[^\n]*: $", ""),
    (r"worst load without the chargers[^\n]*: $", "20"),
    (r"Name of a sub-circuit[^\n]*: $", ""),
    (r"How is it reached[^\n]*: $", "3"),
    (r"Its connection: $", "tcp://{meter}"),
    (r"Its model: $", "eastron_sdm630"),
    (r"Its Modbus unit id[^\n]*: $", ""),
    (r"Does your clamp meter[^\n]*: $", ""),
    (r"Address of this gateway[^\n]*: $", "{gateway}"),
    (r"What must a station show[^\n]*: $", "1"),
    (r"Take in number[^\n]*: $", "CP-A"),
    (r"Which circuit feeds CP-A[^\n]*: $", ""),
    (r"Rated current of CP-A[^\n]*: $", "16"),
    (r"Safe current of CP-A[^\n]*: $", ""),
    (r"Where CP-A is mounted[^\n]*: $", "bay 12"),
    (r"How many connectors[^\n]*: $", ""),
    (r"The grid phases of CP-A[^\n]*: $", "1"),
    (r"Grid phases on L1, L2, L3[^\n]*: $", "L2 L3 L1"),
    (r"Take in number[^\n]*: $", "0"),
    (r"Address of the cloud[^\n]*: $", "ws://{cloud}"),
    (r"MQTT broker[^\n]*: $", ""),
    (r"Address at which the building's Modbus[^\n]*: $", ""),
    (r"Write the site file[^\n]*: $", ""),
)
# What is asked during the commissioning, and what happens on site.
DEEDS = (
    ("charge at CP-A/1", "car"),
    ("Pull the data cable", "meter away"),
    ("Put the cable back", "meter back"),
    ("way to the cloud away", "cloud away"),
    ("Give it back", "cloud back"),
)


@pytest.fixture
def machine(architecture: str, gateway_layer: Path, tmp_path: Path) -> Iterator[Machine]:
    """The gateway as delivered, booted: no site, no owner."""
    with overlay(gateway_layer, base(architecture), folder=tmp_path / "root") as tree:
        tame_clock(tree)
        machine = Machine(tree)
        try:
            yield machine
        finally:
            machine.stop()


@pytest.fixture
def site(machine: Machine) -> Iterator[Peers]:
    """The peers on the gateway's own network."""
    with peers("nsenter", f"--target={machine.pid}", "--net") as site:
        yield site


async def test_from_the_package_to_the_signature(machine: Machine, site: Peers) -> None:
    """Set up, observed by the service, proven, signed, and then controlled by the service, under its own account."""
    async with screen(machine, "edge", "setup", "--language", "en") as typist:
        for question, answer in ANSWERS:
            await typist.answers(question, answer.format(**site.addresses))
        assert await typist.ends() == 0, typist.shown
    assert machine.run("stat", "--format=%a %U %G", SITE_FILE).stdout.split() == ["640", "root", "edge-controller"]
    assert "docs/configuration.md explains every key" in machine.run("head", "-1", SITE_FILE).stdout
    machine.run("sed", "-i", 's/^mode = "observe"/&\\nlease_s = 30/', SITE_FILE)

    site.do("station")
    machine.run("systemctl", "restart", SERVICE)
    until(lambda: _connected(machine), within_s=60, what="the station is connected")
    assert _status(machine)["mode"] == "observe"

    machine.run("systemctl", "stop", SERVICE)
    async with screen(machine, "edge", "commission") as typist, asyncio.timeout(COMMISSION_S):
        await _prove(typist, site)
        assert await typist.ends() == 0, typist.shown
    others = machine.run(
        *("find", "/var/lib/edge-controller", "-not", "-user", "edge-controller", "-not", "-name", "claim.json"),
        *("-not", "-path", "*/handover*", "-not", "-name", "lost+found"),
    ).stdout
    assert others == ""
    assert machine.run("find", "/var/lib/edge-controller/handover", "-name", "*.pdf").stdout.count("\n") == 1

    machine.run("systemctl", "start", SERVICE)
    until(lambda: _connected(machine), within_s=60, what="the station is connected to the service")
    assert _status(machine)["mode"] == "control"
    assert machine.shows(SERVICE, "NRestarts") == "0"
    assert machine.run("stat", "--format=%U %G", "/var/lib/edge-controller").stdout.strip() == ACCOUNT


async def _prove(typist: Typist, site: Peers) -> None:
    while True:
        seen = await patiently(typist, ASKED)
        if "hand-over document" in seen:
            return
        if "Name of who signs" in seen:
            typist.types("Anna Jensen")
            await typist.answers(r"Passphrase[^\n]*: $", PASSPHRASE)
            continue
        [deed] = [deed for words, deed in DEEDS if re.search(words, seen)]
        site.do(deed)
        typist.types("")


def _status(machine: Machine) -> dict[str, object]:
    answer = machine.run("edge", "status", "--json", check=False)
    report: dict[str, object] = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return report


def _connected(machine: Machine) -> bool:
    stations = _status(machine).get("stations")
    return isinstance(stations, list) and bool(stations) and all(each["connected"] for each in stations)
