"""The lock on the storage folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import StartError
from edge.storage.lock import locked

HOLDER = """
import sys
from pathlib import Path
from edge.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    """The second is told who holds it, and gets it when the first is done."""
    folder = tmp_path / "storage"
    held = f"in use by another edge run \\(process {os.getpid()}\\)"
    with locked(folder), pytest.raises(StartError, match=held), locked(folder):
        pytest.fail("both hold it")
    with locked(folder):
        assert folder.is_dir()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """kill -9 leaves nothing behind that a person would have to remove."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StartError, match=f"process {holder.pid}"), locked(tmp_path):
            pytest.fail("both hold it")
        holder.kill()
        holder.wait()
        with locked(tmp_path):
            pass


def test_a_lock_is_lent_to_a_child(tmp_path: Path) -> None:
    """Who has lent it holds the folder before, beside and after the child: nobody gets in between."""
    with locked(tmp_path) as lock:
        assert lock is not None
        holder = HOLDER.replace("[1])", "[1]), lent=int(sys.argv[2])")
        command = [sys.executable, "-c", holder, str(tmp_path), str(lock)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lock]) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"held\n"
            child.kill()
        with pytest.raises(StartError, match=f"process {os.getpid()}"), locked(tmp_path):
            pytest.fail("both hold it")
    with locked(tmp_path):
        pass


def test_what_was_lent_is_the_folders_own_lock(tmp_path: Path) -> None:
    """Another folder's, and a number that is no descriptor, hold nothing."""
    with locked(tmp_path / "one") as lock, locked(tmp_path / "other"):
        for lent in (lock, 999):
            with pytest.raises(StartError, match="the lock that was lent"), locked(tmp_path / "other", lent=lent):
                pytest.fail("it holds")


def test_a_folder_that_cant_be_made_stops_nobody(tmp_path: Path) -> None:
    """Stations are relayed without a disk, too: what can't be kept is told by the storage itself."""
    (tmp_path / "file").write_text("no folder")
    with locked(tmp_path / "file" / "storage"):
        assert not (tmp_path / "file" / "storage").exists()
