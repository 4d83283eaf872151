"""From a decision to the commands that carry it out: cuts first, raises last, and nothing that needn't be said."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.allocation.exposure import Grant
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import ControlSettings, Evse, EvseKey, IdlePolicy
from edge.units import Amps, Seconds, Watts

# What an idle EVSE holds lasts this long: long enough that a charger's flash is written once in half an hour only.
IDLE_LEASE_S = 3600.0
# A write that failed is tried again after this long; one that the station keeps refusing, after the longer time.
RETRY_S = 5.0
RETRY_REFUSED_S = 60.0
# Refusals in a row after which the station is believed to mean it.
REFUSALS_THAT_COUNT = 2
# Leases are renewed when half of them is over: a whole half for retries.
RENEW_AT = 0.5
# Cars that were told together don't all have their leases renewed in one tick, which would take long: some are renewed
# earlier, so that there are about as many in a tick, but by an eighth of the lease at most: a renewal costs the station
# a write to its flash.
RENEWALS_PER_TICK = 10
RENEW_EARLIER = 0.125
# Multiples of this, less their whole part, lie evenly between 0 and 1 however many there are.
_EVENLY = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A command without an answer yet."""

    command: int
    limit_a: Amps
    phases: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How writing one limit of an EVSE stands."""

    pending: Pending | None = None
    write_again: bool = False  # what it holds must be asserted once more
    failed_at: Seconds | None = None
    failed_a: Amps | None = None  # the limit that failed then
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What one limit of an EVSE should be, and how it stands.

    ``told_a`` is what it was last told, ``held`` what it last confirmed, ``may_hold_a`` the highest that it may hold.
    ``in_session``: it binds a running session.
    ``renew_after_s``: when what it holds is to be renewed, reckoned from when that was sent.
    ``phases``: how many it is to use, None where it isn't told. ``per_amp_w``: for a station that is limited in W, the
    power of one ampere per phase.
    """

    key: EvseKey
    purpose: Purpose
    in_session: bool
    limit_a: Amps
    safe_a: Amps
    transaction_id: str | None
    told_a: Amps
    held: Grant | None
    may_hold_a: Amps | None
    writing: Writing
    renew_after_s: Seconds
    phases: int | None = None
    per_amp_w: Watts | None = None


def idle_limit_a(evse: Evse, settings: ControlSettings) -> Amps:
    """What any session that begins on the EVSE is allowed before it has a limit of its own."""
    return evse.fallback_a if settings.idle is IdlePolicy.SAFE else 0.0


def actuate(
    intents: Iterable[Intent], *, settings: ControlSettings, now: Seconds, first_id: int
) -> Sequence[LimitCommand]:
    """The commands to send now, in order: cuts (the largest first), what has no limit yet, renewals, raises."""
    due = [intent for intent in intents if _is_due(intent, now)]
    due.sort(key=_urgency)
    return [
        LimitCommand(
            id=first_id + number,
            key=intent.key,
            purpose=intent.purpose,
            limit_a=intent.limit_a,
            safe_a=intent.safe_a,
            lease_s=lease_s(settings, in_session=intent.in_session),
            transaction_id=intent.transaction_id,
            phases=intent.phases,
            limit_w=_whole_watts(intent.limit_a, intent.per_amp_w),
            safe_w=_whole_watts(intent.safe_a, intent.per_amp_w),
        )
        for number, intent in enumerate(due)
    ]


def _whole_watts(amps: Amps, per_amp_w: Watts | None) -> Watts | None:
    """Rounded down, so that no watt is promised that isn't there."""
    return None if per_amp_w is None else float(math.floor(amps * per_amp_w + 1e-6))


def lease_s(settings: ControlSettings, *, in_session: bool) -> Seconds:
    """How long a limit holds."""
    return settings.lease_s if in_session else IDLE_LEASE_S


def renew_after_s(settings: ControlSettings, *, in_session: bool, number: int, of: int) -> Seconds:
    """How long after it was sent a limit is renewed, for the EVSE of this number among so many."""
    lasts_s = lease_s(settings, in_session=in_session)
    ticks = of / RENEWALS_PER_TICK
    spread_s = min(ticks * settings.period_s, RENEW_EARLIER * lasts_s) if ticks > 1.0 else 0.0
    return RENEW_AT * lasts_s - spread_s * (number * _EVENLY % 1.0)


def _is_due(intent: Intent, now: Seconds) -> bool:
    writing = intent.writing
    if writing.pending is not None:
        # One at a time, but a cut waits for nobody: it overtakes the pending command where that is still queued.
        return intent.limit_a < writing.pending.limit_a
    if writing.failed_at is not None:
        wait_s = RETRY_REFUSED_S if writing.failures >= REFUSALS_THAT_COUNT else RETRY_S
        return _cuts_after_failure(intent) or now - writing.failed_at >= wait_s
    return now >= settled_until(
        intent.held, writing, limit_a=intent.limit_a, phases=intent.phases, renew_after_s=intent.renew_after_s
    )


def settled_until(
    held: Grant | None, writing: Writing, *, limit_a: Amps, phases: int | None, renew_after_s: Seconds
) -> Seconds:
    """Until when an EVSE that has confirmed just this limit needn't be told it again; infinitely long ago for others.

    Where one limit binds it with a session and without, what it holds may be of the other, and end sooner.
    """
    if (
        held is not None
        and held.limit_a == limit_a
        and held.phases == phases
        and writing.pending is None
        and writing.failed_at is None
        and not writing.write_again
    ):
        return held.sent_at + min(renew_after_s, RENEW_AT * held.lease_s)
    return -math.inf


def _cuts_after_failure(intent: Intent) -> bool:
    """A cut waits for nobody, but the same cut is not tried again at once."""
    failed_a, may_hold_a = intent.writing.failed_a, intent.may_hold_a
    return failed_a is not None and may_hold_a is not None and intent.limit_a < min(failed_a, may_hold_a)


def _urgency(intent: Intent) -> tuple[int, float, EvseKey]:
    if intent.in_session and intent.limit_a < intent.told_a:
        return (0, intent.limit_a - intent.told_a, intent.key)
    if intent.held is None and intent.purpose is Purpose.IDLE:
        return (1, 0.0, intent.key)
    if intent.limit_a <= intent.told_a:
        return (2, 0.0, intent.key)
    return (3, 0.0, intent.key)
