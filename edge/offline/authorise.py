"""Whether a token may charge. Pure: everything that the verdict depends on is an argument.

The order, the first that has something to say decides:

1. the site's own refusal (blocked, not in its time, not in its hours): also against a cloud that accepts;
2. the cloud, where it answers;
3. the local list: it beats the cache, and what it refuses nothing overrides (OCPP 1.6 §3.5.2, §3.5.4; 2.x C13);
4. the cache where it says Blocked, Expired or NoCredit; or, of a token that isn't the site's own, is over its expiry
   (1.6 §3.5.4): that is when a cache is to forget it (§7.27), which some clouds have it do within the hour;
5. the site's own acceptance;
6. the cache where it accepts (C10), or says another refusal;
7. the policy for unknown tokens (AllowOfflineTxForUnknownId, §3.5.4).

Where the site follows its stations, and one's configuration forbids it (LocalAuthorizeOffline and its like, §3.5, 2.x
C12, C13), list or cache
let nobody in there; what they refuse they refuse all the same.

While the gateway's clock isn't set nothing is refused by its time: neither by the site's days and hours, nor by the
expiry of what the cloud said.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from edge.clock import EARLIEST_PLAUSIBLE
from edge.domain.token import Basis, LocalRules, SiteToken, TokenInfo, TokenStatus, Verdict
from edge.units import WattHours

# A cache entry without an expiry of its own is believed so long (2.x AuthCacheLifeTime).
CACHE_LIFE = timedelta(days=90)


ALL_ALLOWED = LocalRules()


class UnknownTokens(StrEnum):
    """What becomes of a token of which nothing is known."""

    REFUSE = "refuse"
    LIMIT = "limit"  # accepted up to an energy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The site's rules for the time without the cloud. ``energy_limit_wh`` is for :attr:`UnknownTokens.LIMIT`.
    ``follows_stations``: what a station's configuration forbids is forbidden here.
    ``has_cloud``: whether the site has one, away or not; where it hasn't, what one has said of tokens before binds
    nobody."""

    timezone: tzinfo
    unknown: UnknownTokens = UnknownTokens.REFUSE
    energy_limit_wh: WattHours = 5_000.0  # 25 km: the way home, or to the next station
    cache_life: timedelta = CACHE_LIFE
    has_cloud: bool = True
    follows_stations: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one token. ``cloud`` is the answer that the cloud has just given, None without one; ``rules``:
    what the station allows."""

    own: SiteToken | None = None
    listed: TokenInfo | None = None
    cached: TokenInfo | None = None
    cached_at: datetime | None = None
    cloud: TokenInfo | None = None
    rules: LocalRules = ALL_ALLOWED


# What the cloud said of the moment and not of the token: another transaction ran, the EVSE was the wrong one.
OF_THE_MOMENT = frozenset({TokenStatus.CONCURRENT, TokenStatus.NOT_ALLOWED_TYPE, TokenStatus.NOT_AT_THIS_TIME})
# What the cloud says of a token that it doesn't know: the site may know better.
_NOT_KNOWN = frozenset({TokenStatus.INVALID, TokenStatus.UNKNOWN})

NOT_NEEDED = Verdict(
    info=TokenInfo(status=TokenStatus.ACCEPTED), basis=Basis.NOT_NEEDED, reason="begun without a token"
)

# At the station's own terminal, for as much as the bank has approved: the station let the driver in (2.1 C18.FR.03).
PAID = Verdict(info=TokenInfo(status=TokenStatus.ACCEPTED), basis=Basis.NOT_NEEDED, reason="paid for at the station")

# The name in a contract certificate proves nothing before somebody has checked the certificate.
UNCHECKED = Verdict(
    info=TokenInfo(status=TokenStatus.INVALID),
    basis=Basis.POLICY,
    reason="only the cloud can check its contract certificate",
)


def verdict(known: Known, policy: Policy, wall: datetime) -> Verdict:
    """The verdict on a token at ``wall``."""
    known = known if policy.has_cloud else replace(known, cached=None)
    own = known.own
    objection = _objection(own, policy, wall) if own is not None else None
    if objection is not None:
        status, reason = objection
        return Verdict(info=TokenInfo(status=status), basis=Basis.SITE, reason=reason)
    said = _allowed(known, policy, wall)
    found = _of_cloud(said, policy, wall) or _of_site(known) or _of_cache(said, policy, wall) or unknown(policy)
    if not found.accepted and found.basis is Basis.POLICY and said is not known:
        found = replace(found, reason="its station's configuration lets in by list or cache nobody that they know")
    if own is None or not found.accepted:
        return found
    # What the badge says of its car holds whoever lets it in.
    return replace(found, class_id=own.class_id, cost_centre=own.cost_centre, need=own.need)


def _objection(own: SiteToken, policy: Policy, wall: datetime) -> tuple[TokenStatus, str] | None:
    if own.blocked:
        return TokenStatus.BLOCKED, "blocked on site"
    if wall < EARLIEST_PLAUSIBLE:  # a clock that isn't set says nothing of days and hours
        return None
    if own.valid_from is not None and wall < own.valid_from:
        return TokenStatus.INVALID, "not valid yet"
    if own.valid_until is not None and wall >= own.valid_until:
        return TokenStatus.EXPIRED, "no longer valid"
    local = wall.astimezone(policy.timezone)
    if own.hours and not any(hours.holds(local) for hours in own.hours):
        return TokenStatus.INVALID, "outside its hours"
    return None


def _allowed(known: Known, policy: Policy, wall: datetime) -> Known:
    """What is known, without what the station doesn't let list or cache accept; the very same where it is all."""
    rules = known.rules
    if known.cloud is not None or not (policy.has_cloud and policy.follows_stations):
        return known
    if _is_good(known.listed, wall) and not (rules.offline and rules.listed):
        known = replace(known, listed=None)
    if _is_good(known.cached, wall) and not (rules.offline and rules.cache):
        known = replace(known, cached=None)
    return known


def _is_good(info: TokenInfo | None, wall: datetime) -> bool:
    return info is not None and info.status is TokenStatus.ACCEPTED and not info.expired(wall)


def _of_cloud(known: Known, policy: Policy, wall: datetime) -> Verdict | None:
    """What the cloud says now, or said where nobody may override it."""
    if known.cloud is not None:
        return Verdict(info=known.cloud, basis=Basis.CLOUD, reason=f"the cloud says {known.cloud.status}")
    if known.listed is not None:
        return _judged(known.listed, Basis.LIST, wall)
    cached = _cached(known, policy, wall)
    if cached is None:
        return None
    has_run_out = known.own is None and cached.expired(wall)
    if has_run_out or cached.status not in _NOT_KNOWN | {TokenStatus.ACCEPTED}:
        return _judged(cached, Basis.CACHE, wall)
    return None


def _of_site(known: Known) -> Verdict | None:
    own, cached = known.own, known.cached
    if own is None:
        return None
    # By the group that the cloud has told a station lets another card of that end the session (1.6 §3.10, 2.x C09).
    group, group_type = (cached.group, cached.group_type) if cached is not None else (None, None)
    info = TokenInfo(status=TokenStatus.ACCEPTED, expires_at=own.valid_until, group=group, group_type=group_type)
    return Verdict(info=info, basis=Basis.SITE, reason="one of the site's own")


def _of_cache(known: Known, policy: Policy, wall: datetime) -> Verdict | None:
    cached = _cached(known, policy, wall)
    return _judged(cached, Basis.CACHE, wall) if cached is not None else None


def unknown(policy: Policy) -> Verdict:
    """The verdict on a token of which nothing is known."""
    if policy.unknown is UnknownTokens.REFUSE:
        return Verdict(info=TokenInfo(status=TokenStatus.INVALID), basis=Basis.POLICY, reason="unknown")
    return Verdict(
        info=TokenInfo(status=TokenStatus.ACCEPTED),
        basis=Basis.POLICY,
        reason=f"unknown, accepted up to {policy.energy_limit_wh:g} Wh",
        energy_limit_wh=policy.energy_limit_wh,
    )


def _cached(known: Known, policy: Policy, wall: datetime) -> TokenInfo | None:
    """The cache's entry, unless it is too old to be believed or spoke of its moment only."""
    cached = known.cached
    if cached is None or cached.status in OF_THE_MOMENT:
        return None
    since = known.cached_at
    # What was learned by a clock that wasn't set has no age, until it is given one (TokenBook.expire).
    is_dated = since is not None and since >= EARLIEST_PLAUSIBLE
    too_old = cached.expires_at is None and since is not None and is_dated and wall >= since + policy.cache_life
    return None if too_old and cached.status is TokenStatus.ACCEPTED else cached


def _judged(info: TokenInfo, basis: Basis, wall: datetime) -> Verdict:
    if info.status is TokenStatus.ACCEPTED and info.expired(wall):
        expired = replace(info, status=TokenStatus.EXPIRED)
        return Verdict(info=expired, basis=basis, reason=f"expired by {basis}")
    return Verdict(info=info, basis=basis, reason=f"{info.status} by {basis}")
