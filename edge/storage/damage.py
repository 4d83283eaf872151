"""A damaged file: how it is known, set aside, and replaced by what could be made of it."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

DAMAGED_KEPT = 3  # of each file, for a person to look at; the oldest make room
_DAMAGED = ".damaged-"
_DRAFT, _HEALED = ".draft", ".healed"  # of what takes its place: in the making, and whole
LOGS = ("-wal", "-shm")  # what SQLite keeps beside a file
_MAGIC = b"SQLite format 3\0"  # the first bytes of each file (https://www.sqlite.org/fileformat2.html §1.3.1)


def found(what: str, code: int = sqlite3.SQLITE_CORRUPT) -> sqlite3.DatabaseError:
    """What SQLite says of a malformed file, where it doesn't see or can't say it itself."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = code
    return error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database or a malformed one, as against a disk that refuses."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def look(path: Path, *, expected: bool = False) -> None:
    """Raise for a file that doesn't begin as one of SQLite's, or is empty beside a log or where one is ``expected``:
    before SQLite sees it, which throws the log away then. Not for a file that this process has open: its locks would
    go with ours (https://www.sqlite.org/howtocorrupt.html §2.2)."""
    head = b""
    if path.is_file():
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
    log = path.with_name(path.name + "-wal")
    if head != _MAGIC and (head or expected or (log.is_file() and log.stat().st_size > 0)):
        raise found("it doesn't begin as a database does", sqlite3.SQLITE_NOTADB)


@contextlib.contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Where a new file is to be made, with nothing left in its log; when that is done it is ready to take the place of
    the one at ``path``."""
    draft, healed = path.with_name(path.name + _DRAFT), _healed(path)
    healed.unlink(missing_ok=True)  # of an attempt that was cut off
    remove(draft, "", *LOGS)
    yield draft
    remove(draft, *LOGS)
    draft.rename(healed)
    sync_folder(path.parent)


def replaced(path: Path) -> Path:
    """Set the damaged file aside, and put the new one in its place; says where the damaged one lies now."""
    damaged = set_aside(path)
    finish(path)
    return damaged


def finish(path: Path) -> None:
    """Put the new file in its place, if that is free: as it is when that was cut off."""
    healed = _healed(path)
    if healed.exists() and not path.exists():
        remove(path, *LOGS)  # of the one before: it would be written over the new one
        healed.rename(path)
        sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Move a file and its log out of the way; says where it lies now. The oldest of these are deleted."""
    earlier = sorted(numbered(path), key=lambda found: found[0])
    number = earlier[-1][0] + 1 if earlier else 1
    target = path.with_name(f"{path.name}{_DAMAGED}{number}")
    for suffix in ("", *LOGS):  # the file first: what is there without its log may be sound, and older than it was
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    for _, old in earlier[: max(0, len(earlier) + 1 - DAMAGED_KEPT)]:
        remove(old, "", *LOGS)
    sync_folder(path.parent)
    return target


def numbered(path: Path) -> list[tuple[int, Path]]:
    """The files that were set aside in the place of this one, by number."""
    found = []
    before = path.name + _DAMAGED
    for name in os.listdir(path.parent):  # noqa: PTH208 - a path for each file would take longer than all else here
        number = name.removeprefix(before)
        if number.isdecimal() and name != number:
            found.append((int(number), path.with_name(name)))
    return found


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _healed(path: Path) -> Path:
    return path.with_name(path.name + _HEALED)


def remove(path: Path, *suffixes: str) -> None:
    """Delete what is beside the file under these, if it is there; "" is the file."""
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
