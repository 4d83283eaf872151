"""A damaged file whose first page is gone: that of a new file of the same form in its place.

The first page says what tables there are and where each begins; without it SQLite opens nothing, though every row may
be whole. A file of the same form has its tables at the same pages. Where it hasn't, what is read there is no row of
that table, and is left out as any other that can't be read.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge.storage.damage import LOGS, look, remove
from edge.storage.database import connect, pages

_LOG = "-wal"
_GRAFTED = ".grafted"
# In the header (https://www.sqlite.org/fileformat2.html §1.3): the versions of the file format, 2 for one with a log;
# then change counter, size in pages, and the list of free pages, which are none of the new file's: 0 says that the size
# is the file's own.
_VERSIONS = slice(18, 20)
_COUNTS = slice(24, 40)


def has_form(path: Path) -> bool:
    """Whether SQLite knows what tables are in the file."""
    try:
        look(path)
        with contextlib.closing(connect(path)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    except (sqlite3.Error, OSError):
        return False


def has_log(path: Path) -> bool:
    """Whether the file's log is beside it: without, what was written last may not be in the file."""
    return path.with_name(path.name + _LOG).exists()


@contextlib.contextmanager
def grafted(path: Path, sound: sqlite3.Connection) -> Iterator[Path]:
    """A copy of the file at ``path``, its log beside it, with the first page of ``sound``. The original stays.

    :raises OSError: there is no room for it. :raises sqlite3.Error: ``sound`` isn't.
    """
    copy = path.with_name(path.name + _GRAFTED)
    try:
        copy.write_bytes(b"")
        if path.exists():
            shutil.copyfile(path, copy)
        if has_log(path):
            shutil.copyfile(path.with_name(path.name + _LOG), copy.with_name(copy.name + _LOG))
        with copy.open("r+b") as stream:
            stream.write(_first_page(sound, logged=has_log(path)))
        yield copy
    finally:
        remove(copy, "", *LOGS)


def _first_page(sound: sqlite3.Connection, *, logged: bool) -> bytes:
    size = pages(sound, "page_size")
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        sound.backup(memory)
        page = bytearray(memory.serialize()[:size])
    page[_VERSIONS] = b"\x02\x02" if logged else b"\x01\x01"
    page[_COUNTS] = bytes(_COUNTS.stop - _COUNTS.start)
    return bytes(page)
