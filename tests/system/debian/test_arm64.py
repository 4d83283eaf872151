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
# Under emulation a program takes ten seconds to begin: so the answers themselves are the clock. What still runs ends
# with this shell, which is the first process of its name space.
SITE = """
edge run --config /srv/site.toml >/srv/log 2>&1 &
edge-sim csms >/dev/null 2>&1 &
edge-sim meter >/dev/null 2>&1 &
edge-sim charger >/dev/null 2>&1 &
asked=0
while [ $asked -lt 40 ]; do
    asked=$((asked + 1))
    if edge status --json >/srv/report 2>/dev/null; then
        tr -d '\\n' </srv/report
        echo
        case $(tr -d ' \\n' </srv/report) in *'"draw_a":['[1-9]*) exit 0 ;; esac
    fi
done
"""


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


def test_a_site_runs(machine: Path) -> None:
    """Daemon, stations, meter and cloud of the demo: ticks are completed and cars charge, no circuit over its fuse."""
    (machine / "srv/site").write_text(SITE)
    reports = [json.loads(line) for line in inside(machine, "sh", "/srv/site", within_s=900).stdout.splitlines()]
    drawn = [circuit for report in reports for circuit in report.get("circuits", []) if max(circuit["draw_a"]) > 0]
    assert drawn
    assert all(max(circuit["draw_a"]) <= circuit["fuse_a"] for circuit in drawn)
    assert reports[-1]["control"]["ticks"] > reports[0]["control"]["ticks"]
