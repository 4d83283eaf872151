"""The meter's register by quarter-hours, as a report reads it, when the clock was wrong for a while."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from edge.storage.session_file import Register, in_order

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def noted(*off: timedelta) -> list[Register]:
    """A quarter-hour after the other, each by a clock that is off by so much."""
    quarter = timedelta(minutes=15)
    return [Register(NOON + number * quarter + wrong, Decimal(1000 * number)) for number, wrong in enumerate(off)]


@pytest.mark.parametrize("wrong", [timedelta(days=365), timedelta(days=-300)])
@pytest.mark.parametrize("place", [0, 4, 6])
def test_what_was_noted_by_a_wrong_clock_is_left_out(wrong: timedelta, place: int) -> None:
    """Ahead or behind, at the start of the gateway, in between, or until now."""
    off = [timedelta(0)] * 8
    off[place : place + 2] = [wrong] * 2
    found = noted(*off)
    fits = (wrong > timedelta(0)) is (place == 6)  # before all others it may be true; so it may behind them
    assert in_order(found) == (found if fits and place in (0, 6) else found[:place] + found[place + 2 :])


def test_all_of_a_right_clock_is_there() -> None:
    """Two at one instant, too, as when the clock was set back by a quarter-hour."""
    found = noted(timedelta(0), timedelta(0), timedelta(minutes=-15), timedelta(0))
    assert in_order(found) == found
    assert in_order([]) == []
