"""Actuation: what is due, and in which order it is told."""

import math
from collections import Counter
from dataclasses import replace

import pytest

from edge.control.actuate import (
    IDLE_LEASE_S,
    RENEWALS_PER_TICK,
    RETRY_REFUSED_S,
    RETRY_S,
    Intent,
    Pending,
    Writing,
    actuate,
    idle_limit_a,
    renew_after_s,
)
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import ControlSettings, IdlePolicy
from tests.site_builders import NOW, evse, grant, key

SETTINGS = ControlSettings(lease_s=120.0)


def intent(
    limit_a: float,
    *,
    number: int = 1,
    held_a: float | None = 10.0,
    held_for_s: float = 1.0,
    told_a: float | None = None,
    may_hold_a: float | None = None,
    purpose: Purpose = Purpose.SESSION,
    writing: Writing | None = None,
    phases: int | None = None,
    held_phases: int | None = None,
    per_amp_w: float | None = None,
    renew_after_s: float | None = None,
    held_lease_s: float | None = None,
) -> Intent:
    """What should be ``limit_a`` and was last confirmed to be ``held_a``."""
    lease_s = held_lease_s or (SETTINGS.lease_s if purpose is Purpose.SESSION else IDLE_LEASE_S)
    held = None
    if held_a is not None:
        held = grant(held_a, sent_at=NOW - held_for_s, phases=held_phases, lease_s=lease_s)
    return Intent(
        key=key(number),
        purpose=purpose,
        in_session=purpose is Purpose.SESSION,
        limit_a=limit_a,
        safe_a=6.0,
        transaction_id="7" if purpose is Purpose.SESSION else None,
        told_a=told_a if told_a is not None else held_a or 0.0,
        held=held,
        may_hold_a=may_hold_a if may_hold_a is not None else held_a,
        writing=writing or Writing(),
        renew_after_s=renew_after_s or (60.0 if purpose is Purpose.SESSION else 1800.0),
        phases=phases,
        per_amp_w=per_amp_w,
    )


def told(*intents: Intent) -> list[LimitCommand]:
    return list(actuate(intents, settings=SETTINGS, now=NOW, first_id=100))


def failed(limit_a: float, *, since_s: float, failures: int = 0) -> Writing:
    return Writing(failed_at=NOW - since_s, failed_a=limit_a, failures=failures)


@pytest.mark.parametrize(
    ("due", "wish"),
    [
        pytest.param(False, intent(10), id="it has it"),
        pytest.param(True, intent(10, held_a=None), id="it never confirmed one"),
        pytest.param(True, intent(9.9), id="a cut"),
        pytest.param(True, intent(11), id="a raise"),
        pytest.param(False, intent(10, held_for_s=59.9), id="half the lease isn't over"),
        pytest.param(True, intent(10, held_for_s=60), id="half the lease is over"),
        pytest.param(True, intent(10, held_for_s=50, renew_after_s=50), id="it is renewed earlier than others"),
        pytest.param(False, intent(10, purpose=Purpose.IDLE, held_for_s=1799), id="idle: its lease is long"),
        pytest.param(True, intent(10, purpose=Purpose.IDLE, held_for_s=1800), id="idle: half of it is over"),
        pytest.param(
            True,
            intent(10, purpose=Purpose.IDLE, held_for_s=60, held_lease_s=120),
            id="idle: what it holds was its session's, and ends sooner",
        ),
        pytest.param(True, intent(10, writing=Writing(write_again=True)), id="reconnected: told once more"),
        pytest.param(False, intent(12, writing=Writing(pending=Pending(command=1, limit_a=11))), id="one at a time"),
        pytest.param(False, intent(11, writing=Writing(pending=Pending(command=1, limit_a=11))), id="on its way"),
        pytest.param(True, intent(10.9, writing=Writing(pending=Pending(command=1, limit_a=11))), id="a cut overtakes"),
        pytest.param(False, intent(12, writing=failed(12, since_s=RETRY_S - 0.1)), id="not again at once"),
        pytest.param(True, intent(12, writing=failed(12, since_s=RETRY_S)), id="again after a while"),
        pytest.param(True, intent(10, writing=failed(12, since_s=RETRY_S)), id="the old one too, to be sure of it"),
        pytest.param(False, intent(12, writing=failed(12, since_s=59, failures=2)), id="it means its refusal"),
        pytest.param(True, intent(12, writing=failed(12, since_s=RETRY_REFUSED_S, failures=2)), id="it may change"),
        pytest.param(True, intent(8, writing=failed(12, since_s=0)), id="a cut waits for no retry of a raise"),
        pytest.param(False, intent(11, writing=failed(12, since_s=0)), id="a smaller raise does"),
        pytest.param(True, intent(10, may_hold_a=16, writing=failed(16, since_s=0)), id="it may hold a lost raise"),
        pytest.param(False, intent(8, writing=failed(8, since_s=0)), id="the same cut isn't repeated at once"),
        pytest.param(True, intent(7, writing=failed(8, since_s=0, failures=2)), id="a deeper one is"),
        pytest.param(False, intent(10, phases=3, held_phases=3), id="it uses as many phases"),
        pytest.param(True, intent(10, phases=1, held_phases=3), id="it is to use one phase"),
        pytest.param(True, intent(10, phases=3, held_phases=1), id="it is to use all phases"),
    ],
)
def test_what_is_due(due: bool, wish: Intent) -> None:
    """A command where something must be said, and none where it needn't."""
    assert len(told(wish)) == due


def test_a_command_carries_its_dead_man_schedule() -> None:
    """The lease of its purpose, the safe current, the transaction."""
    assert told(intent(8), intent(0, purpose=Purpose.IDLE, number=2)) == [
        LimitCommand(id=100, key=key(1), purpose=Purpose.SESSION, limit_a=8, safe_a=6, lease_s=120, transaction_id="7"),
        LimitCommand(id=101, key=key(2), purpose=Purpose.IDLE, limit_a=0, safe_a=6, lease_s=IDLE_LEASE_S),
    ]


def test_a_command_says_how_many_phases_to_use() -> None:
    """Where the EVSE can be told."""
    assert [command.phases for command in told(intent(8, phases=1), intent(8, number=2))] == [1, None]


@pytest.mark.parametrize(
    ("limit_a", "per_amp_w", "limit_w", "safe_w"),
    [
        (10.0, 690.0, 6900.0, 4140.0),
        (10.1, 690.0, 6969.0, 4140.0),
        (7.3, 691.3, 5046.0, 4147.0),
        (0.0, 690.0, 0.0, 4140.0),
    ],
)
def test_a_dc_station_is_told_in_watts(limit_a: float, per_amp_w: float, limit_w: float, safe_w: float) -> None:
    """Beside the amperes that are reckoned with; rounded down, so that no watt is promised that isn't there."""
    [command] = told(intent(limit_a, held_a=16, per_amp_w=per_amp_w))
    assert (command.limit_a, command.limit_w, command.safe_w) == (limit_a, limit_w, safe_w)


def test_an_ac_station_is_told_in_amperes_alone() -> None:
    """It has no use for watts."""
    [command] = told(intent(8))
    assert (command.limit_w, command.safe_w) == (None, None)


def test_cuts_go_first_and_raises_last() -> None:
    """The largest cut first; then what has no idle limit yet, then renewals, then raises."""
    wishes = [
        intent(16, number=1),  # a raise
        intent(10, number=2, held_for_s=60),  # a renewal
        intent(0, number=3, purpose=Purpose.IDLE, held_a=None),  # nothing yet
        intent(8, number=4),  # a cut by 2
        intent(0, number=5),  # a cut by 10
    ]
    commands = told(*wishes)
    assert [command.key for command in commands] == [key(number) for number in (5, 4, 3, 2, 1)]
    assert [command.id for command in commands] == [100, 101, 102, 103, 104]


def test_the_order_does_not_depend_on_the_order_of_the_wishes() -> None:
    """Equals go by name."""
    wishes = [intent(8, number=number) for number in (3, 1, 2)]
    assert told(*wishes) == told(*reversed(wishes))


def test_a_cut_below_a_queued_raise_is_a_cut() -> None:
    """Told 16 A a second ago, now 12: ahead of the renewals."""
    queued = Writing(pending=Pending(command=1, limit_a=16))
    wishes = [intent(10, number=1, held_for_s=60), replace(intent(12, number=2, writing=queued), told_a=16)]
    assert [command.key for command in told(*wishes)] == [key(2), key(1)]


def test_nothing_to_say() -> None:
    """No commands, no error."""
    assert told() == []


def test_the_idle_limit() -> None:
    """0 A, or the safe current for chargers that mishandle 0 A."""
    assert idle_limit_a(evse(fallback_a=8), ControlSettings()) == 0
    assert idle_limit_a(evse(fallback_a=8), ControlSettings(idle=IdlePolicy.SAFE)) == 8


@pytest.mark.parametrize(("in_session", "half_s"), [(True, 60.0), (False, IDLE_LEASE_S / 2)])
def test_few_evses_are_renewed_at_half_their_lease(in_session: bool, half_s: float) -> None:
    """As many as one tick has time for."""
    moments = {
        renew_after_s(SETTINGS, in_session=in_session, number=number, of=RENEWALS_PER_TICK)
        for number in range(RENEWALS_PER_TICK)
    }
    assert moments == {half_s}


@pytest.mark.parametrize("period_s", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("count", [50, 200, 1000])
def test_many_evses_that_were_told_together_are_renewed_a_few_at_a_time(count: int, period_s: float) -> None:
    """None later than at half its lease, none earlier by more than an eighth; and in no tick more than its share, of a
    site so large that an eighth of the lease has too few ticks, and two more."""
    settings = ControlSettings(lease_s=120.0, period_s=period_s)
    moments = [renew_after_s(settings, in_session=True, number=number, of=count) for number in range(count)]
    assert max(moments) == 60.0
    assert min(moments) >= 45.0
    ticks = Counter(math.ceil(moment / period_s) for moment in moments)
    assert max(ticks.values()) <= max(RENEWALS_PER_TICK, count * period_s / 15.0) + 2
