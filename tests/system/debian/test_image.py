"""The image of `make image`, whole, on an emulated arm64 machine: its own kernel, initial RAM disk, slots and updates.

EDGE_IMAGE names the image, EDGE_SIGNING the folder with the key whose certificate is in it, and the bundle of `make
update-bundle` lies beside the image. The tests are one story, in the order of the file: one card goes through them all.
Emulation takes about twenty minutes; a board takes a few.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import site_networks
from tests.debian_machine import ROOT, run, until
from tests.emulated_board import EMULATOR, OUTSIDE, USER_DATA, Board
from tests.site_networks import CHARGER_GATEWAY
from tests.system.debian.peers import Peers, peers
from tests.system.debian.test_gateway import EXPOSURE

IMAGE, SIGNING = os.environ.get("EDGE_IMAGE"), os.environ.get("EDGE_SIGNING")
# How long what is waited for may take on a machine that does much else; it comes when it comes.
BOOT_S = 1800.0
INSTALL_S = 1800.0
SOON_S = 600.0
CARD = "7G"
STICK = "bundles"  # its label: which disk is vda and which vdb is decided by chance at each boot
OURS = (
    *("edge-firewall", "edge-first-boot", "edge-slot-gate", "edge-clock-trust", "edge-charger-lan"),
    "edge-banner.timer",
)
OTHERS = ("chrony", "dnsmasq", "mosquitto", "ssh", "systemd-networkd")
BOOTED = "Startup finished in"  # systemd's word when no job is left
# Meter and cloud in the building; the station on the charger LAN, which is the board's USB adapter.
SITE = """
[site]
id = "emulated"
[control]
mode = "control"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
meter = "grid"
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://{outside}:{meter}"
[[station]]
id = "CP-A"
circuit = "main"
[[station.evse]]
id = 1
phases = ["L2", "L3", "L1"]
max_a = 16
[ocpp]
listen = "10.77.0.1:9000"
upstream = "ws://{outside}:{cloud}/{{station}}"
security_profile = 0
"""
# In slot B the controller doesn't start: a release that is unfit. The gate waits a minute for it, not ten.
UNFIT_IN_B = """
cd /etc/systemd/system
sudo mkdir -p edge-controller.service.d edge-slot-gate.service.d
printf '[Unit]\\nConditionKernelCommandLine=!rauc.slot=B\\n' | sudo tee edge-controller.service.d/b.conf
printf '[Service]\\nEnvironment=EDGE_SLOT_WITHIN_S=60\\n' | sudo tee edge-slot-gate.service.d/b.conf
sudo sync
"""
FIT_AGAIN = "sudo rm -r /etc/systemd/system/edge-controller.service.d /etc/systemd/system/edge-slot-gate.service.d"
# What is loaded at a boot, before anybody can type: the key between T and U.
KEYMAP = "zcat /etc/console-setup/cached_UTF-8_del.kmap.gz | grep '^keycode 21 '"
GERMAN_Z = "keycode 21 = +U+007a "
# Where cloud-init looks, by all its settings.
DATASOURCES = (
    "from cloudinit.util import read_conf_with_confd as read; print(read('/etc/cloud/cloud.cfg')['datasource_list'])"
)
# A disk with the partitions of an image, plugged in while the gateway runs.
SECOND_DISK = """
truncate --size=64M second
printf 'label: dos\\nlabel-id: 0xed9e0001\\n,8M\\n,8M\\n,8M\\n,8M\\n' | sudo sfdisk --quiet second
sudo losetup --find --partscan second
sudo udevadm settle
"""
# Errors in the journal, but for the kernel's about Wi-Fi's rules, and for the cable that isn't waited for.
WENT_WRONG = "sudo journalctl --boot --priority=err | grep -v -e ' kernel: ' -e systemd-networkd-wait-online"
STATIONS = 40  # that ask for an address
TICKS = 60  # twice what the gate wants to see with all back


def _missing() -> str | None:
    if IMAGE is None or SIGNING is None:
        return "takes twenty minutes and an image: EDGE_IMAGE=<file> EDGE_SIGNING=<folder> make system-test"
    if not Path(IMAGE).with_suffix(".raucb").exists():
        return f"needs the update bundle beside {IMAGE}: make update-bundle SIGNING={SIGNING}"
    absent = [tool for tool in (EMULATOR, "mtype", "mcopy", "ssh", "rauc") if shutil.which(tool) is None]
    return f"needs {', '.join(absent)}: make system-tools" if absent else None


pytestmark = pytest.mark.skipif(_missing() is not None, reason=_missing() or "")


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with bundles: the right one, one with a few bytes changed, and one that somebody else has signed."""
    folder = tmp_path_factory.mktemp("bundles")
    right = Path(IMAGE or "").with_suffix(".raucb")
    shutil.copy(right, folder / "right.raucb")
    shutil.copy(right, folder / "bent.raucb")
    with (folder / "bent.raucb").open("r+b") as file:
        file.seek(right.stat().st_size // 20)  # in the file system that it brings; found when it is read
        file.write(b"\xff\xfe\xfd\xfc")
    other = tmp_path_factory.mktemp("other")
    run(ROOT / "packaging" / "signing-key", other / "key")
    run("mkfs.ext4", "-q", "-F", other / "slot.ext4", "30M")
    words = (f"--signing={other / 'key'}", other / "slot.ext4", folder / "foreign.raucb")
    run(sys.executable, ROOT / "packaging/bundle.py", *words)
    disk = tmp_path_factory.mktemp("stick") / "stick.img"
    run("mkfs.ext4", "-q", "-F", "-L", STICK, "-d", folder, disk, "1G")
    shutil.rmtree(folder)
    return disk


@pytest.fixture(scope="module")
def space() -> Iterator[str]:
    """The networks around the board."""
    with site_networks.of_an_emulator() as space:
        yield space


@pytest.fixture(scope="module")
def site(space: str) -> Iterator[Peers]:
    """Meter and cloud of the site, whose load is never quite the same."""
    with peers("ip", "netns", "exec", space, gateway=f"{CHARGER_GATEWAY}:9000") as site:
        site.do("load moves")
        yield site


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, stick: Path, space: str) -> Iterator[Board]:
    """A card with the image, larger than it, with the installer's key on its boot partition; switched on."""
    folder = tmp_path_factory.mktemp("board")
    card = folder / "card.img"
    run("cp", "--sparse=always", IMAGE or "", card)
    run("truncate", "-s", CARD, card)
    board = Board(image=card, folder=folder, space=space, serial_adapters=2, stick=stick)
    key = board.key.with_suffix(".pub").read_text().strip()
    board.boot_write("user-data", USER_DATA.format(host="harbour", key=key))
    board.switch_on()
    try:
        yield board
    finally:
        board.switch_off()
        card.unlink()


@pytest.fixture(scope="module")
def charging(board: Board, site: Peers) -> Board:
    """The board, set up for the site; its meter is fresh, its station connected, and a car charges."""
    _write_site(board, site)
    board.run("sudo systemctl restart edge-controller", within_s=SOON_S)
    site.do("station")
    until(lambda: _station(board).get("connected", False), within_s=SOON_S, what="the station is connected")
    site.do("car")
    until(lambda: _transaction(board) is not None, within_s=SOON_S, what="a session runs")
    return board


def _write_site(board: Board, site: Peers) -> None:
    text = SITE.format(outside=OUTSIDE, meter=site.port("meter"), cloud=site.port("cloud"))
    board.run(f"sudo tee /etc/edge-controller/site.toml <<'END'\n{text}END\n")


def _slots(board: Board) -> str:
    return board.run("sudo edge-update --status").stdout


def _status(board: Board) -> dict[str, Any]:
    answer = board.run("sudo edge status --json", check=False)
    report: dict[str, Any] = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return report


def _station(board: Board) -> dict[str, Any]:
    found: list[dict[str, Any]] = _status(board).get("stations", [])
    return found[0] if found else {}


def _transaction(board: Board) -> str | None:
    """Of the station's session; none while it doesn't charge."""
    for evse in _station(board).get("evses", []):
        if evse["status"] == "Charging" and evse["transaction_id"] is not None:
            return str(evse["transaction_id"])
    return None


def test_it_boots_whole(board: Board) -> None:
    """No unit has failed, the root is read-only, its data partition has the card's size, and nobody owns it yet."""
    board.says(BOOTED, within_s=BOOT_S)
    board.until_it_answers(within_s=SOON_S)
    assert board.run("systemctl --failed --no-legend").stdout == ""
    assert board.starts == ["A"]
    assert board.run("touch /usr/written", check=False).returncode != 0
    assert board.run("findmnt -n -o OPTIONS /").stdout.startswith("ro,")
    for place in ("/etc", "/var", "/home", "/root"):
        assert board.run(f"findmnt -n -o FSTYPE {place}").stdout.strip() == "overlay"
    assert int(board.run("df --output=size -m /data | tail -1").stdout) > 2000
    states = {unit: board.run(f"systemctl is-active {unit}", check=False).stdout.strip() for unit in (*OURS, *OTHERS)}
    assert states == dict.fromkeys(states, "active")
    assert board.run("hostname").stdout.strip() == "harbour"
    # Nobody on the network is asked who this is, whatever becomes of the boot partition's files.
    assert board.run(f'python3 -c "{DATASOURCES}"').stdout.strip() == "['NoCloud', 'None']"
    assert "10.77.0.1/22" in board.run("ip -br address show charger0").stdout
    until(lambda: "not set up yet" in _banner(board), within_s=SOON_S, what="the banner is drawn")
    assert _slots(board) == "slot A: good, runs, boots\nslot B: good\n"


def test_what_an_installer_finds(board: Board) -> None:
    """An answer to its name, a screen without the kernel's remarks, his keyboard's keys, each adapter by its socket."""
    until(lambda: ":5353 " in board.run("ss -Hlun").stdout, within_s=SOON_S, what="it answers to its name")
    shown = board.run("resolvectl mdns; cat /proc/sys/kernel/printk").stdout
    assert re.search(r"\(e\w+\): yes", shown), shown
    assert "(charger0): no" in shown
    assert re.search(r"^4\s", shown, re.MULTILINE)
    menu = board.run(r"printf '5\nde\n\n' | sudo /usr/lib/edge-gateway/edge-console", within_s=SOON_S).stdout
    assert "5) keyboard: us" in menu
    assert board.run(KEYMAP).stdout.startswith(GERMAN_Z)
    adapters = _adapters(board)
    assert len(adapters) == len(set(adapters)) == 2
    assert (
        len(board.run("ls /dev/serial/by-id").stdout.split()) == 1
    )  # of one make and number: this name has one of them
    timers = board.run("cat /sys/bus/usb-serial/devices/*/latency_timer").stdout.split()
    assert timers == ["1", "1"]
    (board.folder / "adapters").write_text(" ".join(adapters))


def _adapters(board: Board) -> list[str]:
    """The serial adapters, named by their sockets."""
    return board.run("ls -d /dev/rs485/port-*").stdout.split()


def _banner(board: Board) -> str:
    return board.run("cat /run/issue.d/edge.issue", check=False).stdout


def test_stations_get_addresses(board: Board, space: str) -> None:
    """Each its own, on the whole of the charger LAN; and who speaks with strangers has little of the machine."""
    given = site_networks.leases(space, STATIONS, within_s=SOON_S)
    assert len(set(given)) == STATIONS
    assert all(site_networks.is_lent(each) for each in given)
    assert board.run("cat /run/edge-charger-lan").stdout == ""  # nobody else is heard there
    assert board.run(WENT_WRONG, check=False).stdout == ""
    for unit, most in EXPOSURE.items():
        words = f"sudo systemd-analyze security --no-pager --threshold={most * 10:.0f} {unit}.service"
        found = board.run(words, check=False)
        assert found.returncode == 0, found.stdout


def test_a_wrong_bundle_is_refused(charging: Board) -> None:
    """Signed by another, changed after it was signed, or beside a second disk of an image: what runs goes on."""
    session = _transaction(charging)
    charging.run(f"sudo mount -o ro LABEL={STICK} /mnt")
    for name, told in (("foreign", "signature"), ("bent", "nothing is to be tried")):
        done = charging.run(f"sudo edge-update --no-restart /mnt/{name}.raucb", within_s=INSTALL_S, check=False)
        assert done.returncode == 1, name
        assert told in done.stdout + done.stderr, name
        assert "to be tried" not in _slots(charging)
    charging.run(SECOND_DISK)
    done = charging.run("sudo edge-update --no-restart /mnt/right.raucb", check=False)
    assert done.returncode == 1
    assert "two disks have a gateway's image" in done.stderr
    charging.run("sudo losetup --detach-all && rm second")
    assert _slots(charging).startswith("slot A: good, runs, boots\n")
    assert _transaction(charging) == session


def test_an_unhealthy_one_falls_back(charging: Board) -> None:
    """In the new release control doesn't come up: the gate restarts into the slot that was good, and says so."""
    session = _transaction(charging)
    charging.run(UNFIT_IN_B)
    charging.run("sudo edge-update --no-restart /mnt/right.raucb", within_s=INSTALL_S)
    assert _slots(charging) == "slot A: good, runs, boots\nslot B: good, to be tried\n"
    charging.run("sudo edge-update --try", check=False)
    charging.says("slot B is on trial; slot A is what it falls back to", within_s=BOOT_S)
    judged = charging.says("slot B is not fit: back to slot A", within_s=SOON_S)
    assert "the control loop completes no tick" in judged
    charging.says(BOOTED, within_s=BOOT_S)
    assert charging.starts == ["A", "B", "A"]
    charging.until_it_answers(within_s=SOON_S)
    assert _slots(charging) == "slot A: good, runs, boots\nslot B: bad\n"
    # Who comes later finds why.
    told = charging.run("sudo journalctl --boot=-1 --unit=edge-slot-gate --output=cat").stdout
    assert "the control loop completes no tick" in told
    until(lambda: _transaction(charging) == session, within_s=SOON_S, what="the session goes on in the old slot")


def test_a_fit_one_is_kept(charging: Board, site: Peers) -> None:
    """The other slot runs on trial as long as the meter is missing, and boots from then on once it is back."""
    session = _transaction(charging)
    until(lambda: _is_fresh(charging), within_s=SOON_S, what="the meter is fresh: from now on it must come back")
    charging.run(FIT_AGAIN)
    charging.run("sudo rauc status mark-active other")
    charging.run("sudo edge-update --try", check=False)
    charging.says("reboot: Restarting system", within_s=SOON_S)
    site.do("meter away")
    charging.says("slot B is on trial; slot A is what it falls back to", within_s=BOOT_S)
    charging.until_it_answers(within_s=BOOT_S)
    until(lambda: _ticked_without_meter(charging), within_s=SOON_S, what="all but the meter are back")
    assert _slots(charging) == "slot A: good, boots\nslot B: good, runs, to be tried\n"
    site.do("meter back")
    charging.says("slot B is kept", within_s=SOON_S)
    assert _slots(charging) == "slot A: good\nslot B: good, runs, boots\n"
    assert charging.would_boot() == "B"
    assert charging.starts == ["A", "B", "A", "B"]
    assert charging.run("findmnt -n -o PARTUUID /").stdout.strip().endswith("-03")
    assert _adapters(charging) == (charging.folder / "adapters").read_text().split()
    assert charging.run(KEYMAP).stdout.startswith(GERMAN_Z)
    assert 'id = "emulated"' in charging.run("sudo cat /etc/edge-controller/site.toml").stdout
    until(lambda: _transaction(charging) == session, within_s=SOON_S, what="the session goes on in the new slot")


def _is_fresh(board: Board) -> bool:
    """Whether the gateway reads its meter."""
    return any(each["ok"] for each in _status(board).get("meters", []))


def _ticked_without_meter(board: Board) -> bool:
    report = _status(board)
    if not report or report["control"]["ticks"] < TICKS:
        return False
    connected: bool = report["stations"][0]["connected"]
    return connected and not report["meters"][0]["ok"]
