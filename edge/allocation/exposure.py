"""Exposure: the most that an EVSE may be drawing, given all that it was told.

A command is not a fact. A limit that was sent may be in force although nobody confirmed it, and the one before may be
in force although another was sent. So for each EVSE the set of limits that it may be enforcing is kept here, and its
exposure is the largest of them, and never less than what it measurably draws. A raise may only be paid for with room
that no exposure occupies; then whatever is delayed, lost, reordered or refused, the sum stays under every rating.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.domain.setpoint import LimitCommand, Purpose
from edge.units import Amps, Seconds

# How long a station and its car may take to obey a limit that they accepted (IEC 61851-1 gives the car 5 s, and
# stations have been seen to pass a limit on after as long again).
OBEY_S = 10.0
# How far a station's idea of a lease may be off ours: its clock is learned from whole-second time stamps that reach us
# late, and the profile's start is written in whole seconds.
LEASE_SLACK_S = 5.0
# A station that draws this little above its limit is measuring differently, not disobeying.
OBEY_TOLERANCE_A = 1.0


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

    def amps(self, at: Seconds) -> Amps:
        """What the schedule allows at a monotonic time, by its own reckoning."""
        age_s = at - self.sent_at
        if age_s < self.lease_s:
            return self.limit_a
        if age_s < 2 * self.lease_s:
            return min(self.limit_a, self.safe_a)
        return self.safe_a

    def most_a(self, now: Seconds, *, renewable: bool) -> Amps:
        """The most that it may allow now, the station's clock being off by the slack.

        Where it can't be renewed, what it will rise to by itself counts already now, so that the room is free in time.
        """
        around = max(self.amps(now - LEASE_SLACK_S), self.amps(now + LEASE_SLACK_S))
        return around if renewable else max(around, self.safe_a)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All limits that one EVSE may be enforcing.

    ``baseline_a`` bounds what it held before it first obeyed us; None once it is governed by the grants alone.
    """

    baseline_a: Amps | None
    idle: tuple[Grant, ...] = ()
    session: tuple[Grant, ...] = ()

    def of(self, purpose: Purpose) -> tuple[Grant, ...]:
        return self.idle if purpose is Purpose.IDLE else self.session

    def with_grants(self, purpose: Purpose, grants: tuple[Grant, ...]) -> "Holdings":
        return replace(self, idle=grants) if purpose is Purpose.IDLE else replace(self, session=grants)

    def sent(self, command: LimitCommand, at: Seconds) -> "Holdings":
        """The command's frame is on its way: from now on the station may hold it."""
        grant = Grant(
            command=command.id, limit_a=command.limit_a, safe_a=command.safe_a, lease_s=command.lease_s, sent_at=at
        )
        return self.with_grants(command.purpose, (*_still_needed(self.of(command.purpose), grant), grant))

    def accepted(self, purpose: Purpose, command: int, at: Seconds) -> "Holdings":
        """The station confirmed the command; those sent before it are replaced, and linger until it is obeyed."""
        grants = self.of(purpose)
        position = next((i for i, grant in enumerate(grants) if grant.command == command), None)
        if position is None:
            return self
        before = tuple(grant if grant.replaced_at is not None else replace(grant, replaced_at=at) for grant in grants)
        return self.with_grants(
            purpose,
            (*before[:position], replace(grants[position], accepted_at=at, replaced_at=None), *grants[position + 1 :]),
        )

    def dropped(self, purpose: Purpose, command: int) -> "Holdings":
        """The command was refused or never sent: the station can't hold it."""
        return self.with_grants(purpose, tuple(grant for grant in self.of(purpose) if grant.command != command))

    def session_over(self) -> "Holdings":
        """The transaction ended, and its profiles with it."""
        return replace(self, session=())

    def governed(self) -> "Holdings":
        """The station is known to obey one of the grants: what it held before is history."""
        return replace(self, baseline_a=None)

    def settled(self, now: Seconds, draw_a: Amps | None, drawn_at: Seconds | None) -> "Holdings":
        """Forget the replaced grants whose successor has been obeyed by now.

        Obeyed means: a sample taken after it was accepted shows no more than it, or its time to obey is over.
        """
        return replace(
            self,
            idle=_without_obeyed(self.idle, now, draw_a, drawn_at),
            session=_without_obeyed(self.session, now, draw_a, drawn_at),
        )

    def in_force(self, purpose: Purpose) -> Grant | None:
        """The newest grant that the station has confirmed."""
        return next((grant for grant in reversed(self.of(purpose)) if grant.accepted_at is not None), None)

    def may_hold(self, *, in_session: bool) -> Iterable[Grant]:
        """The grants that may bind the EVSE now (a TxProfile replaces the TxDefaultProfile, OCPP 1.6 §3.13.1)."""
        if not in_session:
            return self.idle
        return self.session if self.in_force(Purpose.SESSION) is not None else (*self.idle, *self.session)

    def most_a(self, now: Seconds, *, in_session: bool, renewable: bool) -> Amps | None:
        """The most that any limit it may hold allows; None when it may be under no limit at all."""
        bounds = [grant.most_a(now, renewable=renewable) for grant in self.may_hold(in_session=in_session)]
        if self.baseline_a is not None:
            bounds.append(self.baseline_a)
        return max(bounds, default=None)


def _still_needed(grants: tuple[Grant, ...], newest: Grant) -> Iterable[Grant]:
    """The grants that bound the EVSE beside a new one: without the unconfirmed ones which others cover at all times.

    So a station that stays silent while it is told the same again and again is remembered by two grants, not by
    thousands: of equal ones the first rises to the safe current soonest, and the last keeps its limit longest.
    """
    told: set[tuple[Amps, Amps]] = set()
    for grant in grants:
        value = (grant.limit_a, grant.safe_a)
        unconfirmed = grant.accepted_at is None
        repeats = value in told and value == (newest.limit_a, newest.safe_a)
        if not (unconfirmed and (repeats or _covers(newest, grant))):
            yield grant
        if unconfirmed:
            told.add(value)


def _covers(newer: Grant, older: Grant) -> bool:
    """Whether at every time from now on the newer one allows at least what the older one does."""
    return newer.limit_a >= older.limit_a and newer.safe_a >= older.safe_a and newer.limit_a >= older.safe_a


def _without_obeyed(
    grants: tuple[Grant, ...], now: Seconds, draw_a: Amps | None, drawn_at: Seconds | None
) -> tuple[Grant, ...]:
    kept = []
    for position, grant in enumerate(grants):
        if grant.replaced_at is None:
            kept.append(grant)
            continue
        successor = next((later for later in grants[position + 1 :] if later.accepted_at is not None), None)
        if successor is None:
            kept.append(grant)
            continue
        time_is_over = now - grant.replaced_at >= OBEY_S
        seen = (
            draw_a is not None
            and drawn_at is not None
            and drawn_at > grant.replaced_at
            and draw_a <= successor.limit_a + OBEY_TOLERANCE_A
        )
        if not (time_is_over or seen):
            kept.append(grant)
    return tuple(kept)
