"""A stock image's boot partition with the gateway on it, and the first boot from that, without a network."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge import __version__
from tests.debian_machine import ROOT, Machine, base, inside, overlay, run, tame_clock, until

# What a stock image has at least of what cloud-init's first boot needs.
STOCK = "ca-certificates,cloud-init,dbus,python3,systemd,systemd-sysv,tzdata,udev"
# Where the maker's image looks for cloud-init's files.
SEED = """datasource_list: [NoCloud, None]
datasource: {NoCloud: {seedfrom: "file:///boot/firmware/"}}
"""
# What Raspberry Pi Imager writes over our user-data, and what somebody makes of it by hand.
USER_DATA = {
    "by Imager": """#cloud-config
hostname: harbour
manage_etc_hosts: true
users:
- name: anna
  lock_passwd: true
  sudo: ALL=(ALL) NOPASSWD:ALL
runcmd:
- touch /var/runcmd-of-imager
""",
    "no YAML": "#cloud-config\nhostname: [harbour\nusers: : :\n",
    "not even text": "\0\1\2",
}
SHORT = "by Imager"  # what CI's short run boots with
SECTOR = 512
BOOT_AT, ROOT_AT = 2048, 264192  # sectors: 128 MB for the boot partition, the rest for the root
IMAGE_BYTES = 192 * 1024 * 1024
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=1234-02 rootwait\n"
CONFIG = "dtparam=audio=on\n\n[pi4]\narm_boost=1\n"


@pytest.fixture
def stock(architecture: str, tmp_path: Path) -> Iterator[Path]:
    """A Debian as an image has it before the gateway."""
    with overlay(base(architecture, STOCK), folder=tmp_path / "stock") as tree:
        yield tree


@pytest.fixture
def image(stock: Path, tmp_path: Path) -> Path:
    """An image file with the partitions of a Raspberry Pi's; its root has the list of its packages."""
    absent = [tool for tool in ("mkfs.vfat", "mcopy", "sfdisk", "mkfs.ext4", "debugfs") if shutil.which(tool) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}: make system-tools")
    path = tmp_path / "stock.img"
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    table = f"label: dos\n{BOOT_AT},{ROOT_AT - BOOT_AT},c\n{ROOT_AT},,83\n"
    subprocess.run(["sfdisk", "--quiet", str(path)], input=table, text=True, check=True)  # noqa: S607
    run("mkfs.vfat", "-F32", f"--offset={BOOT_AT}", path, str((ROOT_AT - BOOT_AT) * SECTOR // 1024))
    status = tmp_path / "root/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    shutil.copy(stock / "var/lib/dpkg/status", status)
    size_k = (IMAGE_BYTES - ROOT_AT * SECTOR) // 1024
    offset = f"offset={ROOT_AT * SECTOR}"
    run("mkfs.ext4", "-q", "-F", "-E", offset, "-d", tmp_path / "root", path, f"{size_k}k")
    for name, text in (("cmdline.txt", CMDLINE), ("config.txt", CONFIG)):
        (tmp_path / name).write_text(text)
        run("mcopy", "-i", f"{path}@@{BOOT_AT * SECTOR}", tmp_path / name, f"::/{name}")
    return path


def test_a_first_boot_without_internet(packages: Path, architecture: str, image: Path, stock: Path) -> None:
    """The card has all that is missing, and nothing else is asked; filling it twice changes nothing."""
    command = [
        sys.executable,
        ROOT / "packaging" / "card.py",
        image,
        "--packages",
        packages,
        "--architecture",
        architecture,
    ]
    run(*map(str, command), within_s=600)
    boot = stock / "boot/firmware"
    _read(image, boot)
    first = {str(path.relative_to(boot)): path.read_bytes() for path in boot.rglob("*") if path.is_file()}
    run(*map(str, command), within_s=600)
    _read(image, boot)
    assert {str(path.relative_to(boot)): path.read_bytes() for path in boot.rglob("*") if path.is_file()} == first

    words = first["cmdline.txt"].decode().split()
    assert words == ["console=tty1", "root=PARTUUID=1234-02", "rootwait", "panic=10", "fsck.repair=yes"]
    assert first["config.txt"].decode() == f"{CONFIG}\n[all]\ninclude edge-config.txt\n"
    assert {"user-data", "vendor-data", "meta-data", "network-config", "edge-config.txt"} <= first.keys()

    inside(stock, "sh", "/boot/firmware/edge/install", within_s=900)
    assert inside(stock, "edge", "--version").stdout.strip() == f"edge {__version__}"
    installed = inside(stock, "dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\n").stdout.split("\n")
    assert {"ii edge-controller", "ii edge-gateway", "ii mosquitto", "ii nftables"} <= set(installed)
    assert inside(stock, "dpkg", "--audit").stdout == ""


@pytest.mark.parametrize(
    "user_data",
    [pytest.param(text, id=name, marks=() if name == SHORT else pytest.mark.whole) for name, text in USER_DATA.items()],
)
def test_whatever_user_data_says(packages: Path, architecture: str, image: Path, stock: Path, user_data: str) -> None:
    """The first boot, by cloud-init itself, makes a gateway of it, its ports closed, though user-data is another's; and
    says at once what is wrong with that."""
    words = (image, "--packages", packages, "--architecture", architecture)
    run(sys.executable, ROOT / "packaging" / "card.py", *words, within_s=600)
    boot = stock / "boot/firmware"
    _read(image, boot)
    (boot / "user-data").write_text(user_data)
    (stock / "etc/cloud/cloud.cfg.d/99-card.cfg").write_text(SEED)
    tame_clock(stock)
    machine = Machine(stock, boots_within_s=600)
    try:
        assert machine.run("edge", "--version").stdout.strip() == f"edge {__version__}"
        states = {unit: machine.shows(unit, "ActiveState") for unit in ("edge-firewall", "dnsmasq", "mosquitto")}
        assert states == dict.fromkeys(states, "active")
        assert machine.shows("edge-controller", "ActiveState") == "inactive"  # it waits to be set up
        by_imager = "runcmd" in user_data
        assert (stock / "var/runcmd-of-imager").exists() is by_imager
        assert (machine.run("hostname").stdout.strip() == "harbour") is by_imager
        until(lambda: machine.shows("edge-boot-files", "ActiveState") == "active", within_s=600, what="they are judged")
        assert ("user-data: " in machine.run("cat", "/run/edge-boot-files").stdout) is not by_imager
    finally:
        machine.stop()


def test_a_supply_that_is_pulled_meanwhile(packages: Path, architecture: str, image: Path, stock: Path) -> None:
    """Cut off while packages are unpacked, and again while they are set up, the next boot goes on to the gateway.
    cloud-init by itself takes for done what it once began."""
    words = (image, "--packages", packages, "--architecture", architecture)
    run(sys.executable, ROOT / "packaging" / "card.py", *words, within_s=600)
    _read(image, stock / "boot/firmware")
    (stock / "etc/cloud/cloud.cfg.d/99-card.cfg").write_text(SEED)
    tame_clock(stock)
    for reached, what in ((_unpacked, "packages are unpacked"), (_set_up, "packages are set up")):
        machine = Machine(stock, boots_within_s=None)
        try:
            until(partial(reached, stock), within_s=600, what=what)
        finally:
            machine.cut()
    machine = Machine(stock, boots_within_s=600)
    try:
        assert machine.run("edge", "--version").stdout.strip() == f"edge {__version__}"
        assert machine.run("dpkg", "--audit").stdout == ""
        states = {unit: machine.shows(unit, "ActiveState") for unit in ("edge-firewall", "dnsmasq", "mosquitto")}
        assert states == dict.fromkeys(states, "active")
        # From now on a boot installs nothing: what somebody removes stays away.
        assert machine.run("ls", "/var/lib/cloud/scripts/per-boot").stdout == ""
    finally:
        machine.stop()


def _unpacked(stock: Path) -> bool:
    return (stock / "usr/sbin/mosquitto").exists()


def _set_up(stock: Path) -> bool:
    return (stock / "etc/systemd/system/multi-user.target.wants/mosquitto.service").is_symlink()


def test_a_damaged_card_installs_nothing(packages: Path, stock: Path) -> None:
    """A package that isn't what the sums say stops the first boot's installation before it begins."""
    folder = stock / "boot/firmware/edge"
    folder.mkdir(parents=True)
    [package] = packages.glob("edge-gateway_*.deb")
    (folder / package.name).write_bytes(package.read_bytes()[:-1])
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {package.name}\n")
    shutil.copy(ROOT / "firmware-config/cloud-init/install", folder)
    assert inside(stock, "sh", "/boot/firmware/edge/install", check=False).returncode != 0
    assert inside(stock, "dpkg-query", "--show", "edge-gateway", check=False).returncode != 0


def _read(image: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run("mcopy", "-s", "-n", "-i", f"{image}@@{BOOT_AT * SECTOR}", "::/*", folder)
