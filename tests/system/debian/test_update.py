"""Signed bundles on a machine with two slots: RAUC itself, on loop devices, with the gateway's settings and scripts."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.debian_machine import ROOT, run
from tests.slot_machine import SCRIPTS, SlotMachine

TOOLS = ("rauc", "dbus-run-session", "losetup", "mkfs.ext4", "mksquashfs", "openssl")
SLOT_BYTES = 24 * 1024 * 1024
ARCHITECTURE = "arm64"
# RAUC's service and its client speak over a bus of their own; the service is this session's, and ends with it.
INSTALL = """
export DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS"
rauc --conf="$1" service --override-boot-slot="$3" &
service=$!
trap 'kill $service; wait $service' EXIT
gdbus wait --session --timeout 20 de.pengutronix.rauc
rauc --conf="$1" install "$2"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """A machine, the devices of its slots, RAUC's settings, and the folder with the key whose certificate it trusts."""

    machine: SlotMachine
    devices: dict[str, Path]
    settings: Path
    signing: Path

    def install(self, bundle: Path) -> subprocess.CompletedProcess[str]:
        """``rauc install`` as the gateway does it."""
        words = [
            "dbus-run-session",
            "--",
            "bash",
            "-c",
            INSTALL,
            "install",
            str(self.settings),
            str(bundle),
            self.machine.slot("booted"),
        ]
        return subprocess.run(
            words, env=self.machine.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def digest(self, slot: str) -> str:
        return hashlib.sha256(self.devices[slot].read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def bundles() -> ModuleType:
    """packaging/bundle.py: a script beside the packaging, which is no package."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}: make system-tools")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "packaging"))
        spec = importlib.util.spec_from_file_location("update_bundle", ROOT / "packaging" / "bundle.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


def _file_system(folder: Path, release: str) -> Path:
    """A slot's content, as small as it can be: what the scripts use, and the name of its release."""
    tree = folder / f"tree-{release}"
    for name, text in (("vmlinuz", f"kernel {release}"), ("initrd.img", f"disk {release}")):
        path = tree / "usr/lib/edge-gateway/boot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(SCRIPTS / "edge-slot", tree / "usr/lib/edge-gateway/edge-slot")
    (tree / "usr/share/edge-gateway").mkdir(parents=True)
    shutil.copy(SCRIPTS / "cmdline.txt", tree / "usr/share/edge-gateway")
    image = folder / f"{release}.ext4"
    run("mkfs.ext4", "-q", "-F", "-d", tree, image, f"{SLOT_BYTES // 1024}k")
    return image


def _key(folder: Path) -> Path:
    run(ROOT / "packaging" / "signing-key", folder)
    return folder


@pytest.fixture
def updated(bundles: ModuleType, tmp_path: Path) -> Iterator[Updated]:
    """Slot A runs release one; B is empty."""
    machine = SlotMachine.new(tmp_path / "machine")
    devices: dict[str, Path] = {}
    try:
        for slot in ("A", "B"):
            file = tmp_path / f"slot-{slot}"
            file.write_bytes(_file_system(tmp_path, "one").read_bytes() if slot == "A" else bytes(SLOT_BYTES))
            done = run("losetup", "--find", "--show", file, check=False)
            if done.returncode:
                pytest.skip(f"this machine has no loop devices: {done.stderr.strip()}")
            devices[slot] = Path(done.stdout.strip())
        signing = _key(tmp_path / "signing")
        settings = tmp_path / "system.conf"
        text = (SCRIPTS / "rauc.conf").read_text().replace("@COMPATIBLE@", bundles.compatible(ARCHITECTURE))
        for old, new in (
            ("/dev/disk/by-partuuid/ed9e0001-02", str(devices["A"])),
            ("/dev/disk/by-partuuid/ed9e0001-03", str(devices["B"])),
            ("/etc/rauc/keyring.pem", str(signing / "cert.pem")),
            ("/usr/lib/edge-gateway/edge-slot", str(SCRIPTS / "edge-slot")),
            ("/var/lib/edge-gateway/slots", str(machine.state)),
            ("/run/rauc", str(tmp_path / "mount")),
            ("bundle-formats=verity", f"bundle-formats={_format()}"),
        ):
            assert old in text
            text = text.replace(old, new)
        settings.write_text(text)
        yield Updated(machine=machine, devices=devices, settings=settings, signing=signing)
    finally:
        for device in devices.values():
            run("losetup", "--detach", device, check=False)


def _format() -> str:
    """What the gateway takes, verity, where this machine's kernel has it; else what needs no device mapper."""
    return "verity" if Path("/dev/mapper/control").exists() and _has_verity() else "plain"


def _has_verity() -> bool:
    return "verity" in run("dmsetup", "targets", check=False).stdout


def _bundle(bundles: ModuleType, tmp_path: Path, signing: Path, *, architecture: str = ARCHITECTURE) -> Path:
    output = tmp_path / "update.raucb"
    slot = _file_system(tmp_path, "two")
    bundles.make(slot, output, signing, architecture=architecture, form=_format())
    return output


def test_a_right_bundle_goes_into_the_other_slot(updated: Updated, bundles: ModuleType, tmp_path: Path) -> None:
    """The slot that runs isn't touched; the other has the new release and its kernel, and boots once it is proved."""
    bundle = _bundle(bundles, tmp_path, updated.signing)
    before = updated.digest("A")
    done = updated.install(bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert updated.digest("A") == before
    assert run("debugfs", "-R", "cat /usr/lib/edge-gateway/boot/vmlinuz", updated.devices["B"]).stdout == "kernel two"
    boot = updated.machine.boot
    assert (boot / "b/vmlinuz").read_text() == "kernel two"
    parameters = (boot / "b/cmdline.txt").read_text().split()
    assert {"root=PARTUUID=ed9e0001-03", "rauc.slot=B", "ro"} <= set(parameters)
    assert updated.machine.start() == "A"
    assert updated.machine.restarts_for_trial() == "B"
    assert updated.machine.run("edge-slot-gate").returncode == 0
    assert updated.machine.start() == "B"

    again = updated.install(bundle)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (updated.machine.slot("trial"), (boot / "a/vmlinuz").read_text()) == ("A", "kernel two")


def test_an_unhealthy_one_falls_back(updated: Updated, bundles: ModuleType, tmp_path: Path) -> None:
    """Installed, tried, and without meter or stations: the machine is back in the old slot, and the new one is bad."""
    assert updated.install(_bundle(bundles, tmp_path, updated.signing)).returncode == 0
    assert updated.machine.restarts_for_trial() == "B"
    updated.machine.fit(yes=False)
    assert updated.machine.run("edge-slot-gate").returncode == 1
    assert updated.machine.start() == "A"
    assert updated.machine.slot("get-state", "B") == "bad"


def test_one_that_comes_during_a_trial_is_refused(updated: Updated, bundles: ModuleType, tmp_path: Path) -> None:
    """The other slot then is the one to fall back to: neither its file system nor its kernel is written to."""
    bundle = _bundle(bundles, tmp_path, updated.signing)
    assert updated.install(bundle).returncode == 0
    assert updated.machine.restarts_for_trial() == "B"
    before = updated.digest("A")
    done = updated.install(bundle)
    assert done.returncode != 0
    assert updated.digest("A") == before
    assert updated.machine.slot("get-state", "A") == "good"
    assert updated.machine.slot("trial") == "B"
    assert updated.machine.start() == "A"


@pytest.mark.parametrize("place", ["boot", "state"])
def test_a_disk_without_room(updated: Updated, bundles: ModuleType, tmp_path: Path, place: str) -> None:
    """Neither the kernel nor a note fits: nothing is to be tried, the old slot boots, and with room all goes well."""
    bundle = _bundle(bundles, tmp_path, updated.signing)
    folder = updated.machine.folder / place
    before = updated.digest("B")
    with _small(folder):
        room = folder / "photographs"
        run("sh", "-c", f"cat /dev/zero >{room}", check=False)
        done = updated.install(bundle)
        assert done.returncode != 0
        assert updated.machine.slot("trial") == ""
        assert updated.machine.run("edge-update", "--try").returncode == 2
        assert updated.machine.run("edge-slot", "set-primary", "B").returncode == 1  # rauc status mark-active other
        assert updated.machine.start() == "A"
        assert updated.machine.run("edge-slot-gate").returncode == 0
        # Without a note nothing is begun; the kernel comes after the file system.
        assert (updated.digest("B") == before) == (place == "state")
        room.unlink()
        assert updated.install(bundle).returncode == 0
        assert updated.machine.restarts_for_trial() == "B"
        assert updated.machine.run("edge-slot-gate").returncode == 0
        assert updated.machine.start() == "B"


@contextmanager
def _small(folder: Path) -> Iterator[None]:
    """``folder`` is a disk of its own, of a hundred kilobytes, with what was in it."""
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    run("mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield
    finally:
        run("umount", folder)


@pytest.mark.parametrize("fault", ["another key", "changed after signing", "another machine's", "cut off", "empty"])
def test_a_wrong_bundle_is_refused(updated: Updated, bundles: ModuleType, tmp_path: Path, fault: str) -> None:
    """The slot that runs doesn't change, and nothing is to be tried."""
    signing = _key(tmp_path / "other") if fault == "another key" else updated.signing
    architecture = "amd64" if fault == "another machine's" else ARCHITECTURE
    bundle = _bundle(bundles, tmp_path, signing, architecture=architecture)
    if fault == "changed after signing":
        content = bytearray(bundle.read_bytes())
        content[len(content) // 4] ^= 1
        bundle.write_bytes(content)
    if fault in {"cut off", "empty"}:  # a copy that ended before its end: the signature is the last of it
        os.truncate(bundle, bundle.stat().st_size - 4096 if fault == "cut off" else 0)
    before = (updated.digest("A"), updated.digest("B"))
    done = updated.install(bundle)
    assert done.returncode != 0
    told = {"another key": "certificate", "another machine's": "compatible"}.get(fault, "failed")
    assert told in (done.stdout + done.stderr).lower()
    assert updated.digest("A") == before[0]
    # With verity what was changed is found while it is read, block by block: then the other slot is spoilt, not tried.
    assert updated.digest("B") == before[1] or fault == "changed after signing"
    assert updated.machine.slot("trial") == ""
    assert not (updated.machine.boot / "b").exists()
