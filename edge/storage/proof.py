"""Whether each row can be read by this program: a byte that has changed within a row passes SQLite's own check."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from edge.domain.journal import Entry, EntryState
from edge.storage import damage, rows, session_rows, sums, token_rows

# What a reader may raise for values that are no more what was written.
DAMAGE: Final = (sqlite3.Error, ValueError, TypeError, LookupError, ArithmeticError)


def said(row: sqlite3.Row) -> Entry:
    """A message as its station said it, out of a row of :func:`edge.storage.sums.with_sum`.

    :raises ValueError: or another of :data:`DAMAGE`, where it isn't.
    """
    if not sums.is_true(row):
        raise ValueError(sums.DAMAGED)
    return entry(row)


def entry(row: sqlite3.Row) -> Entry:
    """A message, whose text is JSON, as everything that is taken from a station.

    :raises ValueError: or another of :data:`DAMAGE`, where it isn't.
    """
    found = rows.entry(row)
    orjson.loads(found.text)
    return found


def _entry(row: sqlite3.Row) -> None:
    if row["state"] == EntryState.PENDING.value:
        # What was written could be read: of what has its sum, nothing else needs to be looked at.
        if row["sum"] is None or not sums.is_true(row):
            said(row)
    else:
        entry(row)  # what is set aside isn't sent, and stays for a person to see


def _boot(row: sqlite3.Row) -> None:
    found = rows.boot(row)
    if found.text is not None:
        orjson.loads(found.text)


def _connector_status(row: sqlite3.Row) -> None:
    orjson.loads(rows.connector_status(row).text)


def _counter(row: sqlite3.Row) -> None:
    if row["highest"] < 0 or len(row["secret"]) == 0:
        raise ValueError("no counter")


# How the rows of a table are read, where it isn't the table alone.
_QUERIES: Final = {"entry": sums.with_sum("entry")}

# Of each table whose rows the program starts from. History isn't among them: what of it can't be read is left out.
_READERS: Final[Mapping[str, Callable[[sqlite3.Row], object]]] = {
    "entry": _entry,
    "charge": rows.transaction,
    "entry_copy": entry,
    "charge_copy": rows.transaction,
    "session": session_rows.session,
    "counter": _counter,
    "boot": _boot,
    "connector_status": _connector_status,
    "cached_token": token_rows.cached_token,
    "list_version": token_rows.list_version,
    "listed_token": token_rows.listed_token,
    "site_token": token_rows.site_token,
    "site_token_need": token_rows.site_token_need,
}


def readable(table: str, row: sqlite3.Row) -> bool:
    """Whether the program can read this row."""
    try:
        (entry if table == "entry" else _READERS.get(table, _believe))(row)
    except DAMAGE:
        return False
    return True


def _believe(_row: sqlite3.Row) -> None:
    """Nothing is known of it."""


def prove(connection: sqlite3.Connection) -> None:
    """Read all rows.

    :raises sqlite3.DatabaseError: with SQLITE_CORRUPT, where one of them can't be read.
    """
    for table, read in _READERS.items():
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone() is None:
            continue
        try:
            for row in connection.execute(_QUERIES.get(table, f"SELECT * FROM {table}")):  # noqa: S608 - our own names
                read(row)
        except DAMAGE as exc:
            raise damage.found(f"a row of {table} can't be read: {exc}") from exc
