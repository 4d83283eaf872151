"""What is good to know and may be lost: rows that are added in batches, and cut off where they grow too many."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.storage.database import pages, transaction

HISTORY_BYTES = 200_000_000  # a month of a site of 50 EVSEs with a sample each 10 s
_TRIM = 0.9  # it is cut to this part of it, so that it isn't cut at every write


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One thing that is good to know."""

    at: datetime
    topic: str
    body: str  # JSON


def add(connection: sqlite3.Connection, rows: Sequence[HistoryRow], most_bytes: int) -> None:
    """Add these, and cut the oldest off where all come to more than ``most_bytes``. Raises sqlite3.Error."""
    with transaction(connection):
        connection.executemany(
            "INSERT INTO history (at, topic, body) VALUES (?, ?, ?)",
            [(row.at.isoformat(), row.topic, row.body) for row in rows],
        )
    used = pages(connection, "page_count") - pages(connection, "freelist_count")
    used *= pages(connection, "page_size")
    if used > most_bytes:
        part = 1 - _TRIM * most_bytes / used
        with transaction(connection):
            first, last = connection.execute("SELECT min(id), max(id) FROM history").fetchone()
            connection.execute("DELETE FROM history WHERE id <= ?", (first + int((last - first + 1) * part),))
