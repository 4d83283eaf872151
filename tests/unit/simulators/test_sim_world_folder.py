"""The folder of a world, and what killed runs leave."""

import os
import shutil
import time
from pathlib import Path

import pytest

from simulators.world import folder
from simulators.world.folder import world_folder


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full this machine's disk is."""
    monkeypatch.setattr(folder, "MEMORY_BYTES", 0)


def made_long_ago(path: Path) -> None:
    then = time.time() - 3600.0
    os.utime(path, (then, then))


def test_what_a_killed_run_has_left_goes_with_the_next(tmp_path: Path) -> None:
    """A run that lasts keeps its own, however old; so does one that has just made its folder, and everybody else."""
    with world_folder(tmp_path) as left:
        (left / "edge.db").write_bytes(b"1" * 100)
        shutil.copytree(left.parent, tmp_path / "edge-world-killed")
        made_long_ago(tmp_path / "edge-world-killed")
        made_long_ago(left.parent)
        (tmp_path / "edge-world-young").mkdir()
        (tmp_path / "edge-wood").mkdir()
        made_long_ago(tmp_path / "edge-wood")
        with world_folder(tmp_path) as another:
            assert another.parent.parent == tmp_path
            assert (left / "edge.db").exists()
            assert {path.name for path in tmp_path.iterdir()} == {
                left.parent.name,
                another.parent.name,
                "edge-world-young",
                "edge-wood",
            }
    assert {path.name for path in tmp_path.iterdir()} == {"edge-world-young", "edge-wood"}
