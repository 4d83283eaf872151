"""Between the domain's values and the rows of the files."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
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
from edge.domain.session import QuarterHour, Session
from edge.domain.token import CachedToken, Hours, ListedToken, SiteToken, TokenInfo, TokenStatus

Statement = tuple[str, tuple[Any, ...]]

_ENTRY = "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SESSION = "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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


def _put_session(write: PutSession) -> Iterable[Statement]:
    found = write.session
    row = (
        found.id,
        found.station,
        found.evse,
        found.transaction,
        found.token,
        found.hint,
        found.class_id,
        found.cost_centre,
        int(found.internal),
        found.began_at.isoformat(),
        _iso(found.ended_at),
        found.end_reason,
        _plain(found.register_begin_wh),
        _plain(found.register_wh),
        _iso(found.register_at),
        _plain(found.energy_wh),
        orjson.dumps([[quarter.since.isoformat(), _plain(quarter.energy_wh)] for quarter in found.quarters]).decode(),
        orjson.dumps(found.signed).decode(),
        _plain(found.energy_limit_wh),
    )
    yield _SESSION, row
    yield _HIGHEST, (found.id,)


def _drop_session(write: DropSession) -> Iterable[Statement]:
    yield "DELETE FROM session WHERE id = ?", (write.id,)


def _forget_sessions(write: ForgetSessions) -> Iterable[Statement]:
    yield "DELETE FROM session WHERE ended_at < ?", (write.before.astimezone(UTC).isoformat(),)


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
    PutSession: (JOURNAL, _put_session),
    DropSession: (JOURNAL, _drop_session),
    ForgetSessions: (JOURNAL, _forget_sessions),
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


def session(row: sqlite3.Row) -> Session:
    """A row of ``session``."""
    return Session(
        id=row["id"],
        station=row["station"],
        evse=row["evse"],
        transaction=row["transaction_key"],
        token=row["token"],
        hint=row["hint"],
        class_id=row["class_id"],
        cost_centre=row["cost_centre"],
        internal=bool(row["internal"]),
        began_at=datetime.fromisoformat(row["began_at"]),
        ended_at=_moment(row["ended_at"]),
        end_reason=row["end_reason"],
        register_begin_wh=_decimal(row["register_begin_wh"]),
        register_wh=_decimal(row["register_wh"]),
        register_at=_moment(row["register_at"]),
        energy_wh=Decimal(row["energy_wh"]),
        quarters=tuple(
            QuarterHour(since=datetime.fromisoformat(since), energy_wh=Decimal(wh))
            for since, wh in orjson.loads(row["quarters"])
        ),
        signed=tuple(orjson.loads(row["signed"])),
        energy_limit_wh=_decimal(row["energy_limit_wh"]),
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


def _plain(number: Decimal | None) -> str | None:
    return format(number, "f") if number is not None else None


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
