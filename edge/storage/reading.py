"""What the rules start from: everything that was kept, but for the texts of the messages."""

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import orjson
import structlog

from edge.domain.journal import PRECIOUS, Boot, ConnectorStatus, Entry, EntryState, ListVersion, Transaction
from edge.domain.session import Session
from edge.domain.token import CachedToken, ListedToken, SiteToken
from edge.errors import EntryDamaged, StorageFailed
from edge.storage import copies, proof, rows, sums, token_rows
from edge.storage.damage import is_damage
from edge.storage.proof import DAMAGE
from edge.storage.session_rows import session
from edge.storage.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is kept. The entries are without their texts: a site's backlog may be larger than its memory."""

    entries: tuple[Entry, ...]
    sizes: dict[int, int]  # characters of each entry's text, by its number
    precious: frozenset[int]  # the numbers of those that are signed or billed by
    transactions: tuple[Transaction, ...]
    sessions: tuple[Session, ...]  # those that run
    boots: tuple[Boot, ...]
    statuses: tuple[ConnectorStatus, ...]
    highest: int  # the greatest number that an entry ever had
    secret: bytes  # of the local transaction ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """What a person may have altered in the journal (``edge journal resend``, ``edge token erase``). Entries as in
    :class:`Kept`."""

    entries: tuple[Entry, ...]
    sizes: dict[int, int]
    precious: frozenset[int]
    transactions: tuple[Transaction, ...]  # those without a token


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTokens:
    """All that is known of tokens."""

    cached: tuple[CachedToken, ...]
    versions: tuple[ListVersion, ...]
    listed: tuple[ListedToken, ...]
    own: tuple[SiteToken, ...]


_ENTRIES = "SELECT * FROM entry"
_OF_THESE = "WHERE seq IN (SELECT value FROM json_each(?))"


def kept(store: Store) -> Kept:
    """Read the journal, and what the cloud last said of each station."""
    journal, registry = store.connection(rows.JOURNAL), store.connection(rows.REGISTRY)
    found, sizes, precious = _slim(journal.execute(f"{_ENTRIES} ORDER BY seq"))
    highest, secret = journal.execute("SELECT highest, secret FROM counter").fetchone()
    return Kept(
        entries=found,
        sizes=sizes,
        precious=precious,
        transactions=tuple(rows.transaction(row) for row in journal.execute(rows.CHARGES)),
        sessions=tuple(session(row) for row in journal.execute("SELECT * FROM session WHERE ended_at IS NULL")),
        boots=tuple(rows.boot(row) for row in registry.execute("SELECT * FROM boot")),
        statuses=tuple(rows.connector_status(row) for row in registry.execute("SELECT * FROM connector_status")),
        highest=highest,
        secret=secret,
    )


def altered(store: Store, numbers: Collection[int]) -> Altered:
    """Read what may have been altered since: of the entries those of these numbers, as all may be hundreds of
    thousands."""
    journal = store.connection(rows.JOURNAL)
    these = orjson.dumps(sorted(numbers)).decode()
    found, sizes, precious = _slim(journal.execute(f"{_ENTRIES} {_OF_THESE} ORDER BY seq", (these,)))
    erased = journal.execute(f"{rows.CHARGES} WHERE token IS NULL")
    return Altered(
        entries=found,
        sizes=sizes,
        precious=precious,
        transactions=tuple(rows.transaction(row) for row in erased),
    )


def _slim(found: Iterable[sqlite3.Row]) -> tuple[tuple[Entry, ...], dict[int, int], frozenset[int]]:
    """Entries, their sizes, and the numbers of the precious ones: row by row, as all together are large. (That SQLite
    looks for the words itself takes ten times as long.)"""
    read: list[Entry] = []
    sizes: dict[int, int] = {}
    precious: list[int] = []
    for row in found:
        one, text = rows.entry(row, slim=True), row["text"]
        read.append(one)
        sizes[one.seq] = len(text)
        for word in PRECIOUS:
            if word in text:
                precious.append(one.seq)
                break
    return tuple(read), sizes, frozenset(precious)


def kept_tokens(store: Store) -> KeptTokens:
    """Read what is known of tokens."""
    registry = store.connection(rows.REGISTRY)
    return KeptTokens(
        cached=tuple(token_rows.cached_token(row) for row in registry.execute("SELECT * FROM cached_token")),
        versions=tuple(token_rows.list_version(row) for row in registry.execute("SELECT * FROM list_version")),
        listed=tuple(token_rows.listed_token(row) for row in registry.execute("SELECT * FROM listed_token")),
        own=tuple(token_rows.site_tokens(registry)),
    )


def entry(store: Store, seq: int) -> Entry | None:
    """One message with its text; None when it is gone. Of one that is damaged the copy, where there is one.

    :raises EntryDamaged: it can't be read any more, or isn't what its station said.
    :raises StorageFailed: the disk doesn't give it now.
    """
    try:
        return _said(store.connection(rows.JOURNAL), "entry", seq)
    except DAMAGE as exc:
        with contextlib.suppress(*DAMAGE):
            copy = _said(store.connection(rows.REGISTRY), copies.ENTRIES, seq)
            if copy is not None:
                log.warning("a kept message is damaged: its copy is taken", station=copy.station, number=seq)
                return copy
        if isinstance(exc, sqlite3.Error) and getattr(exc, "sqlite_errorcode", None) is not None and not is_damage(exc):
            raise StorageFailed(f"message {seq} can't be read now ({exc})") from exc
        raise EntryDamaged(f"message {seq} can't be read any more ({exc})") from exc


def _said(connection: sqlite3.Connection, table: str, seq: int) -> Entry | None:
    row = connection.execute(f"{sums.with_sum(table)} WHERE seq = ?", (seq,)).fetchone()
    return proof.said(row) if row is not None else None


def entries(store: Store, state: EntryState | None = None) -> Iterator[Entry]:
    """All messages with their texts, oldest first; those in ``state`` alone, where one is given."""
    connection: sqlite3.Connection = store.connection(rows.JOURNAL)
    if state is None:
        found = connection.execute("SELECT * FROM entry ORDER BY seq")
    else:
        found = connection.execute("SELECT * FROM entry WHERE state = ? ORDER BY seq", (state.value,))
    return (rows.entry(row) for row in found)
