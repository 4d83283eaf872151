"""Sums over sessions. Pure and exact: energies are decimals, and every total is the sum of its rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum

from edge.domain.session import Session
from edge.offline.hashing import shown

NOBODY = "(none)"  # without a token, a class, a cost centre


class By(StrEnum):
    """What sessions are put together by. A session belongs to the day on which it began, in the site's own time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOKEN = "token"  # noqa: S105 - no password
    CLASS = "class"
    COST_CENTRE = "cost-centre"
    STATION = "station"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What some sessions come to, in Wh. ``internal``: of the site's own tokens, the rest is public."""

    name: str
    sessions: int
    energy_wh: Decimal
    internal_wh: Decimal

    @property
    def public_wh(self) -> Decimal:
        return self.energy_wh - self.internal_wh


def within(sessions: Iterable[Session], since: datetime | None, until: datetime | None) -> list[Session]:
    """Those that began then; ``until`` is no part of it."""
    return [
        session
        for session in sessions
        if (since is None or session.began_at >= since) and (until is None or session.began_at < until)
    ]


def token_name(session: Session, names: Mapping[str, str]) -> str:
    """Whose token it is where the site knows, else its hash's first digits."""
    if session.token is None:
        return NOBODY
    return names.get(session.token) or shown(session.token)


def sums(sessions: Sequence[Session], by: By, zone: tzinfo, names: Mapping[str, str]) -> list[Sum]:
    """By name; days, weeks and months in order of time."""
    key = _key(by, zone, names)
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(key(session), []).append(session)
    return [total(groups[name], name) for name in sorted(groups)]


def total(sessions: Iterable[Session], name: str = "total") -> Sum:
    """All of them."""
    found = list(sessions)
    return Sum(
        name=name,
        sessions=len(found),
        energy_wh=sum((session.energy_wh for session in found), Decimal(0)),
        internal_wh=sum((session.energy_wh for session in found if session.internal), Decimal(0)),
    )


def delivered_wh(sessions: Iterable[Session], since: datetime, until: datetime) -> Decimal:
    """What all sessions took in the quarter-hours that lie between two moments."""
    quarters = (quarter for session in sessions for quarter in session.quarters)
    return sum((quarter.energy_wh for quarter in quarters if since <= quarter.since < until), Decimal(0))


def _key(by: By, zone: tzinfo, names: Mapping[str, str]) -> Callable[[Session], str]:
    def local(session: Session) -> datetime:
        return session.began_at.astimezone(zone)

    def week(session: Session) -> str:
        year, number, _ = local(session).isocalendar()
        return f"{year}-W{number:02}"

    keys: Mapping[By, Callable[[Session], str]] = {
        By.DAY: lambda session: local(session).date().isoformat(),
        By.WEEK: week,
        By.MONTH: lambda session: f"{local(session):%Y-%m}",
        By.TOKEN: lambda session: token_name(session, names),
        By.CLASS: lambda session: session.class_id or NOBODY,
        By.COST_CENTRE: lambda session: session.cost_centre or NOBODY,
        By.STATION: lambda session: session.station,
    }
    return keys[by]
