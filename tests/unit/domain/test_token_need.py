"""When a car whose token says so is to be ready."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from edge.domain.token import TokenNeed

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
SANTIAGO = ZoneInfo("America/Santiago")  # its clocks jump at midnight


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("since", "ready_by", "zone", "expected"),
    [
        ("2026-11-21T20:00+01:00", time(5, 30), COPENHAGEN, "2026-11-22T05:30+01:00"),  # overnight
        ("2026-11-21T02:00+01:00", time(5, 30), COPENHAGEN, "2026-11-21T05:30+01:00"),  # the same morning
        ("2026-11-21T05:30+01:00", time(5, 30), COPENHAGEN, "2026-11-22T05:30+01:00"),  # that moment is now
        ("2026-11-20T23:30+00:00", time(0, 15), COPENHAGEN, "2026-11-22T00:15+01:00"),  # past midnight at the site
        ("2026-12-31T20:00+01:00", time(0, 0), COPENHAGEN, "2027-01-01T00:00+01:00"),
        # Summer time begins on 2026-03-29 at 02:00.
        ("2026-03-28T20:00+01:00", time(5, 30), COPENHAGEN, "2026-03-29T05:30+02:00"),
        ("2026-03-28T20:00+01:00", time(2, 30), COPENHAGEN, "2026-03-29T03:00+02:00"),  # there is no 02:30
        ("2026-03-28T20:00+01:00", time(2, 0), COPENHAGEN, "2026-03-29T03:00+02:00"),
        ("2026-03-28T20:00+01:00", time(1, 59), COPENHAGEN, "2026-03-29T01:59+01:00"),
        ("2026-03-29T03:00+02:00", time(2, 30), COPENHAGEN, "2026-03-30T02:30+02:00"),
        ("2026-09-05T20:00-04:00", time(0, 20), SANTIAGO, "2026-09-06T01:00-03:00"),
        # It ends on 2026-10-25 at 03:00.
        ("2026-10-24T20:00+02:00", time(5, 30), COPENHAGEN, "2026-10-25T05:30+01:00"),
        ("2026-10-24T20:00+02:00", time(2, 30), COPENHAGEN, "2026-10-25T02:30+02:00"),  # the first of two
        ("2026-10-25T02:10+01:00", time(2, 30), COPENHAGEN, "2026-10-26T02:30+01:00"),  # it was
        ("2026-10-25T02:40+02:00", time(2, 30), COPENHAGEN, "2026-10-26T02:30+01:00"),
    ],
)
def test_the_next_such_moment(since: str, ready_by: time, zone: ZoneInfo, expected: str) -> None:
    """By the site's clock, across both changes of it."""
    found = TokenNeed(energy_wanted_wh=180_000.0, ready_by=ready_by).departure(at(since), zone)
    assert (found, found.tzinfo) == (at(expected), UTC)
