"""A copy of a storage folder's file while others write to it, and such a copy brought back."""

import contextlib
import os
import sqlite3
from pathlib import Path

from edge.errors import StorageFailed, way_to_write
from edge.ownership import as_its_folder
from edge.storage import rows
from edge.storage.damage import LOGS, remove, sync_folder
from edge.storage.database import connect
from edge.storage.salvage import skip_numbers

_REMADE = ("reserve", "lock")  # room and a lock, made anew at each start


def is_worth_keeping(path: Path) -> bool:
    """Whether a backup of the folder needs this file."""
    part_of_one = any(path.name.endswith(f".db{log}") for log in LOGS)
    return path.name not in _REMADE and not part_of_one


def is_database(path: Path) -> bool:
    """Whether it is one of the folder's databases, that others may be writing to."""
    return path.suffix == ".db"


def snapshot(path: Path) -> bytes:
    """The database at ``path`` at one moment, its log included: whole, whoever writes meanwhile.

    :raises StorageFailed: it can't be read, or is damaged.
    """
    try:
        with (
            contextlib.closing(connect(path, read_only=True)) as source,
            contextlib.closing(sqlite3.connect(":memory:")) as copy,
        ):
            source.backup(copy)
            return copy.serialize()
    except (sqlite3.Error, OSError) as exc:
        raise StorageFailed(f"{path} can't be read ({exc})", remedy="edge doctor says how the disk fares") from exc


def put_back(path: Path, content: bytes) -> None:
    """Have a snapshot in the place of the database at ``path``, which nobody may have open.

    What was numbered since it was taken is not known any more: a journal goes on far behind.

    :raises StorageFailed: the folder can't be written; what was there is as it was.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_bytes(content)
        draft.chmod(0o600)
        as_its_folder(draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
    except OSError as exc:
        with contextlib.suppress(OSError):
            draft.unlink()
        what, other = f"{path} can't be written ({exc.strerror})", "is the folder there, and ours?"
        raise StorageFailed(what, remedy=way_to_write(exc, otherwise=other)) from exc
    remove(path, *LOGS)  # of the file that was here: it would be written over the new one
    draft.replace(path)
    if path.name == f"{rows.JOURNAL}.db":
        # A damaged one is healed at the start of the program, and its numbers with it.
        with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(path)) as journal:
            skip_numbers(journal)
    sync_folder(path.parent)
