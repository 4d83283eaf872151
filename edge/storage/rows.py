"""Between the domain's values and the rows of the files."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from sys import intern
from typing import Any

import orjson

from edge.domain.journal import (
    Boot,
    ClearCached,
    ConnectorStatus,
    DropEntry,
    DropSession,
    DropTransaction,
    Entry,
    EntryKind,
    EntryState,
    ForgetSessions,
    PutBoot,
    PutCached,
    PutEntry,
    PutSession,
    PutSiteToken,
    PutStatus,
    PutTransaction,
    RemoveSiteToken,
    ReplaceList,
    Transaction,
    Write,
)
from edge.storage import session_rows, sums, token_rows

Statement = tuple[str, tuple[Any, ...]]

_HIGHEST = "UPDATE counter SET highest = max(highest, ?)"


def put_entry_into(table: str) -> str:
    """The statement for an :func:`entry_row`; ``table`` has the columns of ``entry``."""
    return f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names


def put_entry(table: str, row: tuple[Any, ...]) -> Iterable[Statement]:
    """Keep an :func:`entry_row`, and its sum."""
    yield put_entry_into(table), row
    yield sums.put_into(table), sums.row(row)


def put_charge_into(table: str) -> str:
    """The statement for a :func:`charge_row`; ``table`` has the columns of ``charge``."""
    return f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names


_CHARGE = put_charge_into("charge")
# All that is known of each transaction.
CHARGES = """
SELECT charge.*, charge_alone.station IS NOT NULL AS alone
FROM charge LEFT JOIN charge_alone USING (station, transaction_key)
"""


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """What :func:`entry` reads."""
    return (
        entry.seq,
        entry.station,
        entry.kind.value,
        entry.action,
        entry.message_id,
        entry.transaction,
        entry.order,
        entry.text,
        entry.taken_at.isoformat(),
        int(entry.answered),
        entry.attempts,
        entry.state.value,
        entry.reason,
    )


def _put_entry(write: PutEntry) -> Iterable[Statement]:
    yield from put_entry("entry", entry_row(write.entry))
    yield _HIGHEST, (write.entry.seq,)


def _drop_entry(write: DropEntry) -> Iterable[Statement]:
    yield "DELETE FROM entry WHERE seq = ?", (write.seq,)


def charge_row(charge: Transaction) -> tuple[Any, ...]:
    """What :func:`transaction` reads."""
    return (
        charge.station,
        charge.key,
        charge.connector,
        charge.began,
        charge.cloud_id,
        charge.answer,
        charge.ended,
        orjson.dumps(charge.seen).decode(),
        charge.meter_start_wh,
        charge.token,
        charge.touched_at.isoformat(),
    )


def _put_transaction(write: PutTransaction) -> Iterable[Statement]:
    found = write.transaction
    yield _CHARGE, charge_row(found)
    if found.alone:  # without this it isn't
        yield "INSERT OR REPLACE INTO charge_alone VALUES (?, ?)", (found.station, found.key)


def _drop_transaction(write: DropTransaction) -> Iterable[Statement]:
    yield "DELETE FROM charge WHERE station = ? AND transaction_key = ?", (write.station, write.key)


def _put_boot(write: PutBoot) -> Iterable[Statement]:
    boot = write.boot
    row = (boot.station, boot.text, int(boot.owed), boot.status, boot.interval_s)
    yield "INSERT OR REPLACE INTO boot VALUES (?, ?, ?, ?, ?)", row


def _put_status(write: PutStatus) -> Iterable[Statement]:
    status = write.status
    row = (status.station, status.connector, status.text, int(status.owed))
    yield "INSERT OR REPLACE INTO connector_status VALUES (?, ?, ?, ?)", row


JOURNAL, REGISTRY = "journal", "registry"

# Each kind of write: the file it belongs to, and its statements.
WRITERS: Mapping[type, tuple[str, Callable[[Any], Iterable[Statement]]]] = {
    PutEntry: (JOURNAL, _put_entry),
    DropEntry: (JOURNAL, _drop_entry),
    PutTransaction: (JOURNAL, _put_transaction),
    DropTransaction: (JOURNAL, _drop_transaction),
    PutSession: (JOURNAL, session_rows.put),
    DropSession: (JOURNAL, session_rows.drop),
    ForgetSessions: (JOURNAL, session_rows.forget),
    PutBoot: (REGISTRY, _put_boot),
    PutStatus: (REGISTRY, _put_status),
    PutCached: (REGISTRY, token_rows.put_cached),
    ClearCached: (REGISTRY, token_rows.clear_cached),
    ReplaceList: (REGISTRY, token_rows.replace_list),
    PutSiteToken: (REGISTRY, token_rows.put_site_token),
    RemoveSiteToken: (REGISTRY, token_rows.remove_site_token),
}


def place(write: Write) -> str:
    """The file that a write belongs to."""
    return WRITERS[type(write)][0]


def statements(write: Write) -> Iterable[Statement]:
    """The statements that carry a write out."""
    return WRITERS[type(write)][1](write)


# A start with a full journal reads hundreds of thousands of rows: by place, as each name would be looked for.
_KINDS: Mapping[str, EntryKind] = {kind.value: kind for kind in EntryKind}
_STATES: Mapping[str, EntryState] = {state.value: state for state in EntryState}
ENTRY_COLUMNS = 13


def entry(row: sqlite3.Row, *, slim: bool = False) -> Entry:
    """A row of ``entry``; ``slim``: without its text. Of many rows the same texts are there once in memory."""
    seq, station, kind, action, message_id, key, order, text, taken_at, answered, attempts, state, reason = row[
        :ENTRY_COLUMNS
    ]
    return Entry(
        seq=seq,
        station=intern(station),
        kind=_KINDS[kind],
        action=intern(action),
        message_id=message_id,
        transaction=intern(key) if key is not None else None,
        order=order,
        text="" if slim else text,
        taken_at=datetime.fromisoformat(taken_at),
        answered=bool(answered),
        attempts=attempts,
        state=_STATES[state],
        reason=reason,
    )


def transaction(row: sqlite3.Row) -> Transaction:
    """A row of ``charge``, or of :data:`CHARGES`."""
    return Transaction(
        station=row["station"],
        key=row["transaction_key"],
        connector=row["connector"],
        began=row["began"],
        cloud_id=row["cloud_id"],
        answer=row["answer"],
        ended=row["ended"],
        seen=tuple((first, last) for first, last in orjson.loads(row["seen"])),
        meter_start_wh=row["meter_start_wh"],
        token=row["token"],
        touched_at=datetime.fromisoformat(row["touched_at"]),
        alone="alone" in row.keys() and bool(row["alone"]),  # noqa: SIM118 - a row's own "in" looks through its values
    )


def boot(row: sqlite3.Row) -> Boot:
    """A row of ``boot``."""
    return Boot(
        station=row["station"],
        text=row["text"],
        owed=bool(row["owed"]),
        status=row["status"],
        interval_s=row["interval_s"],
    )


def connector_status(row: sqlite3.Row) -> ConnectorStatus:
    """A row of ``connector_status``."""
    return ConnectorStatus(station=row["station"], connector=row["connector"], text=row["text"], owed=bool(row["owed"]))
