"""Cars that come down late: slow is not disobedient."""

from edge.allocation.exposure import FOLLOW_S, OBEY_S
from edge.allocation.state import Reach
from tests.unit.control.station_story import Story

SAMPLES_S = 10.0


def cut_from_16() -> Story:
    """It drew its 16 A, was told 6, and has had its time."""
    story = Story().charging_at(16).draws(16).tell(6).later(OBEY_S + 1.0)
    assert story.exposed_a == 6
    return story


def test_a_car_that_stays_where_it_was_is_slow_for_a_while() -> None:
    """Half a minute more than it may take; then it disobeys: all its samples since have shown so."""
    story = cut_from_16()
    begun = story.now
    while story.now - begun < FOLLOW_S - OBEY_S:
        assert story.draws(16).reach is Reach.OBEYING
        story.later(SAMPLES_S)
    assert story.draws(16).reach is Reach.DISOBEYING


def test_one_late_sample_says_nothing_of_a_car_that_comes_down() -> None:
    """It is on its way; and one that has come down is judged anew."""
    story = cut_from_16().draws(16).later(FOLLOW_S).draws(12)
    assert story.reach is Reach.OBEYING
    story.later(SAMPLES_S).draws(6).later(SAMPLES_S).draws(16)
    assert story.reach is Reach.OBEYING


def test_what_a_slow_car_draws_is_kept_free_for_it() -> None:
    """Its sample counts, whatever it was told."""
    assert cut_from_16().draws(16).exposed_a == 16


def test_a_car_that_comes_down_bit_by_bit_never_disobeys() -> None:
    """As long as each sample is less than the one before."""
    story = cut_from_16()
    for amps in (15.0, 14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0):
        assert story.draws(amps).later(SAMPLES_S).reach is Reach.OBEYING


def test_a_car_that_draws_more_than_ever_was_lawful_is_not_slow() -> None:
    """Two samples are enough."""
    story = cut_from_16().draws(20).later(SAMPLES_S)
    assert story.draws(20).reach is Reach.DISOBEYING
