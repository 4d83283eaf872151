"""The sessions and the site's meter as a report sees them: beside a controller that may run on the same files."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import orjson

from edge.domain.session import Session
from edge.errors import StorageFailed
from edge.storage import rows
from edge.storage.database import open_database, schemas
from edge.storage.session_rows import session

METER_TOPIC = "meter/"  # before a meter's id: its import register, at the begin of each quarter of an hour


@dataclass(frozen=True, slots=True)
class Register:
    """A meter's import register at a moment."""

    at: datetime
    import_wh: Decimal


class SessionFile:
    """The journal and the history in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise StorageFailed(
                f"there is no folder {folder}", remedy="start the controller once, or correct storage.path"
            )
        self._folder = folder

    def sessions(self) -> list[Session]:
        """All that are kept, those that run too, in the order of their begin."""
        with self._file(rows.JOURNAL) as file:
            found = file.execute("SELECT * FROM session ORDER BY began_at, id").fetchall()
        return [session(row) for row in found]

    def registers(self, meter: str) -> list[Register]:
        """What a meter's import register was, in order."""
        with self._file("history") as file:
            query = "SELECT at, body FROM history WHERE topic = ? ORDER BY id"
            found = file.execute(query, (METER_TOPIC + meter,)).fetchall()
        return [
            Register(datetime.fromisoformat(row["at"]), Decimal(str(orjson.loads(row["body"])["import_wh"])))
            for row in found
        ]

    def names(self) -> dict[str, str]:
        """Whose the site's own tokens are, by their hashes."""
        with self._file(rows.REGISTRY) as file:
            return {row["hash"]: row["name"] for row in file.execute("SELECT hash, name FROM site_token")}

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[sqlite3.Connection]:
        path = self._folder / f"{name}.db"
        try:
            with contextlib.closing(open_database(path, schemas()[name], heal=False).connection) as connection:
                yield connection
        except (sqlite3.Error, OSError) as exc:
            raise StorageFailed(f"{path} can't be used ({exc})", remedy="is the disk full, or not ours?") from exc
