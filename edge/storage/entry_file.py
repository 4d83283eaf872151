"""The journal as the command line sees it: beside a controller that may be running on the same file."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.domain.journal import Entry, EntryState
from edge.errors import EntryUnknown, StorageFailed
from edge.storage import rows
from edge.storage.database import open_database, schemas

_RESEND = "UPDATE entry SET state = ?, attempts = 0, reason = NULL WHERE seq = ? AND state = ?"


class EntryFile:
    """The journal in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise StorageFailed(
                f"there is no folder {folder}", remedy="start the controller once, or correct storage.path"
            )
        self._path = folder / f"{rows.JOURNAL}.db"

    def set_aside(self) -> list[Entry]:
        """The messages that the cloud refused for good, oldest first."""
        with self._file() as file:
            found = file.execute("SELECT * FROM entry WHERE state = ? ORDER BY seq", (EntryState.SET_ASIDE.value,))
            return [rows.entry(row) for row in found]

    def pending(self) -> int:
        """How many are on their way."""
        with self._file() as file:
            found = file.execute("SELECT count(*) FROM entry WHERE state = ?", (EntryState.PENDING.value,))
            return int(found.fetchone()[0])

    def resend(self, numbers: Sequence[int]) -> None:
        """Have these tried again, all or none.

        :raises EntryUnknown: one of them isn't there, or wasn't set aside.
        """
        with self._file() as file:
            file.execute("BEGIN IMMEDIATE")
            for number in numbers:
                values = (EntryState.PENDING.value, number, EntryState.SET_ASIDE.value)
                if file.execute(_RESEND, values).rowcount != 1:
                    raise EntryUnknown(
                        f"no message {number} was set aside", remedy="edge journal list shows those that were"
                    )
            file.execute("COMMIT")

    @contextlib.contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = open_database(self._path, schemas()[rows.JOURNAL], heal=False).connection
            with contextlib.closing(connection):
                yield connection
        except (sqlite3.Error, OSError, OverflowError) as exc:
            raise StorageFailed(f"{self._path} can't be used ({exc})", remedy="is the disk full, or not ours?") from exc
