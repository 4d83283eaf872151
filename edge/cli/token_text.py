"""What is written of a token on a command line or in a table: moments, hours, its class, its car's need."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo

from edge.cli.need import clock_in, energy_in
from edge.control.needs import MOST_WH
from edge.domain.token import Hours, SiteToken, TokenHash, TokenNeed
from edge.errors import TokenUnusable
from edge.offline.hashing import TokenHasher, hint

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_CHARACTERS = 255  # OCPP 2.1; 1.6 has 20, 2.0.1 has 36
_HOURS = re.compile(r"(?:(?P<first>\w{3})(?:-(?P<last>\w{3}))?\s+)?(?P<since>\d\d:\d\d)-(?P<until>\d\d:\d\d)", re.ASCII)
_HOURS_REMEDY = "write Mon-Fri 07:00-19:00; days from Mon to Sun, times from 00:00 to 24:00"


def moment(text: str | None, zone: tzinfo, what: str) -> datetime | None:
    """``2026-12-31`` or ``2026-12-31T18:00``, at the site unless it names its zone; None for nothing."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise TokenUnusable(f"{what} is {text!r}, no date", remedy="write 2026-12-31 or 2026-12-31T18:00") from exc


def parts(text: str | None) -> tuple[Hours, ...]:
    """``Mon-Fri 07:00-19:00; Sat 08:00-12:00``; days may be left out for all."""
    return tuple(_part(part.strip()) for part in (text or "").split(";") if part.strip())


def hours_text(found: tuple[Hours, ...]) -> str:
    """The same, as :func:`parts` reads it."""
    return "; ".join(f"{_days_text(part)}{part.since:%H:%M}-{_until_text(part.until)}" for part in found)


def _days_text(part: Hours) -> str:
    """Each part was told as a row of days, which may go on over Sunday."""
    if len(part.days) == len(DAYS):
        return ""
    first = next(day for day in part.days if (day - 1) % len(DAYS) not in part.days)
    last = (first + len(part.days) - 1) % len(DAYS)
    return f"{DAYS[first]} " if first == last else f"{DAYS[first]}-{DAYS[last]} "


def _until_text(until: time) -> str:
    return "24:00" if until == time(0) else f"{until:%H:%M}"


def need(energy: tuple[str, str | None], ready_by: tuple[str, str | None]) -> TokenNeed | None:
    """``180kWh`` and ``05:30``, each with what it is called there; None for neither."""
    (energy_name, energy_text), (by_name, by_text) = energy, ready_by
    if not energy_text and not by_text:
        return None
    if not energy_text or not by_text:
        given, missing = (energy_name, by_name) if energy_text else (by_name, energy_name)
        raise TokenUnusable(f"{given} is given, and {missing} isn't", remedy="give both, or neither")
    wanted_wh, clock = energy_in(energy_text), clock_in(by_text.strip())
    if wanted_wh is None:
        raise TokenUnusable(f"{energy_name} is {energy_text!r}, no energy", remedy="give it with its unit, like 180kWh")
    if not 0 < wanted_wh <= MOST_WH:
        most = f"give more than 0, up to {MOST_WH / 1000:.0f} kWh"
        raise TokenUnusable(f"{energy_name} is {wanted_wh / 1000:.10g} kWh", remedy=most)
    if clock is None:
        raise TokenUnusable(
            f"{by_name} is {by_text!r}, no time of day", remedy="write 05:30, by the site's clock, up to 23:59"
        )
    return TokenNeed(energy_wanted_wh=wanted_wh, ready_by=clock)


def checked(token: str) -> str:
    """A token's text as it is used."""
    found = token.strip()
    if not found or len(found) > MOST_CHARACTERS or not found.isprintable():
        raise TokenUnusable(
            f"a token of {len(found)} characters can't be one", remedy=f"give 1 to {MOST_CHARACTERS} printable ones"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is kept of a card's number: its hash and its last two characters."""

    hash: TokenHash
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the site knows of its tokens: their hashes, its time zone, the ids of its priority classes."""

    hasher: TokenHasher
    zone: tzinfo
    classes: Collection[str]

    def card(self, text: str) -> Card:
        """The card of this number."""
        text = checked(text)
        return Card(hash=self.hasher.hash(text), hint=hint(text))


def token(
    card: Card,
    rules: Rules,
    *,
    name: str,
    blocked: bool,
    since: tuple[str, str | None],
    until: tuple[str, str | None],
    hours: str | None,
    class_id: str | None,
    cost_centre: str | None,
    need: TokenNeed | None,
) -> SiteToken:
    """One of the site's own, out of what was written of it; ``since`` and ``until`` with what they are called there."""
    if class_id is not None and class_id not in rules.classes:
        known = ", ".join(rules.classes)
        raise TokenUnusable(
            f"the site has no class {class_id!r}",
            remedy=f"its classes are: {known}" if known else "it has none; [[class]] in the site file makes one",
        )
    valid_from, valid_until = moment(since[1], rules.zone, since[0]), moment(until[1], rules.zone, until[0])
    if valid_from is not None and valid_until is not None and valid_from >= valid_until:
        raise TokenUnusable(
            f"valid from {since[1]} and before {until[1]} is never", remedy=f"have {until[0]} after {since[0]}"
        )
    return SiteToken(
        hash=card.hash,
        hint=card.hint,
        name=name,
        blocked=blocked,
        valid_from=valid_from,
        valid_until=valid_until,
        hours=parts(hours),
        class_id=class_id,
        cost_centre=cost_centre,
        need=need,
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
    if since == until != time(0):
        raise TokenUnusable(f"the hours {text!r} have no length", remedy="00:00-24:00 is the whole day")
    count = (last - first) % len(DAYS) + 1
    return Hours(days=frozenset((first + n) % len(DAYS) for n in range(count)), since=since, until=until)


def _until(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)
