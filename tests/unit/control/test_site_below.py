"""A site below, with a gateway of its own: its cars obey a limit, its building can't."""

from dataclasses import replace

from edge.allocation.exposure import OBEY_S
from edge.allocation.state import Reach
from edge.control.board import Board
from tests.site_builders import evse, site
from tests.unit.control.station_story import START, Story

SAFE_A, SAMPLES_S = 10.0, 10.0


def told_zero() -> Story:
    """It drew 20 A, was told 0 because the circuit above was overloaded, and has had its time."""
    story = Story()
    below = replace(evse(max_a=32, fallback_a=SAFE_A), whole_site=True)
    story.board = Board(site(below), started_at=START)
    return story.charging_at(20).draws(20).tell(0).later(OBEY_S + 1.0)


def test_what_a_building_takes_is_no_disobedience() -> None:
    """However long the limit is below it: else it would be told nothing any more, for ever."""
    story = told_zero()
    for _ in range(30):
        assert story.later(SAMPLES_S).draws(SAFE_A).reach is Reach.OBEYING
    assert story.exposed_a == SAFE_A


def test_a_site_that_takes_more_than_its_safe_current_disobeys() -> None:
    """Its cars were to stop."""
    story = told_zero().draws(28).later(SAMPLES_S)
    assert story.draws(28).reach is Reach.DISOBEYING
