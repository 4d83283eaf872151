"""The profiles that the cloud believes its station holds: one frozen value per station.

Profiles outlive reboots of station and gateway (OCPP 1.6 errata 3.37, 2.0.1 K01.FR.27); TxProfiles go with their
transaction (1.6 §3.13.1, 2.0.1 K02.FR.05). A profile that came with the request to start a transaction waits until
that transaction begins (1.6 errata 3.42, 2.0.1 K05).
"""

from dataclasses import dataclass, replace

from edge.ocpp.profiles.model import ChargingProfile, Moment, ProfilePurpose
from edge.ocpp.versions import Version
from edge.units import Seconds

# A driver has a minute or two to plug in (ConnectionTimeOut); a profile whose transaction hasn't begun by then never
# gets one.
AWAITED_S: Seconds = 900.0
AWAITED_MOST = 16  # more requests to start than a station has EVSEs are a cloud's mistake

STATION = 0  # the EVSE (connector) number that stands for the station as a whole

# Purposes that the cloud's ClearChargingProfile doesn't reach (2.1 K10.FR.04).
_NOT_CLEARED = frozenset({ProfilePurpose.LOCAL_GENERATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A profile in its place; ``evse`` is :data:`STATION` or the EVSE's number."""

    evse: int
    profile: ChargingProfile
    since: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A TxProfile whose transaction has been asked for and hasn't begun.

    ``token`` is what the station will tell of that transaction: the idTag (1.6), the remoteStartId (2.x). ``evse`` is
    None where the station chooses it.
    """

    evse: int | None
    token: str
    profile: ChargingProfile
    until: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A transaction; its id is None while the cloud hasn't given one (1.6: StartTransaction unanswered).

    ``since``: from then on its Relative schedules count. ``let_in``, ``plugged``: what it waits for until that is known
    (2.x); ``since`` says nothing before. ``priority``: the driver has asked for priority charging (2.1 K22, K23).
    """

    evse: int
    transaction: str | None
    since: Moment
    priority: bool = False
    let_in: bool = True
    plugged: bool = True

    @property
    def is_ready(self) -> bool:
        """Whether somebody is let in, and the car is connected."""
        return self.let_in and self.plugged


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Which profiles a request means: those that match every field that is given."""

    ids: frozenset[int] | None = None
    evse: int | None = None
    purpose: ProfilePurpose | None = None
    stack_level: int | None = None

    def match(self, evse: int | None, profile: ChargingProfile) -> bool:
        """Whether the profile, installed there, is meant."""
        if self.ids is not None:
            return profile.id in self.ids
        wanted_and_found = ((self.evse, evse), (self.purpose, profile.purpose), (self.stack_level, profile.stack_level))
        return all(wanted is None or wanted == found for wanted, found in wanted_and_found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileStore:
    """All of one station. ``offline_since``: the cloud is away since then (2.1 K01.FR.101). ``site_told``: the EVSEs of
    which the cloud has been told a limit of the site's, and not yet that it is over (2.x K13)."""

    installed: tuple[Installed, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    running: tuple[Running, ...] = ()
    offline_since: Moment | None = None
    site_told: frozenset[int] = frozenset()

    def on(self, evse: int) -> Running | None:
        """The transaction that runs on the EVSE."""
        return next((each for each in self.running if each.evse == evse), None)

    def find(self, transaction: str) -> Running | None:
        """The transaction of that id."""
        return next((each for each in self.running if each.transaction == transaction), None)

    def with_profile(self, evse: int, profile: ChargingProfile, at: Moment) -> "ProfileStore":
        """The profile in its place, instead of the one of its id and, in 1.6, of its purpose and stack level there.

        OCPP 1.6 §3.13.2 and §5.16.3; 2.0.1 K01.FR.05.
        """
        kept = tuple(each for each in self.installed if not replaces(evse, profile, each))
        awaited = tuple(each for each in self.awaited if each.profile.id != profile.id)
        added = Installed(evse=evse, profile=profile, since=at)
        return replace(self, installed=(*kept, added), awaited=awaited)

    def without_over(self, at: Moment) -> "ProfileStore":
        """Those that say nothing any more are gone."""
        return replace(self, installed=tuple(each for each in self.installed if not each.profile.is_over(at)))

    def awaiting(self, evse: int | None, token: str, profile: ChargingProfile, at: Moment) -> "ProfileStore":
        """The profile waits for its transaction, as the newest; the station may refuse it yet."""
        kept = [each for each in self.awaited if at < each.until]
        added = Awaited(evse=evse, token=token, profile=profile, until=at + AWAITED_S)
        return replace(self, awaited=(*kept, added)[-AWAITED_MOST:])

    def only_awaiting(self, evse: int | None, token: str) -> "ProfileStore":
        """The station will start what was asked for last: what was asked for before there won't come any more."""
        newest = self._newest(evse, token)
        if newest is None:
            return self
        kept = (each for each in self.awaited if each is newest or not _is_for(each, evse, None if evse else token))
        return replace(self, awaited=tuple(kept))

    def not_awaiting(self, evse: int | None, token: str) -> "ProfileStore":
        """The station won't start what was asked for last: what it has accepted before that still waits."""
        newest = self._newest(evse, token)
        return replace(self, awaited=tuple(each for each in self.awaited if each is not newest))

    def none_awaiting(self, evse: int | None, token: str) -> "ProfileStore":
        """The station will start what was asked for last, which brought no profile along."""
        kept = tuple(each for each in self.awaited if not _is_for(each, evse, None if evse else token))
        return self if len(kept) == len(self.awaited) else replace(self, awaited=kept)

    def _newest(self, evse: int | None, token: str) -> Awaited | None:
        return next((each for each in reversed(self.awaited) if _is_for(each, evse, token)), None)

    def without(self, criteria: Criteria) -> "ProfileStore":
        """All that match are gone (OCPP 1.6 errata 3.25, 2.0.1 K10.FR.03 and 04)."""

        def stays(evse: int | None, profile: ChargingProfile) -> bool:
            return profile.purpose in _NOT_CLEARED or not criteria.match(evse, profile)

        installed = tuple(each for each in self.installed if stays(each.evse, each.profile))
        awaited = tuple(each for each in self.awaited if stays(each.evse, each.profile))
        return replace(self, installed=installed, awaited=awaited)

    def began(self, evse: int, transaction: str | None, at: Moment, token: str | None = None) -> "ProfileStore":
        """A transaction is known to run on the EVSE; ``transaction`` is None as long as it has no id.

        One that is known already stays as it is, and one without an id gets it. Any other ends what ran there before.
        """
        store, current = self, self.on(evse)
        if current is not None and transaction is not None and current.transaction is None:
            named = replace(current, transaction=transaction)
            others = tuple(each for each in self.running if each.evse != evse and each.transaction != transaction)
            store = replace(self, running=(*others, named))
        elif current is None or current.transaction != transaction:
            store = self.ended(evse)
            if transaction is not None:
                store = store.ended_transaction(transaction)
            added = Running(evse=evse, transaction=transaction, since=at)
            store = replace(store, running=(*store.running, added))
        return store._bound(evse, token, at) if token is not None else store

    def _bound(self, evse: int, token: str, at: Moment) -> "ProfileStore":
        """The profile that waited for this transaction is in its place."""
        found = self.awaited_by(evse, token, at)
        if found is None:
            return self
        kept = tuple(other for other in self.awaited if not _is_for(other, found.evse, token))
        return replace(self, awaited=kept).with_profile(evse, found.profile, at)

    def awaited_by(self, evse: int, token: str, at: Moment) -> Awaited | None:
        """The profile that waits for a transaction there, of which the station tells this token: the newest, before
        those that may begin anywhere."""
        waiting = [each for each in reversed(self.awaited) if at < each.until]
        places: tuple[int | None, ...] = (evse, None)
        fitting = (each for place in places for each in waiting if _is_for(each, place, token))
        return next(fitting, None)

    def ended(self, evse: int) -> "ProfileStore":
        """Nothing runs on the EVSE any more; its TxProfiles are gone."""
        running = tuple(each for each in self.running if each.evse != evse)
        installed = tuple(
            each for each in self.installed if each.evse != evse or each.profile.purpose is not ProfilePurpose.TX
        )
        return replace(self, running=running, installed=installed)

    def ended_transaction(self, transaction: str) -> "ProfileStore":
        """The transaction of that id is over, wherever it ran."""
        found = self.find(transaction)
        return self if found is None else self.ended(found.evse)

    def with_priority(self, evse: int, priority: bool) -> "ProfileStore":
        """The transaction on the EVSE has priority, or no longer."""
        running = tuple(replace(each, priority=priority) if each.evse == evse else each for each in self.running)
        return replace(self, running=running)

    def with_running(self, changed: Running) -> "ProfileStore":
        """What is known of the transaction on an EVSE has changed."""
        running = tuple(changed if each.evse == changed.evse else each for each in self.running)
        return self if running == self.running else replace(self, running=running)

    def moved(self, by_s: Seconds, *, since: Moment, until: Moment) -> "ProfileStore":
        """As it is after our clock was set forward by so much, or back: what has begun goes on as long as it would.

        ``since`` and ``until``, by the clock before that: what was stamped in between. What was kept from before our
        start was stamped by another clock, and stays.
        """

        def moved(moment: Moment) -> Moment:
            return moment + by_s if since <= moment <= until else moment

        return replace(
            self,
            installed=tuple(replace(each, since=moved(each.since)) for each in self.installed),
            awaited=tuple(replace(each, until=moved(each.until - AWAITED_S) + AWAITED_S) for each in self.awaited),
            running=tuple(replace(each, since=moved(each.since)) for each in self.running),
            offline_since=moved(self.offline_since) if self.offline_since is not None else None,
        )

    def offline(self, at: Moment) -> "ProfileStore":
        """The cloud is away since then."""
        return self if self.offline_since is not None else replace(self, offline_since=at)

    def online(self, at: Moment) -> "ProfileStore":
        """The cloud is back; what was to be invalid for good by then is gone (2.1 K01.FR.102)."""
        if self.offline_since is None:
            return self
        away_s = at - self.offline_since
        installed = tuple(
            each for each in self.installed if not (each.profile.expires_offline and _too_long(each.profile, away_s))
        )
        return replace(self, installed=installed, offline_since=None)

    def holds(self, profile: ChargingProfile, at: Moment) -> bool:
        """Whether the profile isn't suspended because the cloud is away for too long (2.1 K01.FR.101 and 103)."""
        return self.offline_since is None or not _too_long(profile, at - self.offline_since)


def replaces(evse: int, profile: ChargingProfile, existing: Installed) -> bool:
    """Whether setting the profile there takes the existing one away.

    In 2.x only one of the same id is replaced; whether the other's place is taken is for the rules of admission.
    """
    other = existing.profile
    if other.id == profile.id:
        return True
    if profile.version is not Version.V16 or existing.evse != evse:
        return False
    return (other.purpose, other.stack_level) == (profile.purpose, profile.stack_level)


def _is_for(awaited: Awaited, evse: int | None, token: str | None) -> bool:
    """Whether it was asked for there, with that token; None: with any."""
    return awaited.evse == evse and (token is None or _same(awaited.token, token))


def _same(one: str, other: str) -> bool:
    """idTags are of case-insensitive strings (OCPP 1.6 §7.28)."""
    return one.casefold() == other.casefold()


def _too_long(profile: ChargingProfile, away_s: Seconds) -> bool:
    return profile.max_offline_s is not None and away_s >= profile.max_offline_s
