"""A file as the command line opens it: beside a controller that may be running on it, so that nothing is healed."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge.errors import StorageFailed
from edge.storage.database import open_database, schemas
from edge.storage.proof import DAMAGE


def folder_there(folder: Path) -> Path:
    """The folder.

    :raises StorageFailed: there is none.
    """
    if not folder.is_dir():
        raise StorageFailed(f"there is no folder {folder}", remedy="start the controller once, or correct storage.path")
    return folder


@contextlib.contextmanager
def open_beside(folder: Path, name: str) -> Iterator[sqlite3.Connection]:
    """The database ``name`` in ``folder``, for as long as it is needed.

    :raises StorageError: it can't be opened, read or written; what is read out of its rows within counts, too.
    """
    path = folder / f"{name}.db"
    try:
        with contextlib.closing(open_database(path, schemas()[name], heal=None).connection) as connection:
            yield connection
    except (sqlite3.Error, OSError, OverflowError) as exc:
        raise StorageFailed(f"{path} can't be used ({exc})", remedy="is the disk full, or not ours?") from exc
    except DAMAGE as exc:
        raise StorageFailed(
            f"{path} has a row that can't be read ({exc})",
            remedy="restart the controller: it sets the file aside, and goes on with what can be read",
        ) from exc
