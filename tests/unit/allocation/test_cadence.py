"""How often a meter tells: when a reading is late, and how old what it shows may be."""

import pytest

from edge.allocation.cadence import KEPT, Intervals, delay_s, late_after_s, with_interval
from edge.domain.site import ControlSettings

DSMR_4 = ControlSettings(meter_stale_s=25.0)
TENS: Intervals = (10.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("period_s", "stale_s", "after_s"),
    [
        (1.0, 5.0, 2.0),
        (0.5, 5.0, 2.0),
        (1.0, 25.0, 22.0),
        (2.0, 6.0, 1.0),
        (5.0, 10.0, 1.0),
        (5.0, 15.0, 1.0),
        (5.0, 25.0, 10.0),
    ],
)
def test_how_late_a_meter_is_taken_to_be(period_s: float, stale_s: float, after_s: float) -> None:
    """As long as it may take to be stale, less some polls. (With long periods, these were taken for delay.)"""
    settings = ControlSettings(period_s=period_s, meter_stale_s=stale_s)
    assert delay_s((), settings, is_news=False) == after_s


@pytest.mark.parametrize("known", [(), (10.0,), TENS, (1.0, 1.0, 1.0)])
def test_how_often_a_meter_tells_says_nothing_of_how_late_it_is(known: Intervals) -> None:
    """What it shows may be older by any time; so the installer's word stands."""
    assert delay_s(known, DSMR_4, is_news=False) == 22.0


@pytest.mark.parametrize(
    ("known", "after_s"),
    [
        ((), 22.0),  # not known yet
        ((10.0, 10.0), 22.0),
        (TENS, 13.0),
        ((10.0, 10.0, 18.0), 21.0),  # a telegram was lost, or the line stalled
        ((18.0, 1.0, 10.0), 21.0),  # and what it had kept may still be coming
        ((10.0, 20.0, 10.0), 22.0),  # never more than without that
        ((1.0, 1.0, 1.0), 4.0),
    ],
)
def test_a_telegram_is_no_older_than_the_one_before(known: Intervals, after_s: float) -> None:
    """The longest of the last intervals, and 3 s for the line."""
    assert delay_s(known, DSMR_4, is_news=True) == after_s


@pytest.mark.parametrize("stale_s", [5.0, 15.0, 60.0])
@pytest.mark.parametrize("every_s", [0.5, 1.0, 4.0, 10.0, 40.0])
def test_a_telegram_is_never_taken_to_be_older_than_any_reading(stale_s: float, every_s: float) -> None:
    """A smart meter of DSMR 5 is like any that is asked each second."""
    settings = ControlSettings(meter_stale_s=stale_s)
    assert delay_s((every_s,) * KEPT, settings, is_news=True) <= delay_s((), settings, is_news=False)


@pytest.mark.parametrize(
    ("known", "period_s", "after_s"),
    [
        ((), 1.0, 2.5),
        ((10.0, 10.0), 1.0, 2.5),  # two may be chance
        (TENS, 1.0, 15.0),
        ((10.0, 10.0, 20.0), 1.0, 15.0),  # a lost one is no reason to wait longer for the next
        ((1.0, 3.0, 3.0), 1.0, 2.5),
        ((1.0, 1.0, 1.0), 1.0, 2.5),
        ((4.0, 4.0, 4.0), 4.0, 10.0),
    ],
)
def test_a_reading_is_late_when_the_next_is_overdue(known: Intervals, period_s: float, after_s: float) -> None:
    """By the shortest of the last intervals, and by the period where the meter is asked."""
    assert late_after_s(known, period_s) == after_s


def test_the_last_intervals_tell() -> None:
    """What was before is forgotten."""
    known: Intervals = ()
    for gap_s in (1.0, 2.0, 3.0, 4.0):
        known = with_interval(known, gap_s)
    assert known == (2.0, 3.0, 4.0)
