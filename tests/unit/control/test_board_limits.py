"""The board: what an EVSE may hold of all the limits that it was told, and how far it is ours."""

import pytest

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S
from edge.allocation.state import Reach
from edge.control.reach import NEW_GRACE_S, START_GRACE_S
from edge.control.records import FAILURES_THAT_COUNT, SAMPLES_THAT_COUNT
from edge.domain.station import (
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    LimitsTaken,
)
from tests.site_builders import key
from tests.unit.control.station_story import ACCEPTED, IDLE, NOT_SENT, REFUSED, SILENT, START, Story


def test_before_anything_is_heard_a_station_is_expected_and_may_draw_all_it_can() -> None:
    """It may hold a lease from before our start; one that doesn't come back in a while is offline."""
    story = Story()
    assert (story.reach, story.exposed_a) == (Reach.EXPECTED, 32)
    assert story.later(START_GRACE_S - 0.1).reach is Reach.EXPECTED
    story.later(0.1)
    assert (story.reach, story.exposed_a) == (Reach.OFFLINE, 32)


def test_a_station_that_goes_again_is_not_expected() -> None:
    """It was there after our start."""
    assert Story().online().offline().reach is Reach.OFFLINE


def test_a_lease_from_before_our_start_ends() -> None:
    """A station that was never seen is at its safe current when any lease from then is over, and obeyed."""
    story = Story()
    over_s = 120 + LEASE_SLACK_S + OBEY_S
    assert story.later(over_s - 0.1).exposed_a == 32
    assert story.later(0.1).exposed_a == 6


def test_a_new_station_has_a_moment_to_confirm_its_first_limit() -> None:
    """Then it is one that doesn't."""
    story = Story().online()
    assert story.later(NEW_GRACE_S - 0.1).reach is Reach.NEW
    assert story.later(0.1).reach is Reach.UNCONFIRMED


def test_an_idle_station_obeys_with_its_idle_limit() -> None:
    """Once it is known that no session runs: what that holds is another limit."""
    story = Story().online().tell(0, purpose=IDLE)
    assert story.reach is Reach.NEW
    assert story.status(EvseStatus.CHARGING).reach is Reach.NEW
    assert story.status(EvseStatus.AVAILABLE).reach is Reach.OBEYING
    assert story.exposed_a == 0, "nobody is there who would have to come down"


@pytest.mark.parametrize("status", [EvseStatus.FINISHING, EvseStatus.UNAVAILABLE])
def test_a_post_that_charges_nobody_is_none_to_keep_room_for(status: EvseStatus) -> None:
    """After a start of the gateway one says that it is finishing for as long as the cable isn't pulled, and one that is
    out of order that it is unavailable. Where samples name a session that runs all the same, it may hold anything."""
    story = Story().online().tell(0, purpose=IDLE).status(status)
    assert (story.reach, story.exposed_a) == (Reach.OBEYING, 0)
    assert story.began(observed=False).exposed_a == 32


def test_a_session_that_was_running_obeys_with_its_own_limit() -> None:
    """And what it held before lingers until it had its time to obey."""
    story = Story().online().tell(0, purpose=IDLE).began(observed=False).tell(10)
    assert (story.reach, story.exposed_a) == (Reach.OBEYING, 32)
    assert story.later(OBEY_S).exposed_a == 10


def test_one_limit_for_both_does_not_replace_what_the_session_was_told_before_our_start() -> None:
    """A TxDefaultProfile lets a TxProfile of before hold (OCPP 1.6 §3.13.1): its lease ends at the safe current, and
    it goes with its session.
    """
    story = Story().online().take(LimitsTaken(station="CP-1", at=START, one_limit=True))
    story.began(observed=False).tell(0, purpose=IDLE)
    assert (story.reach, story.later(OBEY_S).exposed_a) == (Reach.OBEYING, 32)
    assert story.later(120 + LEASE_SLACK_S).tell(0, purpose=IDLE).exposed_a == 6
    assert story.later(1000).tell(0, purpose=IDLE).exposed_a == 6
    assert story.ended().later(OBEY_S).exposed_a == 0
    assert story.began(observed=True).tell(10, purpose=IDLE).later(OBEY_S).exposed_a == 10


def test_one_limit_for_both_binds_a_session_that_began_since() -> None:
    """It has had no other."""
    story = Story().online().take(LimitsTaken(station="CP-1", at=START, one_limit=True))
    story.status(EvseStatus.AVAILABLE).tell(0, purpose=IDLE).began(observed=True).tell(10, purpose=IDLE)
    assert story.later(OBEY_S).exposed_a == 10


def test_a_silent_idle_station_is_not_reserved_at_its_rating_for_ever() -> None:
    """It confirmed its idle limit and never says whether a session runs: a lease from before our start is over."""
    story = Story().online().tell(0, purpose=IDLE).later(120 + LEASE_SLACK_S + OBEY_S)
    assert (story.reach, story.exposed_a) == (Reach.UNCONFIRMED, 6)


def test_a_car_below_its_safe_current_that_comes_back_is_kept_room_for_until_it_confirms() -> None:
    """Its lease is over: it goes up by itself, unless it takes another limit; which it may refuse."""
    story = Story().charging_at(0).offline().later(130).online()
    assert (story.reach, story.exposed_a) == (Reach.UNCONFIRMED, 6)
    assert story.tell(0, REFUSED).reach is Reach.UNCONFIRMED
    assert story.tell(0).reach is Reach.OBEYING
    above = Story().charging_at(10).offline().later(130).online()
    assert above.reach is Reach.OBEYING, "it comes down by itself"


def test_the_same_of_one_that_is_told_one_limit_for_both() -> None:
    """With its session that has a lease, too."""
    story = Story().take(LimitsTaken(station="CP-1", at=START, one_limit=True)).online().tell(0, purpose=IDLE).began()
    story = story.tell(0, purpose=IDLE).later(OBEY_S + 1.0)
    assert story.reach is Reach.OBEYING
    story = story.offline().later(130).online()
    assert (story.reach, story.exposed_a) == (Reach.UNCONFIRMED, 6)


def test_a_limit_that_waits_for_its_line_is_exposed_already() -> None:
    """It may be sent before the next tick: the same ampere must not go to another."""
    story = Story().charging_at(6)
    told = story.issue(16)
    assert story.exposed_a == 16
    assert story.answered(told, NOT_SENT).exposed_a == 6


@pytest.mark.parametrize(
    ("outcome", "exposed_a", "told_a"), [(ACCEPTED, 16, 16), (REFUSED, 10, 10), (SILENT, 16, 10), (NOT_SENT, 10, 10)]
)
def test_what_becomes_of_a_raise(outcome: LimitOutcome, exposed_a: float, told_a: float) -> None:
    """Unanswered it counts as held; what the station was told last is what it confirmed last."""
    story = Story().charging_at(10).tell(16, outcome)
    assert (story.exposed_a, story.state.told_a) == (exposed_a, told_a)


@pytest.mark.parametrize("outcome", [REFUSED, SILENT, NOT_SENT])
def test_a_cut_that_fails_frees_nothing(outcome: LimitOutcome) -> None:
    """However long ago."""
    story = Story().charging_at(16).tell(6, outcome).later(OBEY_S + 1)
    assert story.exposed_a == 16


def test_an_accepted_cut_frees_its_room_after_its_time() -> None:
    """Or when the car is seen to come down to it."""
    story = Story().charging_at(16).draws(16).later(1).tell(6)
    assert story.exposed_a == 16
    assert story.later(1).draws(6.2).exposed_a == 6.2
    story = Story().charging_at(16).tell(6)
    assert story.later(OBEY_S).exposed_a == 6


@pytest.mark.parametrize(("outcome", "reach"), [(REFUSED, Reach.REFUSING), (SILENT, Reach.SILENT)])
def test_two_failures_in_a_row_count(outcome: LimitOutcome, reach: Reach) -> None:
    """One may be chance; an accepted limit or a new connection makes good."""
    story = Story().charging_at(16)
    for _ in range(FAILURES_THAT_COUNT - 1):
        assert story.tell(6, outcome).reach is Reach.OBEYING
    assert story.tell(6, outcome).reach is reach
    assert story.tell(6).reach is Reach.OBEYING
    story.tell(6, outcome).tell(6, outcome)
    assert story.offline().online().reach is Reach.OBEYING


def test_a_station_that_refuses_its_limits_refuses_them_while_other_ways_are_tried() -> None:
    """Each way began anew as if it obeyed: what it is told, and why, changed by turns. What it accepts makes good."""
    story = Story().charging_at(16).tell(6, REFUSED).tell(6, REFUSED)
    for one_limit in (True, False, True):
        story.take(LimitsTaken(station="CP-1", at=story.now, one_limit=one_limit))
        assert story.reach is Reach.REFUSING
        assert story.tell(6, REFUSED, purpose=IDLE).reach is Reach.REFUSING
    assert story.tell(6, purpose=IDLE).reach is Reach.OBEYING


def test_a_station_that_refuses_is_reserved_at_what_it_rises_to() -> None:
    """It holds 0 A and refuses to have its lease renewed: its safe current is kept free before it takes it."""
    story = Story().charging_at(0)
    assert story.tell(0, REFUSED).exposed_a == 0
    assert story.tell(0, REFUSED).exposed_a == 6


def test_not_being_sent_is_no_failure_of_the_station() -> None:
    """A newer limit replaced it in the queue."""
    story = Story().charging_at(16)
    for _ in range(5):
        story.tell(6, NOT_SENT)
    assert story.reach is Reach.OBEYING


def test_two_samples_above_the_limit_are_disobedience() -> None:
    """One may have been taken before; one within it makes good."""
    story = Story().charging_at(10)
    for _ in range(SAMPLES_THAT_COUNT - 1):
        assert story.later(5).draws(16).reach is Reach.OBEYING
    assert story.later(5).draws(16).reach is Reach.DISOBEYING
    assert story.exposed_a == 32
    assert story.later(5).draws(10.5).reach is Reach.OBEYING


def test_a_car_that_disobeyed_and_was_stopped_stays_so_for_a_turn() -> None:
    """That it draws nothing at 0 A says nothing of more; the next session is another car's, perhaps."""
    story = Story(fallback_a=0.0).charging_at(10)
    assert story.later(5).draws(16).state.unruly_a is None
    assert story.later(5).draws(16).state.unruly_a == 0.0
    story.tell(0).later(5).draws(0)
    turn_s = story.board.site.control.turn_s
    assert (story.reach, story.state.unruly_a) == (Reach.OBEYING, 0.0)
    assert (story.later(turn_s - 5.1).state.unruly_a, story.later(0.1).state.unruly_a) == (0.0, None)
    story.tell(6).later(OBEY_S).draws(10).later(5).draws(10)
    assert story.state.unruly_a == 0.0
    assert story.ended().began("8").state.unruly_a is None


def test_a_car_that_disobeyed_goes_on_at_its_safe_current_for_a_turn() -> None:
    """It is asked for that, and what it may draw is kept free; when it obeys that it has its share a turn later: at
    once it would only be too much again.
    """
    story = Story(fallback_a=6.0).charging_at(10)
    story.later(5).draws(16).later(5).draws(16)
    assert (story.reach, story.state.unruly_a) == (Reach.DISOBEYING, 6.0)
    story.tell(6).later(5).draws(6)
    turn_s = story.board.site.control.turn_s
    assert (story.reach, story.state.unruly_a) == (Reach.OBEYING, 6.0)
    assert (story.later(turn_s - 5.1).state.unruly_a, story.later(0.1).state.unruly_a) == (6.0, None)


def test_who_disobeys_obeys_again_at_the_newest_limit_only() -> None:
    """While a cut is new the limit before it binds, too; who is below that and above this hasn't shown anything."""
    story = Story(fallback_a=6.0).charging_at(20)
    story.later(5).draws(30).later(5).draws(30).tell(6)
    assert story.later(1).draws(14).reach is Reach.DISOBEYING
    assert story.later(5).draws(7).reach is Reach.OBEYING


def test_a_car_that_is_told_to_stop_while_it_disobeys_stays_stopped_for_a_turn() -> None:
    """So where its safe current was more than there is; what is told meanwhile for another reason changes nothing."""
    story = Story(fallback_a=6.0).charging_at(10)
    story.later(5).draws(16).later(5).draws(16).tell(0)
    assert (story.later(5).draws(0).reach, story.state.unruly_a) == (Reach.OBEYING, 0.0)
    assert story.tell(0).state.unruly_a == 0.0
    story.later(story.board.site.control.turn_s)
    assert story.state.unruly_a is None
    story.tell(10).later(OBEY_S).draws(16).later(5).draws(16)
    assert story.state.unruly_a == 6.0, "tried again"


def test_a_meter_that_shows_a_little_more_is_believed_to_obey() -> None:
    """An ampere, or a twentieth."""
    story = Story().charging_at(30)
    assert story.later(5).draws(31.4).later(5).draws(31.4).reach is Reach.OBEYING
    story = Story().charging_at(30)
    assert story.later(5).draws(31.6).later(5).draws(31.6).reach is Reach.DISOBEYING


def test_a_car_that_takes_its_time_to_come_down_does_not_disobey() -> None:
    """Its former limit lingers."""
    story = Story().charging_at(16).tell(6)
    for _ in range(3):
        story.later(3).draws(16)
    assert story.reach is Reach.OBEYING


def test_a_station_that_is_gone_is_exposed_to_what_it_will_rise_to() -> None:
    """Its lease, then its safe current."""
    story = Story().charging_at(0).offline()
    assert (story.reach, story.exposed_a) == (Reach.OFFLINE, 6)
    story = Story().charging_at(16).offline()
    assert story.exposed_a == 16
    assert story.later(120 + LEASE_SLACK_S).exposed_a == 6


def test_a_change_of_what_is_told_has_its_time() -> None:
    """A renewal is none."""
    story = Story().charging_at(16)
    told_at = story.state.told_at
    assert story.tell(16).state.told_at == told_at
    assert story.tell(12).state.told_at == story.now
    assert story.later(1).tell(0, purpose=IDLE).state.told_at == story.now - 1, "the idle limit binds no session"


def test_a_raise_has_its_time() -> None:
    """A cut or a renewal is none; what rises after its lease was over is one."""
    story = Story().charging_at(16)
    raised_at = story.state.raised_at
    assert raised_at is not None
    assert story.later(1).tell(12).state.raised_at == raised_at
    assert story.later(1).tell(12).state.raised_at == raised_at
    story.later(300)
    assert story.tell(12).state.raised_at == story.now
    assert story.ended().state.raised_at is None


def test_answers_to_unknown_commands_are_ignored() -> None:
    """Those of an earlier life of the gateway."""
    story = Story().charging_at(16)
    before = story.state
    story.take(LimitSent(key=key(1), at=story.now, command=99))
    story.take(LimitAnswered(key=key(1), at=story.now, command=99, outcome=ACCEPTED))
    assert story.state == before


def test_a_day_of_silence_is_remembered_in_a_few_grants() -> None:
    """Limits go out every few seconds and are never answered."""
    story = Story().charging_at(16)
    for number in range(2000):
        story.later(15).tell((0, 6, 8)[number % 3], SILENT)
        assert len(story.state.holdings.session) <= 5
    assert story.reach is Reach.SILENT
