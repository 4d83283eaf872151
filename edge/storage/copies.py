"""What of the journal is kept a second time, in the registry: one that can't be read costs no transaction.

- Each begin and end of a transaction that its station has had an answer for, and its cloud not.
- Each transaction that the station knows by another id than the cloud (OCPP 1.6): which id is whose.

What the cloud answers in time never comes here, and what it has had goes: a session that begins and ends while the
cloud is away costs some small rows more, each written once. Copies may be missing, as a full disk has no room for
them; they are made anew out of a sound journal at each start.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import structlog

from edge.domain.journal import (
    LOST,
    DropEntry,
    DropTransaction,
    Entry,
    EntryKind,
    PutEntry,
    PutTransaction,
    Transaction,
    Write,
)
from edge.storage import rows, sums
from edge.storage.database import transaction
from edge.storage.doubt import doubt
from edge.storage.rows import Statement
from edge.storage.salvage import skip_numbers

log = structlog.get_logger(__name__)

ENTRIES, CHARGES = "entry_copy", "charge_copy"

_Id: TypeAlias = tuple[str, str | None]  # station, transaction
_DROP_ENTRY = f"DELETE FROM {ENTRIES} WHERE seq = ?"  # noqa: S608 - our own name, as below
_DROP_CHARGE = f"DELETE FROM {CHARGES} WHERE station = ? AND transaction_key = ?"  # noqa: S608
# The cloud has had the whole of it.
_OVER = "UPDATE charge SET ended = ? WHERE station = ? AND transaction_key = ? AND ended IS NULL AND cloud_id IS NULL"
_PUT_CHARGE = rows.put_charge_into(CHARGES)
_SLIM = """
SELECT seq, station, kind, action, message_id, transaction_key, sequence, '' AS text, taken_at, answered, attempts,
    state, reason FROM
"""
# A begin whose transaction has the cloud's number has been delivered.
_IS_THERE_OR_TOLD = """
SELECT 1 FROM entry WHERE seq = :seq AND coalesce(reason, '') <> :damaged
UNION SELECT 1 FROM charge
    WHERE :kind = 'begin' AND station = :station AND transaction_key = :transaction_key AND cloud_id IS NOT NULL
"""
_BOUNDS = "SELECT * FROM entry WHERE kind IN ('begin', 'end') AND coalesce(reason, '') <> ? ORDER BY seq"


class Copies:
    """Says what is to be written there, beside what the journal has taken."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}  # those that are copied, and the ends of transactions that are
        self._charges: dict[_Id, Transaction] = {}

    def load(self, journal: sqlite3.Connection, registry: sqlite3.Connection) -> None:
        """Know what is there."""
        found = [rows.transaction(row) for row in registry.execute(f"SELECT * FROM {CHARGES}")]  # noqa: S608
        self._charges = {(charge.station, charge.key): charge for charge in found}
        ends = map(rows.entry, journal.execute(f"{_SLIM} entry WHERE kind = 'end'"))
        self._entries = {entry.seq: entry for entry in ends if _id(entry) in self._charges}
        self._entries |= {entry.seq: entry for entry in map(rows.entry, registry.execute(f"{_SLIM} {ENTRIES}"))}

    def changed_by(self, batches: Sequence[Sequence[Write | Statement]]) -> bool:
        """Whether what the journal is to take may change what is there."""
        return any(
            isinstance(write, PutEntry | PutTransaction | DropTransaction)
            or (isinstance(write, DropEntry) and write.seq in self._entries)
            for batch in batches
            for write in batch
        )

    def follow(self, batch: Sequence[Write], *, has_room: bool, whole: sqlite3.Connection | None) -> list[Statement]:
        """What follows from a batch that the journal has taken. ``has_room``: something may be added. ``whole``: the
        journal of which nothing lacks then, if it is so."""
        begun = {_id(write.entry) for write in batch if isinstance(write, PutEntry) and _is_local_begin(write.entry)}
        found: list[Statement] = []
        for write in batch:
            match write:
                case PutEntry(entry=entry):
                    found += self._put_entry(entry, has_room=has_room)
                case PutTransaction(transaction=charge) if has_room:
                    found += self._put_charge(charge, is_begun=(charge.station, charge.key) in begun)
                case DropEntry(seq=seq) if seq in self._entries:
                    found += self._drop_entry(self._entries.pop(seq))
                case DropTransaction(station=station, key=key) if self._charges.pop((station, key), None) is not None:
                    found.append((_DROP_CHARGE, (station, key)))
                case _:
                    pass
        return [*found, complete_up_to(whole)] if found and whole is not None else found

    def _put_entry(self, entry: Entry, *, has_room: bool) -> list[Statement]:
        known = self._entries.get(entry.seq)
        if entry.kind is EntryKind.END and _id(entry) in self._charges:
            self._entries[entry.seq] = replace(entry, text="")
        is_new = known is None or (known.answered, known.state) != (entry.answered, entry.state)
        if not (has_room and is_new and _is_wanted(entry)):
            return []
        self._entries[entry.seq] = replace(entry, text="")
        return list(rows.put_entry(ENTRIES, rows.entry_row(entry)))

    def _put_charge(self, charge: Transaction, *, is_begun: bool) -> list[Statement]:
        known = self._charges.get((charge.station, charge.key))
        if known is None and not (is_begun or (charge.ended is None and _is_renamed(charge))):
            return []
        if known is not None and replace(known, touched_at=charge.touched_at) == charge:
            return []
        self._charges[charge.station, charge.key] = charge
        return [(rows.put_charge_into(CHARGES), rows.charge_row(charge))]

    def _drop_entry(self, entry: Entry) -> list[Statement]:
        """The cloud has it; with the end it has all of its transaction."""
        found: list[Statement] = [(_DROP_ENTRY, (entry.seq,))] if entry.answered else []
        if entry.kind is EntryKind.END and self._charges.pop(_id(entry), None) is not None:
            found.append((_DROP_CHARGE, _id(entry)))
        return found


def made_anew(journal: sqlite3.Connection, registry: sqlite3.Connection) -> None:
    """Have the copies as a sound journal has the originals. Writes nothing where they are so.

    Raises sqlite3.Error.
    """
    bounds = [(rows.entry(row), tuple(row)) for row in journal.execute(_BOUNDS, (sums.DAMAGED,))]
    begun = {_id(entry) for entry, _ in bounds if _is_local_begin(entry)}
    waiting = {_id(entry) for entry, _ in bounds}
    charges = [(rows.transaction(row), tuple(row)) for row in journal.execute("SELECT * FROM charge")]
    wanted: dict[str, set[tuple[Any, ...]]] = {
        ENTRIES: {row for entry, row in bounds if _is_wanted(entry)},
        CHARGES: {
            row
            for charge, row in charges
            if (key := (charge.station, charge.key)) in begun
            or (_is_renamed(charge) and (charge.ended is None or key in waiting))
        },
    }
    if all({tuple(row) for row in registry.execute(f"SELECT * FROM {t}")} == rest for t, rest in wanted.items()):  # noqa: S608
        return
    with transaction(registry):
        registry.execute(*complete_up_to(journal))
        for table, rest in wanted.items():
            registry.execute(f"DELETE FROM {table}")  # noqa: S608
            for row in sorted(rest, key=_in_order):
                for sql, values in rows.put_entry(ENTRIES, row) if table == ENTRIES else [(_PUT_CHARGE, row)]:
                    registry.execute(sql, values)


def brought_back(registry: sqlite3.Connection, journal: sqlite3.Connection) -> int:
    """Put into a journal that was damaged what it has no more; says how many rows. Raises sqlite3.Error."""
    restored = 0
    with transaction(journal):
        for row in registry.execute(f"SELECT * FROM {CHARGES}"):  # noqa: S608
            charge = rows.transaction(row)
            here = journal.execute(
                "SELECT cloud_id, ended FROM charge WHERE station = ? AND transaction_key = ?",
                (charge.station, charge.key),
            ).fetchone()
            tells_more = here is not None and (
                (here["cloud_id"] is None and charge.cloud_id is not None)
                or (here["ended"] is None and charge.ended is not None)
            )
            if here is None or tells_more:
                journal.execute(rows.put_charge_into("charge"), tuple(row))
                restored += 1
        for row in registry.execute(f"{sums.with_sum(ENTRIES)} ORDER BY seq"):
            if journal.execute(_IS_THERE_OR_TOLD, dict(row) | {"damaged": sums.DAMAGED}).fetchone() is not None:
                continue
            if not sums.is_true(row):
                log.error("the copy of a message is damaged, too", station=row["station"], number=row["seq"])
                continue
            for sql, values in rows.put_entry("entry", row[:-1]):
                journal.execute(sql, values)
            restored += 1
    return restored


def restore(registry: sqlite3.Connection, journal: sqlite3.Connection) -> bool:
    """Have what the journal lacks out of the copies, and doubt the rest. Never raises; says whether that is done."""
    try:
        is_older = _is_older(journal, registry)
        if restored := brought_back(registry, journal):
            log.warning("begins, ends and ids were taken from their copies", rows=restored)
        if is_older:
            log.warning("the journal has lost what was written last", told_since=_told(journal, registry))
        doubt(journal)
        if restored or is_older:
            skip_numbers(journal)  # at the end: until then the journal is seen to lack something
    except sqlite3.Error as exc:
        log.warning("the journal's begins and ends can't be taken from their copies", problem=str(exc))
        return False
    return True


def complete_up_to(journal: sqlite3.Connection) -> Statement:
    """What says that the copies are complete as the journal is now. Raises sqlite3.Error."""
    secret, commits = journal.execute("SELECT secret, commits FROM counter").fetchone()
    return "INSERT OR REPLACE INTO copied VALUES (1, ?, ?)", (secret, commits)


def _is_older(journal: sqlite3.Connection, registry: sqlite3.Connection) -> bool:
    """Whether the journal isn't what it was when the copies were complete: its log is gone, or a part of that."""
    known = registry.execute("SELECT secret, commits FROM copied").fetchone()
    secret, commits = journal.execute("SELECT secret, commits FROM counter").fetchone()
    return known is not None and known["secret"] == secret and known["commits"] > commits


def _told(journal: sqlite3.Connection, registry: sqlite3.Connection) -> int:
    """Of a journal that is older than the copies: begins and ends that were answered, and have none, were told since.
    Says how many. Raises sqlite3.Error."""
    copied = {seq for (seq,) in registry.execute(f"SELECT seq FROM {ENTRIES}")}  # noqa: S608
    bounds = journal.execute(_BOUNDS, (sums.DAMAGED,)).fetchall()
    told = [row for row in bounds if row["answered"] and row["seq"] not in copied]
    charges = {tuple(row) for row in registry.execute(f"SELECT station, transaction_key FROM {CHARGES}")}  # noqa: S608
    with transaction(journal):
        for row in told:
            journal.execute("DELETE FROM entry WHERE seq = ?", (row["seq"],))
            key = (row["station"], row["transaction_key"])
            if row["kind"] == EntryKind.BEGIN and row["sequence"] is None and key not in charges:
                journal.execute(_OVER, (LOST, *key))
    return len(told)


def know_more(registry: sqlite3.Connection, journal: sqlite3.Connection) -> bool:
    """Whether there may be copies of what the journal never had, by its own count: it was emptied, is gone, or lost
    what was written last, as where its log is gone. A journal is always written before its copies."""
    highest = journal.execute("SELECT highest FROM counter").fetchone()[0]
    newest = registry.execute(f"SELECT max(seq) FROM {ENTRIES}").fetchone()[0]  # noqa: S608
    return bool(highest == 0 or (newest is not None and newest > highest) or _is_older(journal, registry))


def answered_for(journal: sqlite3.Connection) -> None:
    """At a start: who waited for the cloud's answer to a begin or an end is gone, and is answered by us when it comes
    again. Raises sqlite3.Error."""
    journal.execute("UPDATE entry SET answered = 1 WHERE answered = 0")


def incomplete(registry: sqlite3.Connection) -> None:
    """The copies are what could be read of them. Raises sqlite3.Error."""
    registry.execute("DELETE FROM copied")


def forgotten(registry: sqlite3.Connection) -> None:
    """Have no copies. Raises sqlite3.Error."""
    for table in (ENTRIES, CHARGES):
        registry.execute(f"DELETE FROM {table}")  # noqa: S608


def _in_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """By the key of either table."""
    return row[:2]


def _id(entry: Entry) -> _Id:
    return entry.station, entry.transaction


def _is_wanted(entry: Entry) -> bool:
    """Whether its station relies on us for it."""
    return entry.kind.bounds_transaction and entry.answered


def _is_local_begin(entry: Entry) -> bool:
    """Whether the station was given an id that isn't the cloud's."""
    return entry.answered and entry.kind is EntryKind.BEGIN and entry.order is None


def _is_renamed(charge: Transaction) -> bool:
    return charge.cloud_id is not None and str(charge.cloud_id) != charge.key
