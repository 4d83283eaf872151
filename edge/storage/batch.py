"""What is written together: how, and what it brings."""

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from edge.domain.journal import PRECIOUS, EntryKind, EntryState, PutEntry, Write
from edge.storage import rows

Part: TypeAlias = Write | rows.Statement  # of a batch: for one file


def apply(connection: sqlite3.Connection, batch: Sequence[Part]) -> Exception | None:
    """Write one batch inside the transaction; undo it alone where its values can't be written."""
    connection.execute("SAVEPOINT batch")
    try:
        for write in batch:
            for sql, values in [write] if isinstance(write, tuple) else rows.statements(write):
                connection.execute(sql, values)
    except (ValueError, OverflowError, TypeError, sqlite3.IntegrityError, sqlite3.InterfaceError) as exc:
        connection.execute("ROLLBACK TO batch")
        connection.execute("RELEASE batch")
        return exc
    connection.execute("RELEASE batch")
    return None


def grows(batch: Sequence[Part]) -> bool:
    """Whether it brings a new message."""
    return any(
        isinstance(write, PutEntry) and write.entry.state is EntryState.PENDING and not write.entry.attempts
        for write in batch
    )


def is_spare(batch: Sequence[Part]) -> bool:
    """Whether it brings meter values that nobody bills by, and no other message: these are the first to be lost."""
    brought = [write.entry for write in batch if isinstance(write, PutEntry)]
    return bool(brought) and all(
        entry.kind is EntryKind.METER and not any(word in entry.text for word in PRECIOUS) for entry in brought
    )
