"""A log of SQLite's with a changed byte: all behind it is left out without a word, though it was written and confirmed.

SQLite reads a write-ahead log up to the first frame whose checksum is wrong: that is where a power cut has torn it. A
frame is tied to the one before by that one's checksum, so those behind a damaged frame still show that they are whole.
A commit with more behind it was on the disk before that began: it was no power cut that took it.
https://www.sqlite.org/fileformat2.html §4
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.storage import damage

if TYPE_CHECKING:
    from edge.storage.log_frames import Log

_REPLAYED: Final = ".replayed"


def look(path: Path) -> None:
    """Raise for a file whose log is damaged, before SQLite sees it, which throws away what it doesn't read.

    :raises sqlite3.DatabaseError: with SQLITE_CORRUPT.
    """
    log = _read(path)
    if log is not None and log.leaves_out:
        raise damage.found("a byte of its log has changed")


@contextlib.contextmanager
def replayed(path: Path) -> Iterator[Path]:
    """A copy of the file with all of its log in it, where that is damaged; else the file itself, as where there is no
    room for a copy. What of the pages isn't what was written is for who reads them to find out."""
    log = _read(path)
    copy = path.with_name(path.name + _REPLAYED)
    try:
        yield copy if log is not None and log.leaves_out and _is_made(path, copy, log) else path
    finally:
        damage.remove(copy, "", *damage.LOGS)


def _is_made(path: Path, copy: Path, log: "Log") -> bool:
    try:
        shutil.copyfile(path, copy)
        with copy.open("r+b") as stream:
            log.put_into(stream)
    except OSError:
        return False
    return True


def _read(path: Path) -> "Log | None":
    """The log of the file at ``path``; None where there is nothing in it."""
    log = path.with_name(path.name + damage.LOGS[0])
    content = log.read_bytes() if path.is_file() and log.is_file() else b""
    if not content:
        return None
    from edge.storage.log_frames import frames  # here: a verb that reads a file needs none of the arithmetic

    return frames(content)
