"""Exposure: the most that an EVSE may be drawing, given all that it was told.

A command is not a fact. A limit that was sent may be in force although nobody confirmed it, and the one before may be
in force although another was sent. So for each EVSE the set of limits that it may be enforcing is kept here, and its
exposure is the largest of them, and never less than what it measurably draws. A raise may only be paid for with room
that no exposure occupies; then whatever is delayed, lost, reordered or refused, the sum stays under every rating.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from edge.domain.setpoint import LimitCommand, Purpose
from edge.units import Amps, Seconds

# How long a station and its car may take to obey a limit that they accepted (IEC 61851-1 gives the car 5 s, and
# stations have been seen to pass a limit on after as long again).
OBEY_S = 10.0
# Some take half a minute to come to a new limit, and some never quite come to it. So long a car that has not yet taken
# up a raise may still do so, and one that comes down late is slow and not disobedient.
FOLLOW_S = 40.0
# How far a station's idea of a lease may be off ours: its clock is learned from whole-second time stamps that reach us
# late, and the profile's start is written in whole seconds.
LEASE_SLACK_S = 5.0
# A station that draws this little above its limit, or this share of it, is measuring differently, not disobeying.
OBEY_TOLERANCE_A = 1.0
OBEY_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A dead-man limit that a station may hold: ``limit_a`` for a lease, then the lower of it and ``safe_a`` for as
    long again, then ``safe_a``."""

    command: int
    limit_a: Amps
    safe_a: Amps
    lease_s: Seconds
    sent_at: Seconds
    accepted_at: Seconds | None = None
    replaced_at: Seconds | None = None  # when a later one was accepted; it may be drawn by until that is obeyed
    doubted: bool = False  # stayed unanswered: whether the station holds it will never be known
    phases: int | None = None  # how many phases it was told to use with it; None for all
    told_a: Amps | None = None  # what the station was told where it can't be told as much; all the same limit_a counts

    @property
    def is_doubt(self) -> bool:
        """Whether the station may hold it, and will until it confirms a later one."""
        return self.doubted and self.replaced_at is None

    def amps(self, at: Seconds) -> Amps:
        """What the schedule allows at a monotonic time, by its own reckoning."""
        age_s = at - self.sent_at
        if age_s < self.lease_s:
            return self.limit_a
        if age_s < 2 * self.lease_s:
            return min(self.limit_a, self.safe_a)
        return self.safe_a

    def most_a(self, now: Seconds, *, renewable: bool) -> Amps:
        """The most that may be drawn by it now: the station's clock is off by the slack, and the end of a lease takes
        as long to be obeyed as any other cut.

        Where it can't be renewed, what it will rise to by itself counts already now, so that the room is free in time.
        The same where it wasn't renewed for a whole lease, whatever the reason.
        """
        around = max(self.amps(now - LEASE_SLACK_S - OBEY_S), self.amps(now), self.amps(now + LEASE_SLACK_S))
        renewed = renewable and now - self.sent_at < self.lease_s
        return around if renewed else max(around, self.safe_a)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All limits that one EVSE may be enforcing.

    ``baseline_a`` bounds what it held before it first obeyed us: since ``governed_at`` it lingers until that is obeyed,
    and is None once the EVSE is governed by the grants alone. Where it ``remains``, no grant replaces it before the
    session is over.
    """

    baseline_a: Amps | None
    governed_at: Seconds | None = None
    remains: bool = False
    idle: tuple[Grant, ...] = ()
    session: tuple[Grant, ...] = ()

    @property
    def is_governed(self) -> bool:
        """Whether one of our limits is known to bind the EVSE."""
        return self.baseline_a is None or self.governed_at is not None

    @property
    def lingers_since(self) -> Seconds | None:
        """When the first of the grants that linger was replaced; None where none does."""
        replaced = [grant.replaced_at for grant in (*self.idle, *self.session) if grant.replaced_at is not None]
        return min(replaced, default=None)

    def of(self, purpose: Purpose) -> tuple[Grant, ...]:
        return self.idle if purpose is Purpose.IDLE else self.session

    def with_grants(self, purpose: Purpose, grants: tuple[Grant, ...]) -> "Holdings":
        return replace(self, idle=grants) if purpose is Purpose.IDLE else replace(self, session=grants)

    def issued(self, command: LimitCommand, at: Seconds) -> "Holdings":
        """The command was handed over, to be sent at any moment: from now on the station may hold it."""
        grant = Grant(
            command=command.id,
            limit_a=command.limit_a,
            safe_a=command.safe_a,
            lease_s=command.lease_s,
            sent_at=at,
            phases=command.phases,
        )
        return self.with_grants(command.purpose, (*self.of(command.purpose), grant))

    def sent(self, purpose: Purpose, command: int, at: Seconds) -> "Holdings":
        """The command's frame is on its way: its lease begins."""
        return self.with_grants(
            purpose,
            tuple(replace(grant, sent_at=at) if grant.command == command else grant for grant in self.of(purpose)),
        )

    def told(self, purpose: Purpose, command: int, limit_a: Amps | None) -> "Holdings":
        """The frame says less than the command, as its station can't be told as much; None: it says just that."""
        grants = self.of(purpose)
        if all(grant.command != command or grant.told_a == limit_a for grant in grants):
            return self
        told = (replace(grant, told_a=limit_a) if grant.command == command else grant for grant in grants)
        return self.with_grants(purpose, tuple(told))

    def accepted(self, purpose: Purpose, command: int, at: Seconds) -> "Holdings":
        """The station confirmed the command; those sent before it are replaced, and linger until it is obeyed."""
        grants = self.of(purpose)
        position = next((i for i, grant in enumerate(grants) if grant.command == command), None)
        if position is None:
            return self
        before = (
            grant if grant.replaced_at is not None else replace(grant, replaced_at=at) for grant in grants[:position]
        )
        return self.with_grants(
            purpose,
            (*before, replace(grants[position], accepted_at=at), *grants[position + 1 :]),
        )

    def dropped(self, purpose: Purpose, command: int) -> "Holdings":
        """The command was refused or never sent: the station can't hold it."""
        return self.with_grants(purpose, tuple(grant for grant in self.of(purpose) if grant.command != command))

    def doubted(self, purpose: Purpose, command: int) -> "Holdings":
        """No answer came, and none will: the station may hold the command or not.

        What is unconfirmed for good and allows at no time more than another that is needn't be remembered. So a station
        that stays silent while it is told the same again and again is remembered by one grant, not by thousands.
        """
        grants = tuple(
            replace(grant, doubted=True) if grant.command == command else grant for grant in self.of(purpose)
        )
        kept: list[Grant] = []
        for grant in grants:
            if grant.is_doubt:
                if any(other.is_doubt and _covers_later(other, grant) for other in kept):
                    continue
                kept = [other for other in kept if not (other.is_doubt and _covers_earlier(grant, other))]
            kept.append(grant)
        return self.with_grants(purpose, tuple(kept))

    def session_over(self) -> "Holdings":
        """The transaction ended, and its profiles with it."""
        if self.remains:
            return replace(self, session=(), baseline_a=None, governed_at=None, remains=False)
        return replace(self, session=())

    def governed(self, at: Seconds, *, beside_profiles: bool = False) -> "Holdings":
        """The station is known to hold one of the grants: what it held before is obeyed no longer than any cut.

        ``beside_profiles``: but for a TxProfile of the session that runs, which a TxDefaultProfile doesn't replace
        (OCPP 1.6 §3.13.1).
        """
        return self if self.is_governed else replace(self, governed_at=at, remains=beside_profiles)

    def governed_while_idle(self) -> "Holdings":
        """The station has confirmed what any session that begins is allowed, and none is running: there is nothing
        that would still have to come down."""
        return replace(self, baseline_a=None, governed_at=None, remains=False)

    def ungoverned(self, baseline_a: Amps) -> "Holdings":
        """The EVSE turns out to be bound by something that isn't known."""
        return replace(self, baseline_a=baseline_a, governed_at=None, remains=False)

    def settled(self, now: Seconds) -> "Holdings":
        """Forget what was replaced so long ago that its successor is obeyed by now."""
        over = self.governed_at is not None and now - self.governed_at >= OBEY_S and not self.remains
        if not over and not any(_is_over(grant, now) for grant in (*self.idle, *self.session)):
            return self
        return replace(
            self,
            baseline_a=None if over else self.baseline_a,
            governed_at=None if over else self.governed_at,
            idle=tuple(grant for grant in self.idle if not _is_over(grant, now)),
            session=tuple(grant for grant in self.session if not _is_over(grant, now)),
        )

    def seen(self, before_a: Amps, draw_a: Amps, at: Seconds) -> "Holdings":
        """Two samples, one after the other: what was replaced counts no more than was seen, where the car came down to
        its successor.

        That it draws less than the successor is no proof, nor that it draws nothing: then it may have paused by itself,
        and may still rise to what it was allowed before. Nor where there was a raise in between: it may be at the end
        of an earlier cut, and on its way to that raise.
        """
        held = self.in_force(Purpose.SESSION)
        if held is None or held.limit_a <= OBEY_TOLERANCE_A:
            return self
        came_down = before_a > held.limit_a + OBEY_TOLERANCE_A and abs(draw_a - held.limit_a) <= OBEY_TOLERANCE_A
        limits_a = [grant.limit_a for grant in self.session[: self.session.index(held) + 1]]
        if not came_down or any(later > earlier for earlier, later in pairwise(limits_a)):
            return self
        baseline_a = self.baseline_a
        if baseline_a is not None and self.governed_at is not None and self.governed_at < at:
            baseline_a = min(baseline_a, draw_a)
        session = (
            replace(grant, limit_a=min(grant.limit_a, draw_a), safe_a=min(grant.safe_a, draw_a))
            if grant.replaced_at is not None and grant.replaced_at < at
            else grant
            for grant in self.session
        )
        return replace(self, baseline_a=baseline_a, session=tuple(session))

    def in_force(self, purpose: Purpose) -> Grant | None:
        """The newest grant that the station has confirmed."""
        for grant in reversed(self.of(purpose)):
            if grant.accepted_at is not None:
                return grant
        return None

    def may_hold(self, *, in_session: bool) -> Iterable[Grant]:
        """The grants that may bind the EVSE now.

        A TxProfile replaces the TxDefaultProfile (OCPP 1.6 §3.13.1), but in any instant the session may end and the
        next begin, before we hear of it: so the idle limit counts always.
        """
        return (*self.idle, *self.session) if in_session else self.idle

    def most_a(self, now: Seconds, *, in_session: bool, renewable: bool) -> Amps | None:
        """The most that any limit it may hold allows; None when it may be under no limit at all."""
        bounds = [grant.most_a(now, renewable=renewable) for grant in self.may_hold(in_session=in_session)]
        if self.baseline_a is not None:
            bounds.append(self.baseline_a)
        return max(bounds, default=None)


def _covers_earlier(newer: Grant, older: Grant) -> bool:
    """Whether from the newer one's start on it allows at no time less than the older one."""
    as_many = newer.phases in (None, older.phases) and newer.lease_s >= older.lease_s
    return as_many and newer.limit_a >= max(older.limit_a, older.safe_a) and newer.safe_a >= older.safe_a


def _covers_later(older: Grant, newer: Grant) -> bool:
    """Whether the older one, whatever period it is in, allows at no time less than the newer one."""
    as_many = older.phases in (None, newer.phases) and older.lease_s <= newer.lease_s
    return as_many and min(older.limit_a, older.safe_a) >= newer.limit_a and older.safe_a >= newer.safe_a


def _is_over(grant: Grant, now: Seconds) -> bool:
    return grant.replaced_at is not None and now >= grant.replaced_at + OBEY_S
