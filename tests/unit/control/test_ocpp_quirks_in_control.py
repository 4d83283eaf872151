"""The habits of the field that the control answers, each by its number in the table of docs/ocpp.md."""

import pytest

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S
from edge.allocation.state import Reach
from edge.control.actuate import IDLE_LEASE_S, idle_limit_a
from edge.control.records import SAMPLES_THAT_COUNT
from edge.domain.setpoint import Purpose
from edge.domain.site import ControlSettings, IdlePolicy
from tests.site_builders import evse
from tests.unit.control.station_story import Story
from tests.unit.control.test_actuate import intent, told


@pytest.mark.parametrize(("told_a", "drawn_a"), [(6.0, 26.1), (10.0, 32.0)])
def test_quirk_21_amperes_read_in_another_unit_are_seen_in_what_is_drawn(told_a: float, drawn_a: float) -> None:
    """steve issue 218: accepted, and drawn otherwise; from the second sample on its whole rating is kept free."""
    story = Story().charging_at(told_a)
    for _ in range(SAMPLES_THAT_COUNT):
        story.later(5).draws(drawn_a)
    assert (story.reach, story.exposed_a) == (Reach.DISOBEYING, 32)
    assert story.later(5).draws(told_a).reach is Reach.OBEYING


def test_quirk_21_a_limit_read_as_next_to_nothing_raises_no_fear() -> None:
    """16 A taken for 16 mA: the car draws nothing, which is below its limit."""
    story = Story().charging_at(16)
    for _ in range(SAMPLES_THAT_COUNT):
        story.later(5).draws(0.016)
    assert (story.reach, story.exposed_a) == (Reach.OBEYING, 16)


def test_quirk_24_what_is_accepted_and_ignored_frees_nothing() -> None:
    """evcc issue 31597: a cut counts once it is seen to be obeyed; a station that ignores it is kept free of at its
    rating, for others can't have what it draws."""
    story = Story().charging_at(16).tell(6)
    assert story.exposed_a == 16, "it has its time to obey"
    assert story.later(OBEY_S + 1).reach is Reach.OBEYING
    for _ in range(SAMPLES_THAT_COUNT):
        story.later(5).draws(16)
    assert (story.reach, story.exposed_a) == (Reach.DISOBEYING, 32)


def test_quirk_25_a_charger_that_mishandles_0_a_idles_at_its_safe_current() -> None:
    """go-eCharger issue 155: `idle = "safe"` never tells an idle EVSE 0 A."""
    assert idle_limit_a(evse(fallback_a=8), ControlSettings(idle=IdlePolicy.SAFE)) == 8


def test_quirk_28_an_idle_limit_is_written_twice_an_hour() -> None:
    """libocpp issue 543: its lease is an hour, and it is renewed at half; a day of waiting wears the flash 48 times."""
    assert IDLE_LEASE_S == 3600.0
    assert told(intent(0, held_a=0, purpose=Purpose.IDLE, held_for_s=IDLE_LEASE_S / 2 - LEASE_SLACK_S)) == []
    (renewed,) = told(intent(0, held_a=0, purpose=Purpose.IDLE, held_for_s=IDLE_LEASE_S / 2))
    assert renewed.lease_s == IDLE_LEASE_S
