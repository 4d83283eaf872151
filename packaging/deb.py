"""Build the Debian packages into dist/; run by ``make deb``.

    edge-controller_<version>_amd64.deb, _arm64.deb    the program with its Python packages
    edge-gateway_<version>_all.deb                     what makes a Debian machine a gateway: firmware-config/
    *.cdx.json, SHA256SUMS                             bill of materials, sums

The same commit gives the same bytes: times are the commit's (or SOURCE_DATE_EPOCH), nothing of the builder goes in.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

import archive
import bom
import wheels
from gateway_files import CONTROLLER_FILES, GATEWAY_FILES, Placed

ROOT = wheels.ROOT
TEMPLATES = Path(__file__).parent / "debian"
PROGRAM = "edge-controller"
GATEWAY = "edge-gateway"
ANY = "all"  # the architecture of a package without compiled files
ARCHITECTURES = [*wheels.MACHINES, ANY]
LIBRARY = Path("usr/lib/edge-controller") / f"python{wheels.PYTHON}"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def main() -> None:
    options = _arguments()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version, epoch = project["version"], _epoch()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)  # hatchling heeds it too
    made: list[Path] = []
    with tempfile.TemporaryDirectory(prefix="edge-deb-") as work:
        for architecture in options.architecture or ARCHITECTURES:
            tree = Path(work) / architecture
            if architecture == ANY:
                made.append(_gateway(tree, options, version, epoch))
            else:
                made += _controller(tree, options, version, architecture, epoch)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made))
    (options.output / "SHA256SUMS").write_text(sums)
    print(sums, end="")  # noqa: T201 - what this command is for


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the Debian packages, reproducibly.")
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES, help="default: each")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", metavar="FOLDER", help="kept there")
    return parser.parse_args()


def _epoch() -> int:
    """SOURCE_DATE_EPOCH; else the time of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if answer.returncode:
        raise SystemExit("make deb: this is no git checkout; give the release's time: SOURCE_DATE_EPOCH=<seconds>")
    return int(answer.stdout)


def _controller(
    tree: Path, options: argparse.Namespace, version: str, architecture: str, epoch: int
) -> tuple[Path, Path]:
    store: Path = options.wheels / architecture
    wheels.fetch(architecture, store)
    with tempfile.TemporaryDirectory(prefix="edge-wheels-") as name:
        folder = Path(name)  # the lock's wheels and ours; the store may hold older ones
        for wheel in _of_the_lock(store):
            shutil.copy2(wheel, folder)
        wheels.build_own(folder)
        needed = wheels.closure(folder, PROGRAM, architecture)
        wheels.unpack(needed, tree / LIBRARY)
        [own] = [wheel for wheel in needed if wheel.name == PROGRAM]
        text = bom.document(own, needed, architecture=architecture, epoch=epoch)
    archive.write(tree / "usr/share/doc" / PROGRAM / f"{PROGRAM}.cdx.json.gz", archive.compressed(text.encode()))
    output = options.output / f"{PROGRAM}_{version}_{architecture}.deb"
    _place(tree, CONTROLLER_FILES)
    _finish(tree, PROGRAM, version, architecture, epoch)
    archive.build(tree, output, epoch=epoch)
    listing = output.with_name(f"{output.stem}.cdx.json")
    listing.write_text(text)
    return output, listing


def _of_the_lock(store: Path) -> list[Path]:
    lock = (store / "requirements.txt").read_text()
    return [path for path in store.glob("*.whl") if hashlib.sha256(path.read_bytes()).hexdigest() in lock]


def _gateway(tree: Path, options: argparse.Namespace, version: str, epoch: int) -> Path:
    output: Path = options.output / f"{GATEWAY}_{version}_all.deb"
    _place(tree, GATEWAY_FILES)
    _finish(tree, GATEWAY, version, ANY, epoch)
    archive.build(tree, output, epoch=epoch)
    return output


def _place(tree: Path, files: tuple[Placed, ...]) -> None:
    for file in files:
        content = (ROOT / file.source).read_bytes()
        archive.write(tree / file.target, archive.compressed(content) if file.compress else content, file.mode)


def _finish(tree: Path, name: str, version: str, architecture: str, epoch: int) -> None:
    """What every package has: control data, changelog, copyright, lintian's overrides with their reasons."""
    templates = TEMPLATES / name
    control = (templates / "control").read_text()
    control = control.replace("@VERSION@", version).replace("@ARCHITECTURE@", architecture)
    control = control.replace("@GLIBC@", f"2.{wheels.GLIBC_MINOR}")
    archive.write(tree / "DEBIAN/control", control)
    for script in SCRIPTS:
        if (templates / script).exists():
            archive.write(tree / "DEBIAN" / script, (templates / script).read_bytes(), 0o755)
    settings = sorted(f"/{path.relative_to(tree)}\n" for path in (tree / "etc").rglob("*") if path.is_file())
    if settings:
        archive.write(tree / "DEBIAN/conffiles", "".join(settings))
    if (templates / "triggers").exists():
        archive.write(tree / "DEBIAN/triggers", (templates / "triggers").read_bytes())
    documents = tree / "usr/share/doc" / name
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(epoch))
    changes = (
        f"{name} ({version}) stable; urgency=medium\n\n  * See /usr/share/doc/edge-controller/CHANGELOG.md.gz.\n\n"
    )
    changes += f" -- The edge controller authors <edge-controller@localhost>  {day}\n"
    archive.write(documents / "changelog.gz", archive.compressed(changes.encode()))
    archive.write(documents / "copyright", (TEMPLATES / "copyright").read_bytes())
    overrides = templates / "lintian-overrides"
    if overrides.exists():
        archive.write(tree / "usr/share/lintian/overrides" / name, overrides.read_bytes())


if __name__ == "__main__":
    main()
