"""The package edge-controller: built, installed, upgraded, removed, on Debian's own tools."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__
from tests.debian_machine import ROOT, inside, run
from tests.system.debian.conftest import put

SITE = (ROOT / "simulators" / "scenarios" / "demo-site.toml").read_text()
NEWER = "99.0"


def test_the_same_commit_gives_the_same_bytes(packages: Path, architecture: str, tmp_path: Path) -> None:
    """Another folder, time zone, language, umask and number of threads leave no trace in a package."""
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "TMPDIR": str(tmp_path), "DPKG_DEB_THREADS_MAX": "3"}
    command = [sys.executable, str(ROOT / "packaging" / "deb.py")]
    command += [f"--output={tmp_path / 'again'}", f"--architecture={architecture}", "--architecture=all"]
    subprocess.run(command, check=True, timeout=900, env=os.environ | other, umask=0o077)
    assert (tmp_path / "again" / "SHA256SUMS").read_text() == (packages / "SHA256SUMS").read_text()
    run("sh", "-c", f"cd {packages} && sha256sum --check --strict SHA256SUMS")


def test_lintian_has_nothing_to_say(packages: Path) -> None:
    """Every remark of lintian is heeded, or overridden with its reason."""
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    found = run(
        "lintian", "--fail-on=error,warning", "--allow-root", *packages.glob("*.deb"), within_s=400, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_install_upgrade_remove_purge(packages: Path, architecture: str, fresh: Path, tmp_path: Path) -> None:
    """Neither upgrade nor removal touches site file and data, purging deletes them; nothing is asked."""
    put(packages, fresh, f"*_{architecture}.deb")
    [package] = [path.name for path in (fresh / "packages").iterdir()]
    inside(fresh, "dpkg", "--install", f"/packages/{package}")
    assert inside(fresh, "edge", "--version").stdout.strip() == f"edge {__version__}"
    assert inside(fresh, "stat", "--format=%a %U:%G %s", "/etc/edge-controller/site.toml").stdout.split() == [
        "640",
        "root:edge-controller",
        "0",
    ]
    assert inside(fresh, "id", "--name", "--groups", "edge-controller").stdout.split() == [
        "edge-controller",
        "dialout",
        "gpio",
    ]
    site = fresh / "etc/edge-controller/site.toml"
    site.write_text(SITE)
    assert inside(fresh, "edge", "check", "/etc/edge-controller/site.toml").returncode == 0
    assert inside(fresh, "stat", "--format=%a %U:%G", "/var/lib/edge-controller").stdout.split() == [
        "750",
        "edge-controller:edge-controller",
    ]
    data = fresh / "var/lib/edge-controller/journal.db"
    data.write_text("sessions")

    _renumber(fresh / "packages" / package, tmp_path / "tree", NEWER)
    inside(fresh, "dpkg", "--install", f"/packages/{package}")
    assert inside(fresh, "dpkg-query", "--show", "--showformat=${Version}", "edge-controller").stdout == NEWER
    assert (site.read_text(), data.read_text()) == (SITE, "sessions")
    assert inside(fresh, "edge", "--version").returncode == 0
    assert inside(fresh, "dpkg", "--audit").stdout == ""

    inside(fresh, "dpkg", "--remove", "edge-controller")
    assert (site.read_text(), data.read_text()) == (SITE, "sessions")
    assert not (fresh / "usr/lib/edge-controller").exists()

    inside(fresh, "dpkg", "--purge", "edge-controller")
    left = [str(path) for path in (fresh / "etc/edge-controller", data.parent, fresh / "usr/bin/edge") if path.exists()]
    assert left == []


def test_an_upgrade_that_comes_to_nothing(packages: Path, architecture: str, gateway: Path, tmp_path: Path) -> None:
    """A package that was cut off on its way, a disk that is full: the old version is whole, its byte code too."""
    put(packages, gateway, f"*_{architecture}.deb")
    [package] = (gateway / "packages").iterdir()
    _renumber(package, tmp_path / "tree", NEWER)
    with package.open("r+b") as file:
        file.truncate(package.stat().st_size // 2)
    compiled = list(gateway.glob("usr/lib/edge-controller/python3.11/edge/cli/__pycache__/main.*"))
    assert compiled
    assert inside(gateway, "dpkg", "--install", f"/packages/{package.name}", check=False).returncode != 0
    assert [path for path in compiled if not path.exists()] == []
    assert inside(gateway, "edge", "--version").stdout.strip() == f"edge {__version__}"
    assert inside(gateway, "dpkg", "--audit").stdout == ""


def test_the_list_of_ports_outlives_the_program(packages: Path, architecture: str, gateway: Path) -> None:
    """The program purged, both installed again: the firewall has its list. dpkg gives none back that is gone."""
    ports = gateway / "etc/edge-controller/firewall-ports.nft"
    ports.write_text(f"{ports.read_text()}# ours\n")
    kept = ports.read_text()
    (gateway / "etc/edge-controller/answers.toml").write_text("")
    inside(gateway, "dpkg", "--remove", "edge-gateway")
    inside(gateway, "dpkg", "--purge", "edge-controller")
    assert [path.name for path in ports.parent.iterdir()] == [ports.name]
    put(packages, gateway, f"*_{architecture}.deb", "*_all.deb")
    inside(gateway, "sh", "-c", "dpkg --install /packages/*.deb")
    assert ports.read_text() == kept
    inside(gateway, "dpkg", "--purge", "edge-gateway")
    inside(gateway, "dpkg", "--purge", "edge-controller")
    left = [ports.parent, gateway / "var/lib/edge-gateway", gateway / "var/lib/edge-controller"]
    assert [path for path in left if path.exists()] == []


def test_nothing_of_debians_python_and_of_the_caller_is_seen(gateway: Path) -> None:
    """The environment is its own: neither dist-packages nor PYTHONPATH nor the current folder change what runs."""
    for place in ("usr/lib/python3/dist-packages/numpy.py", "srv/orjson.py"):
        (gateway / place).write_text("raise SystemExit('the wrong module')\n")
    done = inside(
        gateway, "env", "--chdir=/srv", "PYTHONPATH=/srv", "edge", "allocate", "/srv/absent.json", check=False
    )
    assert "the wrong module" not in done.stdout + done.stderr
    assert done.returncode == 2


def test_the_bill_of_materials_is_what_is_inside(packages: Path, architecture: str, gateway: Path) -> None:
    """Each Python package of the tree is in the CycloneDX file with its version, and nothing else is."""
    [listing] = packages.glob(f"*_{architecture}.cdx.json")
    document = json.loads(listing.read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    listed = {(each["name"].replace("-", "_"), each["version"]) for each in document["components"]}
    library = gateway / "usr/lib/edge-controller/python3.11"
    folders = [path.name.removesuffix(".dist-info").rsplit("-", 1) for path in library.glob("*.dist-info")]
    assert listed | {("edge_controller", __version__)} == {
        (name.lower().replace("-", "_").replace(".", "_"), version) for name, version in folders
    }
    assert all(each["hashes"] and each["licenses"] for each in document["components"])
    inner = gateway / "usr/share/doc/edge-controller/edge-controller.cdx.json.gz"
    assert gzip.decompress(inner.read_bytes()) == listing.read_bytes()


def test_each_package_has_its_licence(gateway: Path) -> None:
    """Its text, which most licences want handed on: in the folder of its metadata, or in the file copyright."""
    library = gateway / "usr/lib/edge-controller/python3.11"
    named = (gateway / "usr/share/doc/edge-controller/copyright").read_text()
    packages = list(library.glob("*.dist-info"))
    assert len(packages) > 40
    without = [
        path.name.partition("-")[0]
        for path in packages
        if not any(re.match(r"(?i)licen[cs]e|copying", each.name) and each.is_file() for each in path.rglob("*"))
    ]
    assert [name for name in without if f"Comment: {name}, whose wheel has no text of its licence" not in named] == []


def _renumber(package: Path, tree: Path, version: str) -> None:
    """The same package as ``version``."""
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines(keepends=True)
    control.write_text("".join(f"Version: {version}\n" if line.startswith("Version:") else line for line in lines))
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, package)
