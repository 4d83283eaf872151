"""What a person writes for an energy and a departure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import typer

from edge.cli.need import departure, departure_at, energy_wh

COPENHAGEN = ZoneInfo("Europe/Copenhagen")  # summer time until 2026-10-25 03:00
NOW = datetime(2026, 10, 24, 14, 30, tzinfo=UTC)  # 16:30 at the site


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12kWh", 12_000.0), ("12.5 kwh", 12_500.0), (" 800 Wh ", 800.0), ("0kWh", 0.0), ("6,5 kWh", 6500.0)],
)
def test_an_energy_has_its_unit(text: str, expected: float) -> None:
    """In kWh or Wh, large or small letters; a decimal comma is as good as a point."""
    assert energy_wh(text) == expected


@pytest.mark.parametrize(
    "text", ["12", "12 kW", "-1kWh", "1e3kWh", "kWh", "1,250kWh", "", "9" * 400 + "kWh", "\u0661kWh"]
)
def test_what_is_no_energy_is_told(text: str) -> None:
    """A number alone could be either unit, and three digits behind a comma thousands."""
    with pytest.raises(typer.BadParameter, match="is no energy: give it with its unit, like 12kWh"):
        energy_wh(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17:00", datetime(2026, 10, 24, 15, 0, tzinfo=UTC)),  # today
        ("16:30", datetime(2026, 10, 25, 15, 30, tzinfo=UTC)),  # is over: tomorrow, in winter time
        ("7:05", datetime(2026, 10, 25, 6, 5, tzinfo=UTC)),
        ("2026-11-21T17:00", datetime(2026, 11, 21, 16, 0, tzinfo=UTC)),
        ("2026-11-21 17:00:30", datetime(2026, 11, 21, 16, 0, 30, tzinfo=UTC)),
        ("2026-11-21T17:00Z", datetime(2026, 11, 21, 17, 0, tzinfo=UTC)),
        ("2026-11-21T17:00-05:00", datetime(2026, 11, 21, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_departure_is_by_the_site_s_clock(text: str, expected: datetime) -> None:
    """The next such time of day, across a change of the clocks too; a date and time as it is written."""
    found = departure_at(departure(text, NOW), NOW, COPENHAGEN)
    assert found == expected
    assert found.tzinfo is COPENHAGEN


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-10-25T02:10+01:00", "02:30", "2026-10-25T02:30+01:00"),  # it is 02:30 once more
        ("2026-10-25T02:40+02:00", "02:30", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:10+01:00", "2026-10-25T02:30", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:10+02:00", "02:30", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:40+01:00", "02:30", "2026-10-26T02:30+01:00"),
        ("2026-03-29T01:10+01:00", "02:30", "2026-03-29T03:00+02:00"),  # there is no 02:30
        ("2026-03-29T01:10+01:00", "2026-03-29T02:30", "2026-03-29T03:00+02:00"),
        ("2026-03-29T03:10+02:00", "02:30", "2026-03-30T02:30+02:00"),
    ],
)
def test_a_departure_in_the_night_of_the_change(now: str, text: str, expected: str) -> None:
    """It is never over already: an hour that the clock repeats is twice, and one that it skips is over at its end."""
    at = datetime.fromisoformat(now)
    found = departure_at(departure(text, at), at, COPENHAGEN)
    assert found.isoformat(timespec="minutes") == expected


@pytest.mark.parametrize(
    "text", ["24:00", "17", "17:60", "five", "", "2026-13-01T00:00", "1²:00", "9999-12-31T23:59-14:00"]
)
def test_what_is_no_time_is_told(text: str) -> None:
    """With what would be one."""
    with pytest.raises(typer.BadParameter, match=r"is no time: give one like 17:00, or a date and time like 2026"):
        departure(text, NOW)


@pytest.mark.parametrize("text", ["2026-10-23T14:00", "2026-10-23T16:29+02:00", "0001-01-02T00:00", "2020-01-01"])
def test_what_has_passed_in_every_zone_is_told(text: str) -> None:
    """Without asking the controller. What may be a departure somewhere is the controller's to judge."""
    with pytest.raises(typer.BadParameter, match="has passed: give the time at which the car leaves"):
        departure(text, NOW)
    assert departure("2026-10-24T14:00", NOW) == datetime(2026, 10, 24, 14, 0)  # noqa: DTZ001 - the site's
