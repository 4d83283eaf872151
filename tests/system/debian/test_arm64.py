"""The arm64 package, on an arm64 Debian 12 under emulation by qemu-user."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import __version__
from tests.debian_machine import ROOT, WORK, base, inside, overlay
from tests.system.debian.conftest import READY_MADE, put

PACKAGES = "systemd,python3,ca-certificates,tzdata,libgcc-s1,libstdc++6"
PROBLEM = """{"circuits": [{"id": "main", "limit_a": 20}], "evses": [
  {"id": "A", "circuit": "main", "max_a": 16}, {"id": "B", "circuit": "main", "max_a": 16}]}"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree with the package installed."""
    emulator = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
    if not emulator.exists() or not emulator.read_text().startswith("enabled"):
        pytest.skip("the kernel knows no emulator for arm64: make system-tools")
    folder = Path(os.environ.get(READY_MADE, WORK / "dist-arm64"))
    if READY_MADE not in os.environ:
        command = [sys.executable, str(ROOT / "packaging" / "deb.py"), f"--output={folder}", "--architecture=arm64"]
        subprocess.run(command, check=True, timeout=900)
    with overlay(base("arm64", PACKAGES), folder=tmp_path_factory.mktemp("arm64") / "root") as tree:
        put(folder, tree, "*_arm64.deb")
        inside(tree, "sh", "-c", "dpkg --install /packages/*.deb", within_s=900)
        yield tree


def test_the_program_runs(machine: Path) -> None:
    """Every compiled package loads: the version, an allocation and the check of a site come out as on any machine."""
    assert inside(machine, "uname", "-m").stdout.strip() == "aarch64"
    assert inside(machine, "edge", "--version").stdout.strip() == f"edge {__version__}"
    (machine / "srv/problem.json").write_text(PROBLEM)
    answer = json.loads(inside(machine, "edge", "allocate", "/srv/problem.json").stdout)
    assert [each["limit_a"] for each in answer["setpoints"]] == [10.0, 10.0]
    (machine / "srv/site.toml").write_text((ROOT / "simulators" / "scenarios" / "demo-site.toml").read_text())
    assert inside(machine, "edge", "check", "/srv/site.toml").returncode == 0
