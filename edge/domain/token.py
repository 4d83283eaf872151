"""Tokens: what a driver shows to be let in, and what is known of it.

A token's text is kept nowhere but in messages that are under way: all that is kept is its keyed hash, and, for what the
site's staff enters, a hint of its last two characters.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeAlias

from edge.units import WattHours

TokenHash: TypeAlias = str  # 64 hexadecimal digits


class TokenStatus(StrEnum):
    """What a token is worth. The first five are OCPP 1.6's AuthorizationStatus (§7.2), 2.x knows more of them."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT = "ConcurrentTx"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What the cloud says of a token: IdTagInfo (OCPP 1.6 §7.27) or IdTokenInfo (2.x part 2 §2.29). ``evses``: it is
    good at these EVSEs of the station ``evses_of`` alone; none: at all. A station's own list names its own."""

    status: TokenStatus
    expires_at: datetime | None = None
    group: str | None = None  # parentIdTag, groupIdToken: stations compare it, so the text is needed
    group_type: str | None = None  # 2.x
    language: str | None = None
    language2: str | None = None  # 2.x
    priority: int | None = None  # 2.x chargingPriority
    evses: tuple[int, ...] = ()  # 2.x evseId
    evses_of: str | None = None
    message: str | None = None  # 2.x personalMessage, as JSON

    def at(self, station: str) -> "TokenInfo":
        """What it says for this station: EVSEs of another mean nothing there."""
        return self if self.evses_of in (None, station) else replace(self, evses=(), evses_of=None)

    def expired(self, at: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and at >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRules:
    """Whom a station's configuration lets in without its cloud; what it says nothing of is allowed."""

    offline: bool = True  # 1.6 LocalAuthorizeOffline, 2.x AuthCtrlr.LocalAuthorizeOffline: anybody by list or cache
    cache: bool = True  # AuthorizationCacheEnabled, AuthCacheCtrlr.Enabled
    listed: bool = True  # LocalAuthListEnabled, LocalAuthListCtrlr.Enabled


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedToken:
    """An entry of the authorisation cache, one for the whole site."""

    hash: TokenHash
    info: TokenInfo
    learned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """An entry of a station's local list."""

    station: str
    hash: TokenHash
    info: TokenInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A part of the week in local time: ``days`` from 0 for Monday. ``until`` of midnight is the day's end."""

    days: frozenset[int]
    since: time
    until: time

    def holds(self, local: datetime) -> bool:
        """Whether ``local`` lies in it; hours that pass midnight belong to the day on which they began."""
        clock = local.time()
        if self.since < self.until:
            return local.weekday() in self.days and self.since <= clock < self.until
        if clock >= self.since:
            return local.weekday() in self.days
        return clock < self.until and (local.weekday() - 1) % 7 in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenNeed:
    """What the car that comes with a token wants each time: so much from its session's begin on, by a time of day."""

    energy_wanted_wh: WattHours
    ready_by: time  # by the site's clock

    def departure(self, since: datetime, zone: tzinfo) -> datetime:
        """The next such moment after ``since``, in UTC: at most 24 h ahead by the clock.

        Where summer time begins, a time of day that isn't is the moment at which the clock jumps over it; where it
        ends, one that is twice is the first.
        """
        day = since.astimezone(zone).date()
        today = first_shown(datetime.combine(day, self.ready_by), zone)
        return today if today > since else first_shown(datetime.combine(day + timedelta(days=1), self.ready_by), zone)


def first_shown(local: datetime, zone: tzinfo) -> datetime:
    """When a clock in ``zone`` first shows ``local`` or more, in UTC."""
    before, after = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if before >= after:  # one that is (PEP 495: only in a gap the later offset gives the earlier moment)
        return after
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):  # the clock jumps in between
        middle = before + (after - before) // 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteToken:
    """A token of the site's own."""

    hash: TokenHash
    hint: str  # its last two characters
    name: str = ""  # whose it is, as the staff calls them
    blocked: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    hours: tuple[Hours, ...] = ()  # at any of these; none: always
    class_id: str | None = None  # priority class
    cost_centre: str | None = None
    need: TokenNeed | None = None


class Basis(StrEnum):
    """What a verdict on a token rests on."""

    SITE = "the site's own tokens"
    LIST = "the local list"
    CACHE = "what the cloud last said"
    CLOUD = "the cloud"
    POLICY = "the site's policy for unknown tokens"
    NOT_NEEDED = "no token needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to a token, and why."""

    info: TokenInfo
    basis: Basis
    reason: str
    class_id: str | None = None
    cost_centre: str | None = None
    need: TokenNeed | None = None
    energy_limit_wh: WattHours | None = None

    @property
    def accepted(self) -> bool:
        """Whether the driver may charge."""
        return self.info.status is TokenStatus.ACCEPTED
