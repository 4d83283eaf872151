"""The Python packages that the .deb carries: prebuilt wheels of one platform, exactly those of requirements.lock.

pip fetches them for the platform asked for, whichever this machine is, and refuses a file whose hash isn't in the lock.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
DEVELOPMENT = "# ---- development:"  # what follows this line of the lock is never shipped

PYTHON = "3.11"  # Debian 12's; compiled wheels fit one minor version only
GLIBC_MINOR = 36  # Debian 12 has glibc 2.36: any manylinux wheel up to this one loads
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

# A package's own tests, and what pip writes about the installation: nothing reads them, and they would differ from one
# builder to the next.
UNWANTED_FOLDERS = ("tests", "bin")
UNWANTED_RECORDS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel file and what it says of itself."""

    path: Path
    name: str
    version: str
    metadata: Message

    def requires(self, machine: str) -> set[str]:
        """Canonical names of what it needs at run time on Linux, without extras."""
        environment = {
            "python_version": PYTHON,
            "python_full_version": f"{PYTHON}.2",
            "platform_machine": machine,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }
        found = [Requirement(text) for text in self.metadata.get_all("Requires-Dist", [])]
        return {canonicalize_name(each.name) for each in found if not each.marker or each.marker.evaluate(environment)}


def fetch(architecture: str, folder: Path) -> None:
    """Every wheel of the lock's run-time part for ``architecture`` into ``folder``, each checked by its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "requirements.txt"
    wanted.write_text(LOCK.read_text().split(DEVELOPMENT, 1)[0])
    platforms = [f"manylinux_2_{minor}_{MACHINES[architecture]}" for minor in range(GLIBC_MINOR, 4, -1)]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-deps"]
    command += ["--implementation=cp", f"--python-version={PYTHON}"]
    command += [f"--abi={abi}" for abi in ("cp" + PYTHON.replace(".", ""), "abi3", "none")]
    command += [f"--platform={platform}" for platform in platforms]
    subprocess.run([*command, f"--dest={folder}", f"--requirement={wanted}"], check=True)  # noqa: S603 - our own words


def build_own(folder: Path) -> None:
    """The wheel of this repository into ``folder``."""
    command = [sys.executable, "-m", "hatchling", "build", "--target=wheel", f"--directory={folder.resolve()}"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)  # noqa: S603 - our own words


def read(path: Path) -> Wheel:
    """What the wheel at ``path`` is."""
    name, version, _, _ = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        [metadata] = [each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each)]
        text = archive.read(metadata).decode()
    return Wheel(path=path, name=name, version=str(version), metadata=HeaderParser().parsestr(text))


def closure(folder: Path, root: str, architecture: str) -> list[Wheel]:
    """``root`` and what it needs at run time, by name: the lock has what builds it, too, which isn't shipped."""
    wheels = {wheel.name: wheel for wheel in map(read, sorted(folder.glob("*.whl")))}
    needed: dict[str, Wheel] = {}
    waiting = {root}
    while waiting:
        name = waiting.pop()
        needed[name] = wheels[name]
        waiting |= wheels[name].requires(MACHINES[architecture]) - needed.keys()
    return [needed[name] for name in sorted(needed)]


def unpack(wheels: list[Wheel], folder: Path) -> None:
    """Install ``wheels`` into ``folder``, for an interpreter that has it on its path."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel.path) as archive:
            # Some wheels list their folders, too, which say nothing.
            files = [each for each in archive.namelist() if not each.endswith("/")]
            strange = [each for each in files if re.match(r"[^/]+\.data/(?!scripts/|data/)", each)]
            if strange:
                raise SystemExit(f"packaging: {wheel.path.name} has {strange[0]}, which unpacking it doesn't place")
            archive.extractall(folder, [each for each in files if not re.match(r"[^/]+\.data/", each)])
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in UNWANTED_FOLDERS and not path.is_relative_to(folder / "edge"):
            shutil.rmtree(path)
        elif path.name in UNWANTED_RECORDS and path.parent.suffix == ".dist-info":
            path.unlink()
