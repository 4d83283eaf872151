"""Between what is known of tokens and the rows of the registry."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time
from typing import Any

import orjson

from edge.domain.journal import ClearCached, ListVersion, PutCached, PutSiteToken, RemoveSiteToken, ReplaceList
from edge.domain.token import CachedToken, Hours, ListedToken, SiteToken, TokenInfo, TokenNeed, TokenStatus

Statement = tuple[str, tuple[Any, ...]]

_SITE_TOKENS = "SELECT * FROM site_token LEFT JOIN site_token_need USING (hash) ORDER BY name, hint"


def put_cached(write: PutCached) -> Iterable[Statement]:
    """Keep what the cloud said of a token."""
    token = write.token
    row = (token.hash, info_text(token.info), token.learned_at.isoformat())
    yield "INSERT OR REPLACE INTO cached_token VALUES (?, ?, ?)", row


def clear_cached(write: ClearCached) -> Iterable[Statement]:
    """Forget it, of one or of all."""
    if write.hash is None:
        yield "DELETE FROM cached_token", ()
    else:
        yield "DELETE FROM cached_token WHERE hash = ?", (write.hash,)


def replace_list(write: ReplaceList) -> Iterable[Statement]:
    """A station's local list."""
    station = write.version.station
    yield "INSERT OR REPLACE INTO list_version VALUES (?, ?)", (station, write.version.version)
    yield "DELETE FROM listed_token WHERE station = ?", (station,)
    for token in write.tokens:
        yield "INSERT INTO listed_token VALUES (?, ?, ?)", (station, token.hash, info_text(token.info))


def put_site_token(write: PutSiteToken) -> Iterable[Statement]:
    """Keep one of the site's own."""
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
    yield "INSERT OR REPLACE INTO site_token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row  # its need goes (registry-3.sql)
    if token.need is not None:
        need = (token.hash, token.need.energy_wanted_wh, token.need.ready_by.isoformat())
        yield "INSERT OR REPLACE INTO site_token_need VALUES (?, ?, ?)", need


def remove_site_token(write: RemoveSiteToken) -> Iterable[Statement]:
    """Forget one, and with it its need (registry-3.sql)."""
    yield "DELETE FROM site_token WHERE hash = ?", (write.hash,)


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


def site_tokens(registry: sqlite3.Connection) -> list[SiteToken]:
    """The site's own tokens, by name."""
    return [
        replace(site_token(row), need=site_token_need(row)) if row["ready_by"] is not None else site_token(row)
        for row in registry.execute(_SITE_TOKENS)
    ]


def site_token(row: sqlite3.Row) -> SiteToken:
    """A row of ``site_token``; its need is in another table."""
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


def site_token_need(row: sqlite3.Row) -> TokenNeed:
    """A row of ``site_token_need``.

    :raises ValueError: it can't be meant.
    """
    if not row["energy_wanted_wh"] > 0:
        raise ValueError("no energy")
    return TokenNeed(energy_wanted_wh=row["energy_wanted_wh"], ready_by=time.fromisoformat(row["ready_by"]))


def info_text(found: TokenInfo) -> str:
    """What the cloud says of a token, as JSON."""
    return orjson.dumps(
        {
            "status": found.status.value,
            "expires_at": _iso(found.expires_at),
            "group": found.group,
            "group_type": found.group_type,
            "language": found.language,
            "language2": found.language2,
            "priority": found.priority,
            "evses": found.evses,
            "evses_of": found.evses_of,
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
        language2=found.get("language2"),  # the release before wrote none of these
        priority=found.get("priority"),
        evses=tuple(found.get("evses") or ()),
        evses_of=found.get("evses_of"),
        message=found["message"],
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
