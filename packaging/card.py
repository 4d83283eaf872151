"""Put the gateway onto the boot partition of a stock OS image, for a first boot without internet; run by ``make card``.

The image (Raspberry Pi OS or Debian, arm64, with cloud-init) gets: both packages and all that they need and the image
hasn't, cloud-init's files, and the firmware's settings. The image's own dpkg list says what it has.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway_files import BOOT_FILES

ROOT = Path(__file__).parent.parent
SECTOR = 512
FAT_TYPES = {"b", "c", "e", "ef"}  # MBR's types of FAT16 and FAT32
ROOT_TYPES = {"83"}
SETTINGS = "edge-config.txt"
PARAMETERS = "edge-cmdline.txt"
LOGIN_ON_SERIAL = ("console=serial0", "console=ttyAMA0", "console=ttyS0")
PACKAGES = "edge"  # the folder on the boot partition


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A file system inside of an image file."""

    image: Path
    offset: int

    def read(self, name: str) -> str:
        """A text file of the FAT partition."""
        return _run("mtype", "-i", self._mtools, f"::/{name}")

    def write(self, source: Path, name: str) -> None:
        """A file into the FAT partition, in the place of one of the same name."""
        _run("mcopy", "-D", "o", "-i", self._mtools, str(source), f"::/{name}")

    def folder(self, name: str) -> None:
        """A folder of the FAT partition, unless it is there."""
        _run("mmd", "-D", "s", "-i", self._mtools, f"::/{name}", check=False)

    @property
    def _mtools(self) -> str:
        return f"{self.image}@@{self.offset}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the gateway onto a stock OS image.")
    parser.add_argument("image", type=Path, help="the image file; it is changed")
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where make deb put them"
    )
    parser.add_argument("--architecture", default="arm64")
    parser.add_argument("--suite", default="bookworm", help="the Debian release of the image")
    options = parser.parse_args()
    if not options.image.is_file():
        raise SystemExit(f"make card: there is no image {options.image}; give one: make card IMAGE=<file>")
    boot, root = _partitions(options.image)
    with tempfile.TemporaryDirectory(prefix="edge-card-") as name:
        work = Path(name)
        ours = [*options.packages.glob(f"edge-controller_*_{options.architecture}.deb")]
        ours += options.packages.glob("edge-gateway_*_all.deb")
        if len(ours) != 2:
            raise SystemExit(f"make card: {options.packages} must have both packages, once each: make deb")
        status = work / "status"
        _run("debugfs", "-R", f"dump /var/lib/dpkg/status {status}", f"{root.image}?offset={root.offset}")
        needed = _needed(ours, status, options.architecture, options.suite, work)
        fill(boot, [*ours, *needed], work)
    print(f"make card: {options.image} has {len(ours) + len(needed)} packages for its first boot")  # noqa: T201


def fill(boot: Partition, packages: list[Path], work: Path) -> None:
    """Everything that the first boot needs onto the boot partition."""
    for file in BOOT_FILES:
        folder = Path(file.target).parent.name
        if folder:
            boot.folder(folder)
        boot.write(ROOT / file.source, file.target)
    boot.folder(PACKAGES)
    sums = ""
    for package in sorted(packages, key=lambda path: path.name):
        boot.write(package, f"{PACKAGES}/{package.name}")
        sums += f"{hashlib.sha256(package.read_bytes()).hexdigest()}  {package.name}\n"
    _edit(boot, f"{PACKAGES}/SHA256SUMS", sums, work)
    settings = boot.read("config.txt")
    line = f"include {SETTINGS}"
    if line not in settings.splitlines():
        _edit(boot, "config.txt", f"{settings.rstrip()}\n\n[all]\n{line}\n", work)
    added = (ROOT / "firmware-config" / "boot" / PARAMETERS).read_text().split()
    _edit(boot, "cmdline.txt", parameters(boot.read("cmdline.txt"), added), work)


def parameters(line: str, added: list[str]) -> str:
    """The kernel's parameters without a login on the serial line, and with ``added``, each once."""
    kept = [word for word in line.split() if not word.startswith(LOGIN_ON_SERIAL)]
    return " ".join([*kept, *(word for word in added if word not in kept)]) + "\n"


def _edit(boot: Partition, name: str, text: str, work: Path) -> None:
    source = work / "edited"
    source.write_text(text)
    boot.write(source, name)


def _partitions(image: Path) -> tuple[Partition, Partition]:
    """The boot partition (FAT) and the root partition (ext4) of an image with an MBR."""
    table = json.loads(_run("sfdisk", "--json", str(image)))["partitiontable"]
    found = {
        kind: [
            Partition(image=image, offset=each["start"] * SECTOR)
            for each in table["partitions"]
            if each["type"] in kinds
        ]
        for kind, kinds in (("boot", FAT_TYPES), ("root", ROOT_TYPES))
    }
    if not found["boot"] or not found["root"]:
        raise SystemExit(
            f"make card: {image} has no FAT partition followed by a Linux one, as a Raspberry Pi's image has"
        )
    return found["boot"][0], found["root"][0]


def _needed(ours: list[Path], status: Path, architecture: str, suite: str, work: Path) -> list[Path]:
    """What ``ours`` depend on and the image hasn't, downloaded and checked by apt, with Debian's own keys."""
    state, cache = work / "state", work / "cache"
    for folder in (state / "lists" / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True)
    debian = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org"
    (work / "sources.list").write_text(
        f"deb {debian}/debian {suite} main\n"
        f"deb {debian}/debian {suite}-updates main\n"
        f"deb {debian}/debian-security {suite}-security main\n"
    )
    (work / "apt.conf").write_text(
        f'APT::Architecture "{architecture}";\nAPT::Architectures {{ "{architecture}"; }};\n'
        f'Dir::State "{state}";\nDir::State::status "{status}";\nDir::Cache "{cache}";\n'
        f'Dir::Etc::SourceList "{work}/sources.list";\nDir::Etc::SourceParts "-";\nAPT::Install-Recommends "false";\n'
    )
    quiet = ("--quiet", "--quiet", "--assume-yes")
    environment = os.environ | {"APT_CONFIG": str(work / "apt.conf")}
    _run("apt-get", *quiet, "update", environment=environment)
    # apt takes a file by its path: it must not look like the name of a package.
    files = [str(path.resolve()) for path in ours]
    _run("apt-get", *quiet, "--download-only", "install", *files, environment=environment)
    return sorted((cache / "archives").glob("*.deb"))


def _run(*command: str, check: bool = True, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own words
    if check and done.returncode:
        raise SystemExit(f"make card: {command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
