"""Between session records and the rows of ``session``. What is exact stays so: energies are decimal text."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from edge.domain.journal import DropSession, ForgetSessions, PutSession
from edge.domain.session import QuarterHour, Session

_SESSION = "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HIGHEST = "UPDATE counter SET highest = max(highest, ?)"

Statement = tuple[str, tuple[Any, ...]]


def put(write: PutSession) -> Iterable[Statement]:
    """Keep a record; its number is one that was given."""
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


def drop(write: DropSession) -> Iterable[Statement]:
    """There was no such session."""
    yield "DELETE FROM session WHERE id = ?", (write.id,)


def forget(write: ForgetSessions) -> Iterable[Statement]:
    """Retention; those that run stay."""
    yield "DELETE FROM session WHERE ended_at < ?", (write.before.astimezone(UTC).isoformat(),)


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


def _plain(number: Decimal | None) -> str | None:
    return format(number, "f") if number is not None else None


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
