"""A bootable image with two slots and a data partition, for a Raspberry Pi 4, 400 or CM4; by ``make image``, as root.

    edge-gateway_<version>_arm64.img     boot (FAT) | slot A | slot B (empty) | data, which grows at the first boot
    edge-gateway_<version>_arm64.ext4    slot A's file system alone: what make update-bundle signs

Debian's packages come from Debian's servers, checked by apt with Debian's keys; ours are those of ``make deb``.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import tomllib
import zlib
from pathlib import Path

import bundle
from gateway_files import SLOT_BOOT_FILES, SLOT_FILES, Placed

ROOT = Path(__file__).parent.parent
SUITE = "bookworm"
# What both packages depend on, and what boots, updates and is logged in to.
PACKAGES = (
    "ca-certificates,chrony,cloud-init,console-setup,dbus,dnsmasq,dosfstools,e2fsprogs,fdisk,initramfs-tools,iproute2,"
    "kmod,libgcc-s1,libstdc++6,linux-image-arm64,logrotate,mosquitto,nftables,openssh-server,openssl,procps,python3,"
    "qrencode,raspi-firmware,rauc,rauc-service,sudo,systemd,systemd-resolved,systemd-sysv,tzdata,udev,unattended-upgrades"
)
MIB = 1024 * 1024
SECTOR = 512
DISK = "ed9e0001"  # the disk's signature: its partitions' names in fstab, rauc.conf and cmdline.txt
START_MIB, BOOT_MIB, SLOT_MIB, DATA_MIB = 4, 512, 2048, 256
# What goes into the initial RAM disk.
INITIAL_DISK = tuple(
    f"firmware-config/slots/{name}" for name in ("edge-overlays", "initramfs-hook", "initramfs-script")
)
ENABLED = ("edge-slot-gate.service", "edge-grow.service", "systemd-resolved.service")
# What is different on each gateway, and made there.
OWN = ("etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*", "run/*")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compose a bootable image with two slots.")
    parser.add_argument(
        "--signing", type=Path, required=True, metavar="FOLDER", help="whose cert.pem updates must match"
    )
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where make deb put them"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "image", metavar="FOLDER")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("make image: it makes a tree of files of many owners, so it needs root")
    certificate = options.signing / "cert.pem"
    ours = sorted(
        [*options.packages.glob("edge-controller_*_arm64.deb"), *options.packages.glob("edge-gateway_*_all.deb")]
    )
    if not certificate.is_file():
        raise SystemExit(f"make image: there is no {certificate}; make signing-key SIGNING={options.signing} makes one")
    if len(ours) != 2:
        raise SystemExit(f"make image: {options.packages} must have both packages, once each: make deb")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    output = options.output / f"edge-gateway_{version}_arm64.img"
    output.parent.mkdir(parents=True, exist_ok=True)
    tree = options.work / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    _run("cp", "--archive", str(_base(options.work)), str(tree))
    compose(tree, ours, certificate)
    write(tree, output)
    print(f"make image: {output}, and {output.with_suffix('.ext4').name} to sign")  # noqa: T201 - for who runs it


def _base(work: Path) -> Path:
    """Debian with all that is needed, made once and kept; never to be written to.

    Its initial RAM disk is made with ours in it, once, at the end: the kernel's package would have it made twice, as it
    is set up and by its trigger, and wholly emulated.
    """
    early = [file for file in SLOT_FILES if file.source in INITIAL_DISK]
    key = zlib.crc32(PACKAGES.encode() + b"".join((ROOT / file.source).read_bytes() for file in early))
    tree = work / f"{SUITE}-arm64-{key:08x}"
    if not tree.exists():
        work.mkdir(parents=True, exist_ok=True)
        making = tree.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        print("make image: Debian's tree is made under emulation, once; that takes a quarter of an hour", flush=True)  # noqa: T201 - for who waits
        hooks = [f'--essential-hook=install -D -m 755 "{ROOT / each.source}" "$1/{each.target}"' for each in early]
        debian = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org"
        _run(
            # What it mounts in the tree goes with it, also when it is killed: else the tree couldn't be made anew.
            *("unshare", "--mount", "--propagation=private"),
            *("mmdebstrap", "--quiet", "--variant=minbase", "--architectures=arm64", f"--include={PACKAGES}"),
            *hooks,
            f'--customize-hook="{ROOT}/packaging/initial-disk" "$1"',
            *(SUITE, str(making), f"{debian}/debian {SUITE} main non-free-firmware"),
            *(f"{debian}/debian {SUITE}-updates main", f"{debian}/debian-security {SUITE}-security main"),
            environment={"INITRD": "No"},  # to the kernel's package: none for now
        )
        making.rename(tree)
    return tree


def compose(tree: Path, packages: list[Path], certificate: Path) -> None:
    """Debian's ``tree`` becomes a slot: our packages, the files of the slots, nothing of one machine only."""
    shutil.rmtree(tree / "boot" / "firmware", ignore_errors=True)
    # Debian's own filling of the boot partition: on a gateway edge-slot does that.
    (tree / "etc/kernel/postinst.d/z50-raspi-firmware").unlink(missing_ok=True)
    (tree / "etc/initramfs/post-update.d/z50-raspi-firmware").unlink(missing_ok=True)
    for folder in ("data", "boot/firmware", "packages"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for package in packages:
        shutil.copy(package, tree / "packages")
    _inside(tree, "sh", "-c", "dpkg --install /packages/*.deb && rm -r /packages")
    place(tree, SLOT_FILES)
    shutil.copy(certificate, tree / "etc/rauc/keyring.pem")
    settings = tree / "etc/rauc/system.conf"
    settings.write_text(settings.read_text().replace("@COMPATIBLE@", bundle.compatible("arm64")))
    _inside(tree, "systemctl", "--quiet", "enable", *ENABLED)
    _boot_files(tree)
    for pattern in OWN:
        for path in tree.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (tree / "etc/hostname").write_text("edge-gateway\n")
    (tree / "etc/machine-id").write_text("")  # empty: made at the first boot, and kept on the data partition


def place(tree: Path, files: tuple[Placed, ...]) -> None:
    """The files of a table, where they belong."""
    for file in files:
        target = tree / file.target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file.source, target)
        target.chmod(file.mode)


def _boot_files(tree: Path) -> None:
    """Kernel, initial RAM disk and device trees, where edge-slot takes them from."""
    folder = tree / "usr/lib/edge-gateway/boot"
    folder.mkdir(parents=True)
    for pattern, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd.img")):
        [found] = (tree / "boot").glob(pattern)
        found.rename(folder / name)
    for path in tree.glob("usr/lib/linux-image-*/broadcom/bcm2711-*.dtb"):
        shutil.copy(path, folder)


def write(tree: Path, output: Path) -> None:
    """The image of ``tree``, and beside it the file system of a slot."""
    slot = output.with_suffix(".ext4")
    with tempfile.TemporaryDirectory(prefix="edge-image-", dir=output.parent) as name:
        work = Path(name)
        for path in (slot, output):
            path.unlink(missing_ok=True)
        _run("mkfs.ext4", "-q", "-L", "edge-slot", "-d", str(tree), str(slot), f"{SLOT_MIB}M")
        _run("mkfs.ext4", "-q", "-L", "edge-data", str(work / "data"), f"{DATA_MIB}M")
        _boot_partition(tree, work / "boot", work)
        sizes = (BOOT_MIB, SLOT_MIB, SLOT_MIB, DATA_MIB)
        starts = [START_MIB + sum(sizes[:number]) for number in range(len(sizes))]
        with output.open("wb") as file:
            file.truncate((START_MIB + sum(sizes)) * MIB)
        kinds = ("c, *", "83", "83", "83")
        rows = [
            f"{start * MIB // SECTOR},{size * MIB // SECTOR},{kind}"
            for start, size, kind in zip(starts, sizes, kinds, strict=True)
        ]
        table = "\n".join(["label: dos", f"label-id: 0x{DISK}", *rows, ""])
        _run("sfdisk", "--quiet", str(output), feed=table)
        for source, start in ((work / "boot", starts[0]), (slot, starts[1]), (work / "data", starts[3])):
            options = ("bs=1M", f"seek={start}", "conv=notrunc,sparse", "status=none")
            _run("dd", f"if={source}", f"of={output}", *options)


def _boot_partition(tree: Path, image: Path, work: Path) -> None:
    """The Pi's firmware, the choice of the slot, slot A's kernel, and cloud-init's files (it looks for this label)."""
    content = work / "firmware"
    content.mkdir()
    for path in sorted((tree / "usr/lib/raspi-firmware").iterdir()):
        if path.name.startswith(("start4", "fixup4")):
            shutil.copy(path, content)
    place(content, SLOT_BOOT_FILES)
    (content / "slot.txt").write_text("os_prefix=b/\n")  # so that "place" takes A for the slot that isn't in use
    (content / "slot-try.txt").write_text("os_prefix=b/\n")
    environment = {"EDGE_SLOT_BOOT": str(content), "EDGE_SLOT_STATE": str(work), "EDGE_SLOT_CMDLINE": os.devnull}
    script = ROOT / "firmware-config" / "slots" / "edge-slot"
    _run(str(script), "place", "A", str(tree), environment=environment)
    (content / "slot.txt").write_text("os_prefix=a/\n")
    (content / "b").mkdir()
    with image.open("wb") as file:
        file.truncate(BOOT_MIB * MIB)
    _run("mkfs.vfat", "-F32", "-n", "CIDATA", str(image))
    _run("mcopy", "-s", "-i", str(image), *(str(path) for path in sorted(content.iterdir())), "::/")


def _inside(tree: Path, *command: str) -> None:
    """Run in ``tree``: no service is started, and there is no network."""
    spaces = ("unshare", "--mount", "--pid", "--net", "--fork", f"--mount-proc={tree}/proc")
    clean = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
    _run(*spaces, "chroot", str(tree), *clean, *command)


def _run(*command: str, feed: str | None = None, environment: dict[str, str] | None = None) -> None:
    surroundings = os.environ | (environment or {})
    done = subprocess.run(  # noqa: S603 - our own words
        command, input=feed, capture_output=True, text=True, check=False, env=surroundings
    )
    if done.returncode:
        raise SystemExit(f"make image: {' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()}")


if __name__ == "__main__":
    main()
