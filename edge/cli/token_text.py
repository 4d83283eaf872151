"""What is written of a token on a command line or in a table: moments, hours, and a CSV file of many."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path

from edge.domain.token import Hours, SiteToken
from edge.errors import TokenUnusable
from edge.offline.hashing import TokenHasher, hint

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COLUMNS = ("token", "name", "class", "cost_centre", "from", "until", "hours", "blocked")
MOST_CHARACTERS = 255  # OCPP 2.1; 1.6 has 20, 2.0.1 has 36
_HOURS = re.compile(r"(?:(?P<first>\w{3})(?:-(?P<last>\w{3}))?\s+)?(?P<since>\d\d:\d\d)-(?P<until>\d\d:\d\d)", re.ASCII)
_HOURS_REMEDY = "write Mon-Fri 07:00-19:00; days from Mon to Sun, times from 00:00 to 24:00"
_YES, _NO = ("yes", "true", "1"), ("", "no", "false", "0")


def moment(text: str | None, zone: tzinfo, what: str) -> datetime | None:
    """``2026-12-31`` or ``2026-12-31T18:00``, at the site unless it names its zone; None for nothing."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise TokenUnusable(f"{what} is {text!r}, no date", remedy="write 2026-12-31 or 2026-12-31T18:00") from exc


def hours(text: str | None) -> tuple[Hours, ...]:
    """``Mon-Fri 07:00-19:00; Sat 08:00-12:00``; days may be left out for all."""
    return tuple(_part(part.strip()) for part in (text or "").split(";") if part.strip())


def hours_text(found: tuple[Hours, ...]) -> str:
    """The same, for a table."""
    parts = []
    for part in found:
        days = "" if len(part.days) == len(DAYS) else ",".join(DAYS[day] for day in sorted(part.days)) + " "
        parts.append(f"{days}{part.since:%H:%M}-{part.until:%H:%M}")
    return "; ".join(parts)


def checked(token: str) -> str:
    """A token's text as it is used."""
    found = token.strip()
    if not found or len(found) > MOST_CHARACTERS or not found.isprintable():
        raise TokenUnusable(
            f"a token of {len(found)} characters can't be one", remedy=f"give 1 to {MOST_CHARACTERS} printable ones"
        )
    return found


def read_csv(path: Path, hasher: TokenHasher, zone: tzinfo) -> Iterator[SiteToken]:
    """The tokens of a CSV file with a head line; only ``token`` must be there."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
            if unknown or "token" not in (reader.fieldnames or ()):
                wrong = f"has a column {unknown[0]!r}" if unknown else "has no column 'token'"
                raise TokenUnusable(f"{path}: {wrong}", remedy=f"the columns are: {', '.join(COLUMNS)}")
            for row in reader:
                try:
                    yield _token(row, hasher, zone)
                except TokenUnusable as exc:
                    raise TokenUnusable(f"{path}:{reader.line_num}: {exc.what}", remedy=exc.remedy) from exc
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise TokenUnusable(f"{path} can't be read ({exc})", remedy="give a CSV file in UTF-8") from exc


def _token(row: Mapping[str, str | None], hasher: TokenHasher, zone: tzinfo) -> SiteToken:
    text = checked(row.get("token") or "")
    blocked = (row.get("blocked") or "").strip().lower()
    if blocked not in _YES + _NO:
        raise TokenUnusable(f"blocked is {blocked!r}", remedy="write yes or no")
    return SiteToken(
        hash=hasher.hash(text),
        hint=hint(text),
        name=(row.get("name") or "").strip(),
        blocked=blocked in _YES,
        valid_from=moment(row.get("from"), zone, "from"),
        valid_until=moment(row.get("until"), zone, "until"),
        hours=hours(row.get("hours")),
        class_id=(row.get("class") or "").strip() or None,
        cost_centre=(row.get("cost_centre") or "").strip() or None,
    )


def _part(text: str) -> Hours:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise TokenUnusable(f"the hours {text!r} can't be read", remedy=_HOURS_REMEDY)
    try:
        first = DAYS.index(match["first"].title()) if match["first"] else 0
        last = DAYS.index(match["last"].title()) if match["last"] else (first if match["first"] else len(DAYS) - 1)
        since, until = time.fromisoformat(match["since"]), _until(match["until"])
    except ValueError as exc:
        raise TokenUnusable(f"the hours {text!r} can't be read", remedy=_HOURS_REMEDY) from exc
    count = (last - first) % len(DAYS) + 1
    return Hours(days=frozenset((first + n) % len(DAYS) for n in range(count)), since=since, until=until)


def _until(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)
