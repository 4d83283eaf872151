"""How much work others may cause: whoever they are, and however they divide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bms.pace import Pace

PER_S = 400.0
MOST_AT_ONCE = 85


@given(work=st.lists(st.tuples(st.integers(1, MOST_AT_ONCE), st.floats(0, 0.5)), min_size=1, max_size=60))
def test_no_more_than_its_rate(work: list[tuple[int, float]]) -> None:
    """Who waits as long as told, and longer as he likes, is through with no more than the rate and one batch."""
    pace, now, done = Pace(PER_S), 0.0, 0
    for count, idle_s in work:
        assert done <= PER_S * now + 1e-6
        done += count
        now += pace.done(count, now) + idle_s


def test_idleness_saves_nothing_up() -> None:
    """After an hour without a request the first batch waits as the one before did."""
    pace = Pace(PER_S)
    assert pace.done(40, 0.0) == pytest.approx(pace.done(40, 3600.0)) == 0.1


def test_all_share_one_pace() -> None:
    """Who comes while others are still to be paid for waits for them too."""
    pace = Pace(PER_S)
    waits_s = [pace.done(40, 0.0) for _ in range(10)]
    assert waits_s[-1] == pytest.approx(10 * waits_s[0])
