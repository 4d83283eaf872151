"""Between the domain's values and the rows of the files."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time
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
    ListVersion,
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
from edge.domain.token import CachedToken, Hours, ListedToken, SiteToken, TokenInfo, TokenStatus
from edge.storage import session_rows

Statement = tuple[str, tuple[Any, ...]]

_ENTRY = "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HIGHEST = "UPDATE counter SET highest = max(highest, ?)"


def _put_entry(write: PutEntry) -> Iterable[Statement]:
    entry = write.entry
    yield (
        _ENTRY,
        (
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
        ),
    )
    yield _HIGHEST, (entry.seq,)


def _drop_entry(write: DropEntry) -> Iterable[Statement]:
    yield "DELETE FROM entry WHERE seq = ?", (write.seq,)


def _put_transaction(write: PutTransaction) -> Iterable[Statement]:
    charge = write.transaction
    row = (
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
    yield "INSERT OR REPLACE INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row


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


def _put_cached(write: PutCached) -> Iterable[Statement]:
    token = write.token
    row = (token.hash, info_text(token.info), token.learned_at.isoformat())
    yield "INSERT OR REPLACE INTO cached_token VALUES (?, ?, ?)", row


def _clear_cached(write: ClearCached) -> Iterable[Statement]:
    if write.hash is None:
        yield "DELETE FROM cached_token", ()
    else:
        yield "DELETE FROM cached_token WHERE hash = ?", (write.hash,)


def _replace_list(write: ReplaceList) -> Iterable[Statement]:
    station = write.version.station
    yield "INSERT OR REPLACE INTO list_version VALUES (?, ?)", (station, write.version.version)
    yield "DELETE FROM listed_token WHERE station = ?", (station,)
    for token in write.tokens:
        yield "INSERT INTO listed_token VALUES (?, ?, ?)", (station, token.hash, info_text(token.info))


def _put_site_token(write: PutSiteToken) -> Iterable[Statement]:
    token = write.token
    row = (
        token.hash,
        token.hint,
        token.name,
        int(token.blocked),
        _iso(token.valid_from),
        _iso(token.valid_until),
        orjson.dumps([[sorted(h.days), h.since.isoformat(), h.until.isoformat()] for h in token.hours]).decode(),
        token.class_id,
        token.cost_centre,
    )
    yield "INSERT OR REPLACE INTO site_token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row


def _remove_site_token(write: RemoveSiteToken) -> Iterable[Statement]:
    yield "DELETE FROM site_token WHERE hash = ?", (write.hash,)


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
    PutCached: (REGISTRY, _put_cached),
    ClearCached: (REGISTRY, _clear_cached),
    ReplaceList: (REGISTRY, _replace_list),
    PutSiteToken: (REGISTRY, _put_site_token),
    RemoveSiteToken: (REGISTRY, _remove_site_token),
}


def place(write: Write) -> str:
    """The file that a write belongs to."""
    return WRITERS[type(write)][0]


def statements(write: Write) -> Iterable[Statement]:
    """The statements that carry a write out."""
    return WRITERS[type(write)][1](write)


def entry(row: sqlite3.Row) -> Entry:
    """A row of ``entry``."""
    return Entry(
        seq=row["seq"],
        station=row["station"],
        kind=EntryKind(row["kind"]),
        action=row["action"],
        message_id=row["message_id"],
        transaction=row["transaction_key"],
        order=row["sequence"],
        text=row["text"],
        taken_at=datetime.fromisoformat(row["taken_at"]),
        answered=bool(row["answered"]),
        attempts=row["attempts"],
        state=EntryState(row["state"]),
        reason=row["reason"],
    )


def transaction(row: sqlite3.Row) -> Transaction:
    """A row of ``charge``."""
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


def cached_token(row: sqlite3.Row) -> CachedToken:
    """A row of ``cached_token``."""
    learned = datetime.fromisoformat(row["learned_at"])
    return CachedToken(hash=row["hash"], info=info(row["info"]), learned_at=learned)


def listed_token(row: sqlite3.Row) -> ListedToken:
    """A row of ``listed_token``."""
    return ListedToken(station=row["station"], hash=row["hash"], info=info(row["info"]))


def list_version(row: sqlite3.Row) -> ListVersion:
    """A row of ``list_version``."""
    return ListVersion(station=row["station"], version=row["version"])


def site_token(row: sqlite3.Row) -> SiteToken:
    """A row of ``site_token``."""
    return SiteToken(
        hash=row["hash"],
        hint=row["hint"],
        name=row["name"],
        blocked=bool(row["blocked"]),
        valid_from=_moment(row["valid_from"]),
        valid_until=_moment(row["valid_until"]),
        hours=tuple(
            Hours(days=frozenset(days), since=time.fromisoformat(since), until=time.fromisoformat(until))
            for days, since, until in orjson.loads(row["hours"])
        ),
        class_id=row["class_id"],
        cost_centre=row["cost_centre"],
    )


def info_text(found: TokenInfo) -> str:
    """What the cloud says of a token, as JSON."""
    return orjson.dumps(
        {
            "status": found.status.value,
            "expires_at": _iso(found.expires_at),
            "group": found.group,
            "group_type": found.group_type,
            "language": found.language,
            "message": found.message,
        }
    ).decode()


def info(text: str) -> TokenInfo:
    """What :func:`info_text` wrote."""
    found = orjson.loads(text)
    return TokenInfo(
        status=TokenStatus(found["status"]),
        expires_at=_moment(found["expires_at"]),
        group=found["group"],
        group_type=found["group_type"],
        language=found["language"],
        message=found["message"],
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
