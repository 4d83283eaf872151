"""What the tests of the packages share: the packages themselves, Debian's tree, and that tree with them installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import debian_machine
from tests.debian_machine import ROOT, WORK, base, inside, overlay

SWITCH = "EDGE_SYSTEM"
READY_MADE = "EDGE_PACKAGES"
HERE = "tests/system/debian/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of these tests is skipped with its reason, where it can't or needn't run."""
    reason = debian_machine.missing() if os.environ.get(SWITCH) else "takes minutes and root: make system-test"
    for item in items:
        if reason and item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607


@pytest.fixture(scope="session")
def packages(architecture: str) -> Path:
    """The folder with the packages of this checkout for this machine's architecture, or of EDGE_PACKAGES."""
    given = os.environ.get(READY_MADE)
    if given:
        return Path(given)
    folder = WORK / "dist"
    command = [sys.executable, str(ROOT / "packaging" / "deb.py"), f"--output={folder}"]
    subprocess.run([*command, f"--architecture={architecture}", "--architecture=all"], check=True, timeout=900)
    return folder


@pytest.fixture
def fresh(architecture: str, tmp_path: Path) -> Iterator[Path]:
    """A Debian 12 without the gateway, this test's own."""
    with overlay(base(architecture), folder=tmp_path / "root") as tree:
        yield tree


@pytest.fixture(scope="session")
def gateway_layer(architecture: str, packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What installing both packages adds to Debian 12, as a layer."""
    folder = tmp_path_factory.mktemp("gateway")
    with overlay(base(architecture), folder=folder) as tree:
        put(packages, tree, f"*_{architecture}.deb", "*_all.deb")
        inside(tree, "sh", "-c", "dpkg --install /packages/*.deb && rm -r /packages")
    return folder / "upper"


@pytest.fixture
def gateway(architecture: str, gateway_layer: Path, tmp_path: Path) -> Iterator[Path]:
    """A Debian 12 with both packages installed, this test's own."""
    with overlay(gateway_layer, base(architecture), folder=tmp_path / "root") as tree:
        yield tree


def put(packages: Path, tree: Path, *patterns: str) -> None:
    """Copy the packages of these names into ``tree``/packages."""
    (tree / "packages").mkdir(exist_ok=True)
    for pattern in patterns:
        [found] = packages.glob(pattern)
        (tree / "packages" / found.name).write_bytes(found.read_bytes())
