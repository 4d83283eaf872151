"""Out of a damaged file: every row that can still be read; and a good copy to fall back on."""

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from edge.domain.journal import EntryState
from edge.errors import StorageFailed
from edge.ownership import as_its_folder
from edge.storage import graft, sums
from edge.storage.damage import sync_folder
from edge.storage.database import connect
from edge.storage.proof import readable

log = structlog.get_logger(__name__)

# The greatest number that an entry ever had may be among what is lost. So many more messages than that can't have
# been taken since the last row that is still there: two days of a site of 200 stations.
NUMBERS_SKIPPED = 1_000_000
# What is taken of a file without its log, which may be older than what was delivered last. Of messages, begins and ends
# that do no harm twice: a StartTransaction would be a second session.
_WITHOUT_LOG = {"entry": "kind = 'end' OR (kind = 'begin' AND sequence IS NOT NULL)"}
_SUMMED = ("entry", "entry_copy")  # the tables of messages that have sums: the journal's, and its copies


def salvage(damaged: Path, target: sqlite3.Connection, *, prevails: bool = False) -> int:
    """Copy what can be read of ``damaged`` into the open, newly made file; says how many rows.

    Each table is read from its front until that fails, then from its back: only rows between two faults are lost.
    Where the first page is gone, another one takes its place; then not all is taken of a file without its log.
    ``prevails``: of a table that is whole, rows of ``target`` that aren't in it go: they were removed. Never raises for
    what ``damaged`` holds.

    :raises StorageFailed: ``target`` can't be written.
    """
    if graft.has_form(damaged):
        return _read_out(damaged, target, {}, prevails=prevails)
    with contextlib.suppress(OSError, sqlite3.Error), graft.grafted(damaged, target) as copy:
        return _read_out(copy, target, {} if graft.has_log(damaged) else _WITHOUT_LOG)
    return 0


def _read_out(damaged: Path, target: sqlite3.Connection, only: Mapping[str, str], *, prevails: bool = False) -> int:
    rows = 0
    with contextlib.closing(connect(damaged)) as source:
        source.text_factory = _text
        target.execute("BEGIN IMMEDIATE")
        try:
            # Each row as it is: what follows from a change has followed when it was made.
            triggers = target.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                target.execute(f"DROP TRIGGER {name}")
            known = {table: sums.found(source, table) for table in _SUMMED}
            for table in _tables(target):
                rows += _copy(source, target, table, only.get(table, "TRUE"), known.get(table, {}), prevails=prevails)
            for _, definition in triggers:
                target.execute(definition)
            target.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                target.execute("ROLLBACK")
            raise
    log.warning("rows were read out of a damaged file", file=str(damaged), rows=rows)
    return rows


def _kept_as(table: str, row: sqlite3.Row, known: Mapping[int, int]) -> tuple[Any, ...] | None:
    """What is kept of a row; None where that is nothing. ``known``: the sums of its table.

    Of a message that isn't what its station said a person decides, but for one whose station hasn't been answered: it
    says it again.
    """
    if not readable(table, row):
        return None
    if table not in _SUMMED or known.get(row["seq"]) in (None, sums.of(row)):
        return tuple(row)
    is_kept = table == "entry" and bool(row["answered"])
    log.error(
        "a message isn't what its station said: it is set aside" if is_kept else "a damaged message is left out",
        **{name: row[name] for name in ("station", "action", "taken_at")},
        number=row["seq"],
    )
    aside = {"state": EntryState.SET_ASIDE.value, "reason": sums.DAMAGED}
    return tuple((dict(row) | aside).values()) if is_kept else None


def skip_numbers(journal: sqlite3.Connection) -> None:
    """After a salvage: no number that may have been given before is given again, and local ids look different."""
    highest = journal.execute("SELECT max(seq) FROM entry").fetchone()[0] or 0
    journal.execute(
        "UPDATE counter SET highest = max(highest, ?) + ?, secret = randomblob(16)", (highest, NUMBERS_SKIPPED)
    )


def copy_good(source: sqlite3.Connection, path: Path) -> None:
    """Keep a copy of a sound file; it takes the place of the last one when it is whole.

    Raises sqlite3.Error or OSError.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh)) as target:
        fresh.chmod(0o600)
        as_its_folder(fresh)
        source.backup(target)
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def _text(value: bytes) -> str:
    """A text that may be none any more: such a one can't be written, but doesn't end the reading either."""
    return value.decode("utf-8", "surrogateescape")


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'form'"
    )
    return [row[0] for row in found]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _is_whole(source: sqlite3.Connection, table: str) -> bool:
    """Whether a table is there, and SQLite and the program can read all of it."""
    try:
        if [tuple(row) for row in source.execute(f"PRAGMA integrity_check({table})")] != [("ok",)]:
            return False
        return all(readable(table, row) for row in source.execute(f"SELECT * FROM {table}"))  # noqa: S608
    except sqlite3.Error:
        return False


def _copy(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    table: str,
    only: str,
    known: Mapping[int, int],
    *,
    prevails: bool = False,
) -> int:
    columns = _columns(target, table)
    with contextlib.suppress(sqlite3.Error):  # those that the release before hadn't have what they have in a new file
        there = _columns(source, table)
        columns = [name for name in columns if name in there]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    key = ", ".join(row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[5])
    backwards = ", ".join(f"{part} DESC" for part in key.split(", "))
    if prevails and _is_whole(source, table):
        target.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name, as below
    taken: set[tuple[object, ...]] = set()
    for order in (key, backwards):
        try:
            wanted = f"SELECT {names} FROM {table} NOT INDEXED WHERE {only} ORDER BY {order}"  # noqa: S608 - our own names
            for row in source.execute(wanted):
                if tuple(row) in taken:
                    break
                values = _kept_as(table, row, known)
                if values is None:
                    continue
                try:
                    target.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608
                    taken.add(tuple(row))
                except (sqlite3.IntegrityError, ValueError):  # a row that is damaged in itself
                    continue
                except sqlite3.Error as exc:
                    raise StorageFailed(f"what is left of a damaged file can't be written ({exc})") from exc
        except sqlite3.Error:
            continue
        else:
            break  # the whole table was read, or both ends met
    return len(taken)
