"""The folder on which a world's disks are made, which lasts as long as its run."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - Linux' disk in memory; a folder of its own is made in it
MEMORY_BYTES: Final = 2**30  # free: of several worlds at a time each may have a disk of 200 MB
PREFIX: Final = "edge-world-"
LOCK: Final = "lock"
NEW_S: Final = 60.0  # by then whoever made a folder has locked it


@contextlib.contextmanager
def world_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """In memory if there is room, else as others. What killed runs have left there goes first.

    Raises OSError.
    """
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= MEMORY_BYTES
    parent = memory if roomy else Path(tempfile.gettempdir())
    _clear_away(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as name, (Path(name) / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (Path(name) / "world").mkdir()
        yield Path(name) / "world"


def _clear_away(parent: Path) -> None:
    """The folders of runs that have ended without an end; whoever runs holds a lock on theirs."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another's, or another clears it away at this moment
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or time.time() - found.st_mtime < NEW_S:
                continue
            with (folder / LOCK).open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
