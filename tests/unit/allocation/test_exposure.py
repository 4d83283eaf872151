"""Exposure: what an EVSE may be enforcing, given all that it was told."""

import pytest

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S, Grant, Holdings
from edge.domain.setpoint import Purpose
from tests.site_builders import command, grant

SENT = 1000.0
LEASE_S = 120.0
SESSION = Purpose.SESSION


@pytest.mark.parametrize(
    ("limit_a", "safe_a", "age_s", "expected"),
    [
        (16, 6, 0, 16),
        (16, 6, LEASE_S - 0.1, 16),
        (16, 6, LEASE_S, 6),
        (16, 6, 2 * LEASE_S, 6),
        (0, 6, LEASE_S, 0),  # nothing rises when a lease ends
        (0, 6, 2 * LEASE_S - 0.1, 0),
        (0, 6, 2 * LEASE_S, 6),  # and no car is left at 0 for ever
        (0, 6, 1e6, 6),
        (16, 0, LEASE_S, 0),
    ],
)
def test_a_grant_is_its_dead_man_schedule(limit_a: float, safe_a: float, age_s: float, expected: float) -> None:
    """The limit, then the lower of it and the safe current, then the safe current."""
    assert grant(limit_a, safe_a=safe_a, sent_at=SENT).amps(SENT + age_s) == expected


@pytest.mark.parametrize(
    ("limit_a", "age_s", "renewable", "expected"),
    [
        (16, 0, True, 16),
        (16, LEASE_S + LEASE_SLACK_S + OBEY_S - 0.1, True, 16),  # a clock that is off, and a car that takes its time
        (16, LEASE_S + LEASE_SLACK_S + OBEY_S + 0.1, True, 6),
        (0, 60, True, 0),
        (0, 60, False, 6),  # out of reach: what it will rise to by itself counts already now
        (0, LEASE_S, True, 6),  # the same where it wasn't renewed for a whole lease
        (16, 60, False, 16),
    ],
)
def test_the_most_that_a_grant_may_allow(limit_a: float, age_s: float, renewable: bool, expected: float) -> None:
    """A lease's end counts late, its rise to the safe current early."""
    assert grant(limit_a, sent_at=SENT).most_a(SENT + age_s, renewable=renewable) == expected


def most(holdings: Holdings, now: float = SENT, *, in_session: bool = True, renewable: bool = True) -> float | None:
    return holdings.most_a(now, in_session=in_session, renewable=renewable)


def held(*limits_a: float) -> Holdings:
    """Limits accepted one after the other, all lingering."""
    holdings = Holdings(baseline_a=None)
    for number, limit_a in enumerate(limits_a):
        holdings = told(holdings, limit_a, identity=number + 1, accepted=True)
    return holdings


def told(holdings: Holdings, limit_a: float, *, identity: int, accepted: bool = False, at: float = SENT) -> Holdings:
    holdings = holdings.issued(command(limit_a, identity=identity), at).sent(SESSION, identity, at)
    return holdings.accepted(SESSION, identity, at) if accepted else holdings


def test_what_was_never_told_anything_is_bounded_by_its_baseline() -> None:
    """Before it obeys us an EVSE may draw what it held before, and without any limit all that it can."""
    assert most(Holdings(baseline_a=32.0)) == 32.0
    assert most(Holdings(baseline_a=None)) is None


def test_a_limit_counts_from_the_moment_it_is_handed_over() -> None:
    """A raise that waits for the line to be free may be sent at any moment: its room is taken."""
    assert most(held(6).issued(command(16, identity=2), SENT)) == 16


def test_a_lease_begins_when_its_frame_is_sent() -> None:
    """A limit that waited for the line runs out later than it was decided."""
    holdings = held(6).issued(command(16, identity=2), SENT).sent(SESSION, 2, SENT + 20)
    assert holdings.session[-1].sent_at == SENT + 20


def test_a_cut_that_is_not_answered_frees_nothing() -> None:
    """The station may never have got it."""
    assert most(told(held(16), 6, identity=2).doubted(SESSION, 2)) == 16


def test_a_cut_that_is_accepted_counts_when_there_was_time_to_obey() -> None:
    """Until then the limit before it lingers."""
    holdings = held(16, 6)
    assert most(holdings.settled(SENT + OBEY_S - 0.1)) == 16
    assert most(holdings.settled(SENT + OBEY_S)) == 6


def test_a_cut_counts_at_once_when_the_car_is_seen_to_come_down_to_it() -> None:
    """Two samples: above the new limit, then at it."""
    assert most(held(16, 6).seen(15.8, 5.9, SENT + 2)) == 6
    assert most(held(16, 6).seen(15.8, 6.3, SENT + 2)) == 6.3, "what was seen counts for a while"


@pytest.mark.parametrize(
    ("limit_a", "before_a", "draw_a", "at", "why"),
    [
        (6, 5.0, 5.0, SENT + 2, "it drew less all the time, and may still rise"),
        (6, 15.8, 0.0, SENT + 2, "it has paused by itself"),
        (0, 15.8, 0.0, SENT + 2, "at 0 A a pause looks like obedience"),
        (6, 15.8, 15.8, SENT + 2, "it hasn't moved"),
        (6, 15.8, 6.0, SENT, "the sample is no younger than the answer"),
    ],
)
def test_what_does_not_prove_obedience(limit_a: float, before_a: float, draw_a: float, at: float, why: str) -> None:
    """The limit before lingers on."""
    assert most(held(16, limit_a).seen(before_a, draw_a, at)) == 16, why


def test_a_cut_that_was_taken_back_for_a_moment_proves_nothing() -> None:
    """Cut to 8, raised to 12 and cut to 8 again: that it came down to 8 may be the first cut, with 12 A to come."""
    assert most(held(11, 8, 12, 8).seen(11.0, 8.0, SENT + 2)) == 12
    assert most(held(16, 12, 8).seen(16.0, 8.0, SENT + 2)) == 8


def test_a_refused_limit_is_not_held() -> None:
    """And what was held before still is."""
    assert most(told(held(6), 16, identity=2).dropped(SESSION, 2)) == 6


def test_an_answer_replaces_all_that_was_told_before() -> None:
    """Also what was never answered: a socket keeps the order."""
    holdings = told(told(held(10), 16, identity=2).doubted(SESSION, 2), 8, identity=3)
    assert most(holdings) == 16
    assert most(holdings.accepted(SESSION, 3, SENT + 20).settled(SENT + 20 + OBEY_S)) == 8


def test_a_refusal_does_not_make_what_is_in_doubt_forgotten() -> None:
    """16 A stayed unanswered, then 20 A were refused: 16 A may be in force."""
    holdings = told(held(6), 16, identity=2).doubted(SESSION, 2)
    assert most(told(holdings, 20, identity=3).dropped(SESSION, 3)) == 16


@pytest.mark.parametrize("limits_a", [(0,), (16,), (6,), (0, 16), (16, 0), (0, 8, 4)])
def test_what_is_told_in_vain_again_and_again_is_remembered_bounded(limits_a: tuple[float, ...]) -> None:
    """Hours of silence: a limit is forgotten when another in doubt allows as much at all times."""
    holdings = held(10)
    every = []
    for number in range(200):
        limit_a = limits_a[number % len(limits_a)]
        at = SENT + 30.0 * number
        holdings = told(holdings, limit_a, identity=number + 2, at=at).doubted(SESSION, number + 2)
        every.append(grant(limit_a, sent_at=at, accepted=False))
        allowed_a = [told.most_a(at, renewable=False) for told in (*held(10).session, *every)]
        assert most(holdings, at, renewable=False) == max(allowed_a)
    assert len(holdings.session) <= 2 + len(limits_a)


@pytest.mark.parametrize("leases_s", [(120, 3600), (3600, 120)])
@pytest.mark.parametrize("limits_a", [(10, 16), (16, 10), (0, 10), (10, 0), (6, 6), (0, 6), (6, 0)])
def test_leases_of_different_length_in_doubt(leases_s: tuple[float, float], limits_a: tuple[float, float]) -> None:
    """Where one limit binds idle EVSE and session: none is forgotten that at any time allows more than the other."""
    grants = [
        grant(limit_a, command=number, lease_s=lease_s, sent_at=SENT + 10.0 * number, accepted=False)
        for number, (limit_a, lease_s) in enumerate(zip(limits_a, leases_s, strict=True))
    ]
    holdings = Holdings(baseline_a=None, idle=tuple(grants))
    for each in grants:
        holdings = holdings.doubted(Purpose.IDLE, each.command)
    for after_s in (10, 100, 130, 200, 300, 3000, 3700, 8000):
        at = SENT + after_s
        every = [each.most_a(at, renewable=False) for each in grants]
        assert most(holdings, at, in_session=False, renewable=False) == max(every)


def test_a_session_that_ends_takes_its_limits_with_it() -> None:
    """What is left is what the next one may begin with."""
    holdings = Holdings(baseline_a=None, idle=(grant(0, lease_s=3600),), session=held(16).session)
    assert most(holdings.session_over(), in_session=False) == 0


def test_the_idle_limit_counts_during_a_session_too() -> None:
    """A session at 0 A may end in any instant, and the next begin at 6 A before we hear of it."""
    holdings = Holdings(baseline_a=None, idle=(grant(6, lease_s=3600),), session=held(0).session)
    assert most(holdings) == 6


def test_the_baseline_lingers_until_the_first_limit_is_obeyed() -> None:
    """A station that held 16 A from before our start accepts 6 A, and takes its time."""
    holdings = told(Holdings(baseline_a=16.0), 6, identity=1, accepted=True).governed(SENT)
    assert holdings.is_governed
    assert most(holdings.settled(SENT + OBEY_S - 0.1)) == 16
    assert most(holdings.settled(SENT + OBEY_S)) == 6
    assert most(holdings.seen(15.0, 6.0, SENT + 3)) == 6


def test_an_unknown_limit_makes_it_ungoverned_again() -> None:
    """A session is found to be running that we never saw begin."""
    assert not held(6).ungoverned(32.0).is_governed
    assert most(held(6).ungoverned(32.0)) == 32


def test_in_force_is_the_newest_that_was_confirmed() -> None:
    """Not the newest that was sent."""
    held_now = told(held(16, 6), 12, identity=3).in_force(SESSION)
    assert isinstance(held_now, Grant)
    assert held_now.limit_a == 6
    assert Holdings(baseline_a=None).in_force(SESSION) is None


def test_an_answer_to_nothing_changes_nothing() -> None:
    """It belongs to a command that was dropped or is of an earlier session."""
    assert held(16).accepted(SESSION, 99, SENT) == held(16)
