"""One gateway at a time writes to a storage folder: a lock that ends with the process that holds it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from edge.errors import StartError
from edge.ownership import as_its_folder

_NAME = "lock"
_PID_BYTES = 20  # the digits of the largest process id, and some


@contextlib.contextmanager
def locked(folder: Path, *, lent: int | None = None) -> Iterator[int | None]:
    """Hold the folder; made when there is none. Where it can't be written nobody can write there, and nothing is held.

    Gives the descriptor that holds it, None for none. A child that inherits it may hold the folder by it, as ``lent``:
    then nobody else gets the folder until both have ended.

    :raises StartError: another process holds it, or what was lent is of another folder.
    """
    if lent is not None:
        _check(lent, folder)
        yield lent
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # told by whoever opens the files in it
        yield None
        return
    try:
        with contextlib.suppress(OSError):
            as_its_folder(folder / _NAME)
        _take(descriptor, folder)
        yield descriptor
    finally:
        os.close(descriptor)


def _check(lent: int, folder: Path) -> None:
    try:
        if not os.path.samestat(os.fstat(lent), (folder / _NAME).stat()):
            raise StartError(f"the lock that was lent is not of the storage folder {folder}")
        fcntl.flock(lent, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is held already, unless it was no lock
        os.set_inheritable(lent, False)
    except OSError as exc:
        raise StartError(f"the lock that was lent doesn't hold the storage folder {folder} ({exc.strerror})") from exc


def _take(descriptor: int, folder: Path) -> None:
    try:
        # Not fcntl.lockf: that lock would be lost when any code of this process closes the same file.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", errors="replace").strip()
        raise StartError(
            f"the storage folder {folder} is in use by another edge run (process {holder or 'unknown'})",
            remedy="stop that one, or give this one a folder of its own in [storage] path",
        ) from exc
    with contextlib.suppress(OSError):  # a full disk; the number is for people only
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
