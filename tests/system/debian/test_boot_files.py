"""The boot partition's files as people write them: cut off, in the wrong encoding, enormous, not what they should be.

Whatever is in them, the machine boots and is closed, and says in a sentence, at its screen and in the journal, what is
wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.debian_machine import PACKAGES, Machine, base, inside, overlay, tame_clock
from tests.system.debian.conftest import put

# Where the maker's image looks for cloud-init's files.
SEED = """datasource_list: [NoCloud, None]
datasource: {NoCloud: {seedfrom: "file:///boot/firmware/"}}
"""
RIGHT = b"""#cloud-config
hostname: harbour
ssh_pwauth: false
users:
  - name: installer
    lock_passwd: true
    ssh_authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlLh proof"]
"""
NETWORK = b"version: 2\nethernets: {}\n"
# As hundreds of gateways are given their site file, with the narrowest rights that somebody may think of.
WRITES_SITE = b"""write_files:
  - path: /etc/edge-controller/site.toml
    permissions: "0600"
    content: |
"""
# docs/gateway.md, "the firewall locks you out".
OPENS = b'bootcmd: ["nft delete table inet edge_gateway"]\n'
CHECKED = "edge-boot-files.service"
SHORT = {"as it should be", "cut off", "network cut off"}  # what CI's short run boots with


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``told`` is in the one sentence about the file; nothing is said where it is None."""

    user_data: bytes = RIGHT
    network: bytes = NETWORK
    told: str | None = None
    hostname: bool = True  # whether cloud-init could use user-data


CASES = {
    "as it should be": Case(),
    "a script": Case(user_data=b"#!/bin/sh\nhostname harbour\n"),
    "cut off": Case(user_data=RIGHT[:-12], told="user-data: line 7", hostname=False),
    "no YAML": Case(
        user_data=b"#cloud-config\nhostname: [harbour\nusers: : :\n", told="user-data: line 3", hostname=False
    ),
    "no header": Case(user_data=RIGHT.partition(b"\n")[2], told='must begin with "#cloud-config"', hostname=False),
    "empty": Case(user_data=b"", told="user-data: is empty", hostname=False),
    "UTF-16": Case(user_data=RIGHT.decode().encode("utf-16"), told="save it as UTF-8", hostname=False),
    "with a mark": Case(user_data=b"\xef\xbb\xbf" + RIGHT, told="without byte order mark", hostname=False),
    "Latin-1": Case(user_data=RIGHT.replace(b"proof", b"J\xf8rgen"), told="save it as UTF-8", hostname=False),
    "no text": Case(user_data=bytes(range(256)), told="user-data: ", hostname=False),
    "a list": Case(user_data=b"#cloud-config\n- hostname\n", told="user-data: ", hostname=False),
    "wrong kinds": Case(user_data=RIGHT.replace(b"  - name: installer", b"  - name: [1]"), told="user-data: users.0"),
    "enormous": Case(user_data=RIGHT + b"# filler\n" * 300_000, told="user-data: is larger than"),
    "network cut off": Case(network=b"version: 2\nethernets: {end0: {addr", told="network-config: line 2"),
    "network of another form": Case(network=b"iface eth0 inet dhcp\n", told="network-config: "),
}


@pytest.fixture(scope="module")
def gateway_of_a_card(packages: Path, architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both packages on a Debian with cloud-init, as a layer: an image before its first boot."""
    folder = tmp_path_factory.mktemp("card")
    with overlay(_debian(architecture), folder=folder) as tree:
        put(packages, tree, f"*_{architecture}.deb", "*_all.deb")
        inside(tree, "sh", "-c", "dpkg --install /packages/*.deb && rm -r /packages")
        tame_clock(tree)
        (tree / "etc/cloud/cloud.cfg.d/99-card.cfg").write_text(SEED)
    return folder / "upper"


@pytest.fixture
def card(gateway_of_a_card: Path, architecture: str, tmp_path: Path) -> Iterator[Path]:
    with overlay(gateway_of_a_card, _debian(architecture), folder=tmp_path / "root") as tree:
        yield tree


def _debian(architecture: str) -> Path:
    return base(architecture, f"{PACKAGES},cloud-init")


def _boot(card: Path, user_data: bytes, network: bytes, *, instance: bytes = b"one") -> Machine:
    boot = card / "boot/firmware"
    boot.mkdir(parents=True, exist_ok=True)
    meta = b"instance-id: " + instance + b"\n"
    for name, content in (("user-data", user_data), ("network-config", network), ("meta-data", meta)):
        (boot / name).write_bytes(content)
    return Machine(card, boots_within_s=600)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=() if name in SHORT else pytest.mark.whole) for name, case in CASES.items()],
)
def test_the_first_boot(card: Path, case: Case) -> None:
    """It boots, nobody can log in by a password, ports are closed, and what is wrong is told once, in a sentence."""
    machine = _boot(card, case.user_data, case.network)
    try:
        said = machine.run("journalctl", "-u", CHECKED, "-o", "cat", "-t", "edge-boot-files").stdout.splitlines()
        assert (machine.run("hostname").stdout.strip() == "harbour") is case.hostname
        machine.run("systemctl", "start", "edge-banner.service")
        banner = machine.run("cat", "/run/issue.d/edge.issue").stdout
        if case.told is None:
            assert said == []
            assert "boot files" not in banner
        else:
            [sentence] = said
            assert case.told in sentence
            assert len(sentence) < 200
            assert sentence.removeprefix("/boot/firmware/") in banner
        for unit in ("edge-firewall", "edge-first-boot", "dnsmasq", "mosquitto"):
            assert machine.shows(unit, "ActiveState") == "active", unit
        assert "policy drop" in machine.run("nft", "list", "chain", "inet", "edge_gateway", "input").stdout
        passwords = [line.split(":")[1] for line in machine.run("cat", "/etc/shadow").stdout.splitlines()]
        assert {each[:1] for each in passwords} <= {"!", "*"}
    finally:
        machine.stop()


def test_a_file_that_is_mended(card: Path) -> None:
    """With a new instance-id it is read again, and nothing is said any more."""
    machine = _boot(card, RIGHT[:-12], NETWORK)
    machine.stop()
    machine = _boot(card, RIGHT, NETWORK, instance=b"two")
    try:
        assert machine.run("hostname").stdout.strip() == "harbour"
        assert machine.run("cat", "/run/edge-boot-files").stdout == ""
    finally:
        machine.stop()


def test_a_supply_that_is_pulled_while_accounts_are_made(card: Path) -> None:
    """cloud-init noted them as done and made none, which it never does again: nobody could log in."""
    machine = _boot(card, RIGHT, NETWORK)
    machine.stop()
    noted = card / "var/lib/cloud/instances/one/sem"
    assert (noted / "config_scripts_user").exists()
    inside(card, "userdel", "--remove", "installer")
    for later in [path for path in noted.iterdir() if path.name != "config_users_groups"]:
        later.unlink()
    (noted.parent / "boot-finished").unlink()
    machine = _boot(card, RIGHT, NETWORK)
    try:
        assert "proof" in machine.run("cat", "/home/installer/.ssh/authorized_keys").stdout
        assert (noted / "config_scripts_user").exists()
        states = {unit: machine.shows(unit, "ActiveState") for unit in ("cloud-init-local", "cloud-final")}
        assert states == dict.fromkeys(states, "active")
    finally:
        machine.stop()


@pytest.mark.parametrize(
    ("site", "state", "told"),
    [
        ((Path(__file__).parents[3] / "simulators/scenarios/demo-site.toml").read_bytes(), "active", None),
        (b'[site]\nid = "many"\n[control]\nmode = "control', "failed", "site.toml:4: error: "),
        pytest.param(b"\xff\xfe\x00", "failed", "UTF-8", marks=pytest.mark.whole),
    ],
    ids=["right", "cut off", "no text"],
)
def test_a_site_file_for_many(card: Path, site: bytes, state: str, told: str | None) -> None:
    """The service reads it whatever its rights, or says what is wrong with it; others than the service never can."""
    text = b"".join(b"      " + line + b"\n" for line in site.splitlines())
    content = WRITES_SITE + text
    if told == "UTF-8":
        content = WRITES_SITE.replace(b"content: |", b"encoding: b64\n    content: //4A")
    machine = _boot(card, RIGHT + content, NETWORK)
    try:
        assert machine.shows("edge-controller", "ActiveState") == state
        rights = machine.run("stat", "--format=%a %U %G", "/etc/edge-controller/site.toml").stdout.split()
        assert rights == ["640", "root", "edge-controller"]
        said = machine.run("journalctl", "-u", "edge-controller", "-o", "cat", "-t", "edge").stdout
        assert "Traceback" not in said
        assert told is None or told in said
        machine.run("systemctl", "start", "edge-banner.service")
        shown = machine.run("cat", "/run/issue.d/edge.issue").stdout
        assert ("NOT RUNNING" in shown) is (told is not None)
    finally:
        machine.stop()


@pytest.mark.whole
def test_a_way_in_past_the_firewall(card: Path) -> None:
    """Who has closed ssh to himself, and has no password for the screen, opens the firewall from the boot partition."""
    machine = _boot(card, RIGHT, NETWORK)
    try:
        assert "edge_gateway" in machine.run("nft", "list", "tables").stdout
    finally:
        machine.stop()
    machine = _boot(card, RIGHT + OPENS, NETWORK, instance=b"two")
    try:
        assert "edge_gateway" not in machine.run("nft", "list", "tables").stdout
        told = machine.run("journalctl", "-u", CHECKED, "-o", "cat", "-t", "edge-boot-files").stdout
        assert told == ""
    finally:
        machine.stop()
