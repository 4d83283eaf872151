"""All that is known of tokens, in memory: the cache, each station's local list, the site's own."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge.clock import EARLIEST_PLAUSIBLE
from edge.domain.journal import ClearCached, ListVersion, PutCached, ReplaceList, Write
from edge.domain.token import (
    Basis,
    CachedToken,
    ListedToken,
    LocalRules,
    SiteToken,
    TokenHash,
    TokenInfo,
    TokenStatus,
    Verdict,
)
from edge.offline.authorise import NOT_NEEDED, OF_THE_MOMENT, PAID, UNCHECKED, Known, Policy, unknown, verdict
from edge.offline.hashing import TokenHasher
from edge.offline.hashing import shown as hash_shown
from edge.offline.strangers import ShownCard, Strangers
from edge.offline.token_info import ShownToken

CACHE_MOST = 10_000  # tokens; the drivers of a large site in a quarter
# An answer that says what is known already is written again after so long only: it spares the flash.
REFRESH = timedelta(days=1)

# A driver has a minute or two to plug in once the cloud has asked a station to start (1.6 ConnectionTimeOut, 2.x
# EVConnectionTimeOut); a charging profile that came with that waits as long.
START_ASKED_FOR = timedelta(minutes=15)
STARTS_MOST = 1_000

# What is learned is on the disk by then, unless that refuses.
WRITTEN_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and the token it is about (None for none)."""

    verdict: Verdict
    hash: TokenHash | None

    def told(self, station: str) -> dict[str, object]:
        """For the log: where, and of whose card, by what ``edge token`` shows of it."""
        token = hash_shown(self.hash) if self.hash is not None else None
        said = self.verdict
        return {"station": station, "token": token, "accepted": said.accepted, "reason": said.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reservation:
    """``number`` is the cloud's; None of one that can't be cancelled."""

    number: int | None
    since: datetime
    lasts: timedelta

    def holds(self, wall: datetime) -> bool:
        """Whether it is on."""
        return abs(wall - self.since) < self.lasts


class TokenBook:
    """One for the site. Whoever changes it gets the writes that make the change last."""

    def __init__(self, hasher: TokenHasher, policy: Policy) -> None:
        self._hasher = hasher
        self._policy = policy
        self._cached: dict[TokenHash, CachedToken] = {}
        self._listed: dict[str, dict[TokenHash, TokenInfo]] = {}
        self._versions: dict[str, int] = {}
        self._own: dict[TokenHash, SiteToken] = {}
        self._starts: dict[tuple[str, TokenHash], datetime] = {}  # that the cloud has asked for, by station
        self._let_in: dict[tuple[str, TokenHash], datetime] = {}  # by the cloud, by station
        self._reserved: dict[tuple[str, TokenHash], _Reservation] = {}
        self._rules: dict[str, LocalRules] = {}  # of stations that forbid something
        self._strangers = Strangers()

    def load(
        self,
        *,
        cached: Iterable[CachedToken] = (),
        versions: Iterable[ListVersion] = (),
        listed: Iterable[ListedToken] = (),
        own: Iterable[SiteToken] = (),
    ) -> None:
        """Take what was kept, in place of everything known: at the start, and when another process changed it."""
        self._cached = {token.hash: token for token in cached}
        self._versions = {version.station: version.version for version in versions}
        self._listed = {}
        for entry in listed:
            self._listed.setdefault(entry.station, {})[entry.hash] = entry.info
        self._own = {token.hash: token for token in own}

    def take_over(
        self, *, cached: Iterable[CachedToken], listed: Iterable[ListedToken], own: Iterable[SiteToken], wall: datetime
    ) -> None:
        """Another process has changed what is kept: the site's own tokens are those that are kept now, and what was
        erased of others is forgotten. What we learned a moment ago may not be on the disk yet."""
        self._own = {token.hash: token for token in own}
        there = {token.hash for token in cached}
        for token in [hash_ for hash_ in self._cached if hash_ not in there]:
            if abs(wall - self._cached[token].learned_at) >= WRITTEN_WITHIN:
                del self._cached[token]
        on_lists: dict[str, set[TokenHash]] = {}
        for entry in listed:
            on_lists.setdefault(entry.station, set()).add(entry.hash)
        for station, tokens in on_lists.items():
            mine = self._listed.get(station, {})
            if len(mine) > len(tokens) and tokens <= mine.keys():
                self._listed[station] = {token: info for token, info in mine.items() if token in tokens}

    def hash(self, text: str) -> TokenHash:
        """The hash of a token's text."""
        return self._hasher.hash(text)

    def own(self, token: TokenHash) -> SiteToken | None:
        """The site's own token of this hash."""
        return self._own.get(token)

    @property
    def follows_stations(self) -> bool:
        """Whether a station's configuration binds whom its list and cache let in."""
        return self._policy.has_cloud and self._policy.follows_stations

    def bind(self, station: str, rules: LocalRules) -> bool:
        """The station's configuration allows so much; whether that is another than before."""
        before = self._rules.pop(station, LocalRules())
        if rules != LocalRules():
            self._rules[station] = rules
        return rules != before

    def lets_in(self, station: str) -> str | None:
        """Whom the station's configuration lets in without its cloud, where that binds and not everybody: beside the
        site's own cards ``"list"`` or ``"cache"``, or ``"own"`` for nobody else."""
        rules = self._rules.get(station)
        if rules is None or not self.follows_stations:
            return None
        if not rules.offline or not (rules.listed or rules.cache):
            return "own"
        return "list" if rules.listed else "cache"

    def judge(
        self,
        station: str,
        shown: ShownToken,
        wall: datetime,
        cloud: TokenInfo | None = None,
        *,
        charging: bool = False,
    ) -> Judged:
        """The verdict on the token that was shown at ``station``; ``cloud``: what the cloud has just said of it.
        ``charging``: it has begun a session there, which runs: it is shown to end that."""
        if not shown.needed:
            said = NOT_NEEDED if cloud is None else verdict(Known(cloud=cloud), self._policy, wall)
            return Judged(verdict=said, hash=None)
        if shown.unchecked and cloud is None:
            return Judged(verdict=UNCHECKED, hash=None)
        token = self._hasher.hash(shown.text)
        if not (self._policy.has_cloud or shown.paid):
            self._strangers.shown(station, token, shown.text, wall)
        judged = self.judge_hash(station, token, wall, cloud, charging=charging)
        return replace(judged, verdict=PAID) if shown.paid and judged.verdict.basis is Basis.POLICY else judged

    def strangers(self, wall: datetime) -> list[ShownCard]:
        """The last card at each station, where that isn't the site's own; none where a cloud knows the cards."""
        return self._strangers.within(wall, self._own)

    def judge_hash(
        self,
        station: str,
        token: TokenHash,
        wall: datetime,
        cloud: TokenInfo | None = None,
        *,
        charging: bool = False,
    ) -> Judged:
        """As :meth:`judge`, for a token of which only the hash is known."""
        cached = self._cached.get(token)
        asked_at = self._expected(station, token, wall)
        if asked_at is not None and not _is_good(cached, wall):
            cached = CachedToken(hash=token, info=TokenInfo(status=TokenStatus.ACCEPTED), learned_at=asked_at)
        # A station forbids to judge without its cloud, and not what that has said of this very session.
        is_free = charging or asked_at is not None or _is_recent(self._let_in.get((station, token)), wall)
        known = Known(
            own=self._own.get(token),
            listed=self._listed.get(station, {}).get(token),
            cached=cached.info.at(station) if cached is not None else None,
            cached_at=cached.learned_at if cached is not None else None,
            cloud=cloud,
            rules=LocalRules() if is_free else self._rules.get(station, LocalRules()),
        )
        return Judged(verdict=verdict(known, self._policy, wall), hash=token)

    def unknown(self) -> Verdict:
        """The verdict on a token of which nothing is known."""
        return unknown(self._policy)

    def asked_to_start(self, station: str, shown: ShownToken, wall: datetime) -> None:
        """The cloud has asked the station to start a transaction with this token: it is good there for that, should the
        cloud be away by the time at which the driver plugs in."""
        if shown.needed:
            _remember(self._starts, (station, self._hasher.hash(shown.text)), wall)

    def reserved(self, station: str, shown: ShownToken, number: int | None, until: datetime, wall: datetime) -> None:
        """The station has taken a reservation of the cloud's for this token: it is good there as long, should the cloud
        be away by the time at which the driver comes."""
        if shown.needed and until > wall:
            key = station, self._hasher.hash(shown.text)
            if number is not None:
                self.cancelled(station, number)  # it replaces the one of its number (OCPP 1.6 §5.13, 2.x H01)
            self._reserved.pop(key, None)
            lasts = min(until - wall, self._policy.cache_life)
            self._reserved[key] = _Reservation(number=number, since=wall, lasts=lasts)
            while len(self._reserved) > STARTS_MOST:
                del self._reserved[next(iter(self._reserved))]

    def cancelled(self, station: str, number: int | None) -> None:
        """The station has given up the reservation of this number."""
        gone = [key for key, each in self._reserved.items() if (key[0], each.number) == (station, number)]
        for key in gone:
            del self._reserved[key]

    def _expected(self, station: str, token: TokenHash, wall: datetime) -> datetime | None:
        """When the cloud has said that the driver with this token comes to the station; None where nobody waits."""
        asked_at, reservation = self._starts.get((station, token)), self._reserved.get((station, token))
        if _is_recent(asked_at, wall):
            return asked_at
        return reservation.since if reservation is not None and reservation.holds(wall) else None

    def learn(self, station: str, shown: ShownToken, info: TokenInfo, wall: datetime) -> list[Write]:
        """The cloud has said this of a token (OCPP 1.6 §3.5.1, 2.x C10): remember it, unless the list has it."""
        if not shown.needed:
            return []
        token = self._hasher.hash(shown.text)
        self._starts.pop((station, token), None)
        self._reserved.pop((station, token), None)
        self._let_in.pop((station, token), None)
        if info.status is TokenStatus.ACCEPTED:
            _remember(self._let_in, (station, token), wall)
        if token in self._listed.get(station, {}):
            return []
        info = replace(info, evses_of=station) if info.evses else info
        before = self._cached.get(token)
        if info.status in OF_THE_MOMENT:
            # That the card charges elsewhere just now, or may not here, says nothing of tomorrow: an acceptance stays.
            return self._forget(token) if before is not None and before.info.status is not TokenStatus.ACCEPTED else []
        if before is not None and before.info == info and abs(wall - before.learned_at) < REFRESH:
            return []
        cached = CachedToken(hash=token, info=info, learned_at=wall)
        self._cached[token] = cached
        return [PutCached(token=cached), *self._make_room()]

    def expire(self, wall: datetime) -> list[Write]:
        """Forget what is too old to be believed: its retention is over.

        What was learned in the future, by a clock that was set wrong then, or by one that wasn't set at all, is
        believed from now on, as if just learned.
        """
        wrong = [cached for cached in self._cached.values() if _is_misdated(cached, wall)]
        for cached in wrong:
            self._cached[cached.hash] = replace(cached, learned_at=wall)
        old = [token for token, cached in self._cached.items() if wall - cached.learned_at >= self._policy.cache_life]
        dated = [PutCached(token=self._cached[cached.hash]) for cached in wrong]
        return [*dated, *(write for token in old for write in self._forget(token))]

    def clear_cache(self) -> list[Write]:
        """The cloud wants the cache empty (ClearCache)."""
        self._cached.clear()
        self._starts.clear()
        self._reserved.clear()
        return [ClearCached(hash=None)]

    def forget(self, token: str) -> list[Write]:
        """The cloud wants what it said of this token forgotten (CustomerInformation with ``clear``)."""
        found = self._hasher.hash(token)
        self._starts = {key: at for key, at in self._starts.items() if key[1] != found}
        self._reserved = {key: each for key, each in self._reserved.items() if key[1] != found}
        return self._forget(found) if found in self._cached else []

    def list_version(self, station: str) -> int | None:
        """The version of a station's local list; None when none was ever sent."""
        return self._versions.get(station)

    def listed(self, station: str) -> dict[TokenHash, TokenInfo]:
        """A station's local list."""
        return dict(self._listed.get(station, {}))

    def replace_list(self, station: str, version: int, entries: dict[TokenHash, TokenInfo]) -> list[Write]:
        """A station's local list is now this one; what is on it leaves the cache (OCPP 1.6 §3.5.2)."""
        self._versions[station] = version
        self._listed[station] = dict(entries)
        tokens = tuple(ListedToken(station=station, hash=token, info=info) for token, info in entries.items())
        return [ReplaceList(version=ListVersion(station=station, version=version), tokens=tokens)]

    def _make_room(self) -> list[Write]:
        if len(self._cached) <= CACHE_MOST:
            return []
        # Invalid ones first, then the oldest (OCPP 1.6 §3.5.1).
        least = min(
            self._cached.values(), key=lambda token: (token.info.status is TokenStatus.ACCEPTED, token.learned_at)
        )
        return self._forget(least.hash)

    def _forget(self, token: TokenHash) -> list[Write]:
        del self._cached[token]
        return [ClearCached(hash=token)]


def _remember(moments: dict[tuple[str, TokenHash], datetime], key: tuple[str, TokenHash], wall: datetime) -> None:
    """Note that it was now; the oldest of too many are forgotten."""
    moments.pop(key, None)
    moments[key] = wall
    while len(moments) > STARTS_MOST:
        del moments[next(iter(moments))]


def _is_recent(at: datetime | None, wall: datetime) -> bool:
    return at is not None and abs(wall - at) < START_ASKED_FOR


def _is_misdated(cached: CachedToken, wall: datetime) -> bool:
    """Whether it was learned by a clock that was wrong: ahead of now, or not set."""
    return cached.learned_at - wall >= REFRESH or cached.learned_at < EARLIEST_PLAUSIBLE <= wall


def _is_good(cached: CachedToken | None, wall: datetime) -> bool:
    return cached is not None and cached.info.status is TokenStatus.ACCEPTED and not cached.info.expired(wall)
