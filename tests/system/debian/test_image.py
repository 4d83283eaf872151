"""The image of `make image`, whole, on an emulated arm64 machine: its own kernel, initial RAM disk, slots and updates.

EDGE_IMAGE names the image, EDGE_SIGNING the folder with the key whose certificate is in it, and the bundle of `make
update-bundle` lies beside the image. Emulation takes half an hour; a board takes minutes.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.ports import free_endpoints
from tests.debian_machine import ROOT, run, until
from tests.emulated_board import EMULATOR, USER_DATA, Board

IMAGE, SIGNING = os.environ.get("EDGE_IMAGE"), os.environ.get("EDGE_SIGNING")
BOOT_S = 900.0
INSTALL_S = 1500.0
CARD = "7G"
OURS = ("edge-firewall", "edge-first-boot", "edge-slot-gate", "edge-clock-trust", "edge-banner.timer")
OTHERS = ("chrony", "dnsmasq", "mosquitto", "ssh", "systemd-networkd")
# A site that controls without meter and stations: all that a slot can lose is the control loop itself.
SITE = """
[site]
id = "emulated"
[control]
mode = "observe"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
[[station]]
id = "CP-1"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
[ocpp]
listen = "127.0.0.1:9000"
upstream = "ws://127.0.0.1:9100/{station}"
"""
# In slot A the controller doesn't start: a release that is unfit. The gate waits a minute for it, not ten.
UNFIT_IN_A = """
cd /etc/systemd/system
sudo mkdir -p edge-controller.service.d edge-slot-gate.service.d
printf '[Unit]\\nConditionKernelCommandLine=!rauc.slot=A\\n' | sudo tee edge-controller.service.d/a.conf
printf '[Service]\\nEnvironment=EDGE_SLOT_WITHIN_S=60\\n' | sudo tee edge-slot-gate.service.d/a.conf
sudo systemctl daemon-reload
"""


def _missing() -> str | None:
    if IMAGE is None or SIGNING is None:
        return "takes half an hour and an image: EDGE_IMAGE=<file of make image> EDGE_SIGNING=<folder> make system-test"
    absent = [tool for tool in (EMULATOR, "mtype", "mcopy", "ssh", "rauc") if shutil.which(tool) is None]
    return f"needs {', '.join(absent)}" if absent else None


pytestmark = pytest.mark.skipif(_missing() is not None, reason=_missing() or "")


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with bundles: the right one, one with a few bytes changed, and one that somebody else has signed."""
    folder = tmp_path_factory.mktemp("bundles")
    right = Path(IMAGE or "").with_suffix(".raucb")
    shutil.copy(right, folder / "right.raucb")
    shutil.copy(right, folder / "bent.raucb")
    with (folder / "bent.raucb").open("r+b") as file:
        file.seek(right.stat().st_size // 2)
        file.write(b"\xff\xfe\xfd\xfc")
    other = tmp_path_factory.mktemp("other")
    run(ROOT / "packaging" / "signing-key", other / "key")
    run("mkfs.ext4", "-q", "-F", other / "slot.ext4", "30M")
    words = (f"--signing={other / 'key'}", other / "slot.ext4", folder / "foreign.raucb")
    run(sys.executable, ROOT / "packaging/bundle.py", *words)
    disk = tmp_path_factory.mktemp("stick") / "stick.img"
    run("mkfs.ext4", "-q", "-F", "-d", folder, disk, "1G")
    return disk


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, stick: Path) -> Iterator[Board]:
    """A card with the image, larger than it, with the installer's key on its boot partition; switched on."""
    folder = tmp_path_factory.mktemp("board")
    card = folder / "card.img"
    run("cp", "--sparse=always", IMAGE or "", card)
    run("truncate", "-s", CARD, card)
    board = Board(image=card, folder=folder, port=_port(), stick=stick)
    key = board.key.with_suffix(".pub").read_text().strip()
    board.boot_write("user-data", USER_DATA.format(host="harbour", key=key))
    board.switch_on()
    try:
        board.until_it_answers(within_s=BOOT_S)
        yield board
    finally:
        board.switch_off()


def _port() -> int:
    return int(str(free_endpoints(1)[0]).rpartition(":")[2])


def _state(board: Board) -> str:
    return board.run("systemctl is-system-running", check=False).stdout.strip()


def _slots(board: Board) -> str:
    return board.run("sudo edge-update --status").stdout


def test_it_boots_whole(board: Board) -> None:
    """No unit has failed, the root is read-only, its data partition has the card's size, and nobody owns it yet."""
    until(lambda: _state(board) in {"running", "degraded"}, within_s=BOOT_S, what="the boot is over")
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
    assert "not set up yet" in board.run("cat /run/issue.d/edge.issue").stdout
    assert _slots(board) == "slot A: good, runs, boots\nslot B: good\n"


def test_a_wrong_bundle_is_refused(board: Board) -> None:
    """Signed by another, or changed after it was signed: no slot is to be tried, and what runs goes on."""
    board.run("sudo mount -o ro /dev/vdb /mnt")
    for name in ("foreign", "bent"):
        done = board.run(f"sudo edge-update --no-restart /mnt/{name}.raucb", within_s=INSTALL_S, check=False)
        assert done.returncode != 0, name
        assert "to be tried" not in _slots(board)
    assert _slots(board).startswith("slot A: good, runs, boots\n")


def test_a_right_bundle_is_tried_and_kept(board: Board) -> None:
    """The other slot boots on trial, proves itself, and boots from then on; what was changed in /etc goes along."""
    board.run("sudo cp /dev/stdin /etc/edge-controller/site.toml <<'END'\n" + SITE + "END")
    board.run("sudo systemctl restart edge-controller", within_s=300)
    board.run("sudo edge-update /mnt/right.raucb", within_s=INSTALL_S, check=False)
    until(lambda: board.starts == ["A", "B"], within_s=300, what="the other slot is booted")
    board.until_it_answers(within_s=BOOT_S)
    until(lambda: "slot B: good, runs, boots" in _slots(board), within_s=900, what="the new slot is kept")
    assert board.run("sudo grep -c emulated /etc/edge-controller/site.toml").stdout.strip() == "1"
    assert board.run("findmnt -n -o SOURCE /").stdout.strip() == "/dev/vda3"


def test_an_unfit_one_falls_back(board: Board) -> None:
    """A release whose control loop doesn't come up: the gate restarts into the slot that was good, and says so."""
    board.run(UNFIT_IN_A)
    board.run("sudo mount -o ro /dev/vdb /mnt")
    board.run("sudo edge-update /mnt/right.raucb", within_s=INSTALL_S, check=False)
    until(lambda: board.starts[2:] == ["A", "B"], within_s=1800, what="the old slot is booted again")
    board.until_it_answers(within_s=BOOT_S)
    until(lambda: _state(board) in {"running", "degraded"}, within_s=BOOT_S, what="the boot is over")
    assert _slots(board) == "slot A: bad\nslot B: good, runs, boots\n"
    assert board.run("systemctl is-active edge-controller").stdout.strip() == "active"
