"""A checksum of each kept message: a byte that changes on the card, and leaves JSON, is no word of its station's.

A message is delivered when its sum is right. One that has none was written by the release before, which knows of none;
it is given one at the next start.
"""

import sqlite3
import zlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import structlog

from edge.storage.database import transaction

log = structlog.get_logger(__name__)

# In the place of the cloud's reason: a person sees it, and it is never sent.
DAMAGED: Final = "its bytes have changed on the disk: it isn't what its station said, and isn't sent"
# Of the columns of ``entry`` those that never change: from station to taken_at. How often a message was tried, and
# whether it was set aside, may change beside its sum.
_SUMMED: Final = slice(1, 9)
_ALONE: Final = "FROM entry_sum WHERE seq NOT IN (SELECT seq FROM entry)"
_NAMED: Final = 50  # numbers of lost messages in the log

Row: TypeAlias = sqlite3.Row | tuple[Any, ...]  # with the columns of ``entry``, and what comes behind them


def of(row: Row) -> int:
    """The sum of a message: a CRC-32."""
    text = "\0".join(["" if value is None else str(value) for value in row[_SUMMED]])
    return zlib.crc32(text.encode("utf-8", "surrogateescape"))


def row(message: Row) -> tuple[int, int]:
    """What :func:`put_into` keeps of a message."""
    return message[0], of(message)


def is_true(row: sqlite3.Row) -> bool:
    """Whether a row that :func:`with_sum` selects is what was written."""
    return row["sum"] is None or row["sum"] == of(row)


def with_sum(table: str) -> str:
    """The query for the messages in ``table``, and what their sums should be."""
    return f"SELECT {table}.*, {table}_sum.sum FROM {table} LEFT JOIN {table}_sum USING (seq)"  # noqa: S608 - our own names


def put_into(table: str) -> str:
    """The statement for the sum of a message in ``table``, behind that for the message itself."""
    return f"INSERT OR REPLACE INTO {table}_sum VALUES (?, ?)"  # noqa: S608 - our own names


def complete(connection: sqlite3.Connection, table: str) -> None:
    """Have a sum of each message that was read and has none. Raises sqlite3.Error."""
    missing = [row(each) for each in connection.execute(f"{with_sum(table)} WHERE sum IS NULL")]
    if missing:
        with transaction(connection):
            connection.executemany(put_into(table), missing)


def tell_lost(journal: sqlite3.Connection) -> None:
    """In a journal that was healed: of which messages nothing but the sum is left, which goes. Raises sqlite3.Error."""
    lost = [seq for (seq,) in journal.execute(f"SELECT seq {_ALONE} ORDER BY seq")]
    if lost:
        log.error("messages can't be read out of a damaged journal", count=len(lost), numbers=lost[:_NAMED])
        journal.execute(f"DELETE {_ALONE}")


def found(connection: sqlite3.Connection, table: str) -> Mapping[int, int]:
    """What can be read of the sums of a table in a damaged file, by number."""
    sums: dict[int, int] = {}
    try:
        for each in connection.execute(f"SELECT seq, sum FROM {table}_sum"):  # noqa: S608 - our own names
            if isinstance(each[1], int):  # what lies there may be another table
                sums[each[0]] = each[1]
    except sqlite3.Error:
        pass
    return sums
