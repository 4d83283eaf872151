"""Weekly hours: local time, both ways through daylight saving, dates and exceptions, a clock that isn't set."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge.bms.calendar import OnHolidays, Weekday
from edge.bms.schedule import Allowed, Rule, Schedule
from edge.domain.limit import LimitSource
from edge.public_holidays import public_holidays
from tests.unit.bms.bms_site import Hands

ZONE = ZoneInfo("Europe/Copenhagen")


class Dice:
    """Chance that a seed repeats."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def fraction(self) -> float:
        return self._random.random()

    def token(self, size: int) -> str:
        return self._random.randbytes(size).hex()


WORKING = Rule(
    begins=time(7),
    ends=time(18, 30),
    days=frozenset({Weekday.MONDAY, Weekday.FRIDAY}),
    dates=frozenset({date(2026, 12, 31)}),
    except_dates=frozenset({date(2026, 12, 25)}),
    limit_a=16.0,
)
NIGHT = Rule(begins=time(22), ends=time(6), days=frozenset({Weekday.SATURDAY}), limit_w=11_000.0)


@pytest.mark.parametrize(
    ("local", "holds"),
    [
        ("2026-11-23 06:59", False),  # a Monday
        ("2026-11-23 07:00", True),
        ("2026-11-23 18:29", True),
        ("2026-11-23 18:30", False),
        ("2026-11-24 12:00", False),
        ("2026-12-31 12:00", True),  # a Thursday
        ("2026-12-25 12:00", False),  # a Friday
    ],
)
def test_days_dates_and_exceptions(local: str, holds: bool) -> None:
    """From its begin on, until before its end."""
    assert WORKING.holds(datetime.fromisoformat(local).replace(tzinfo=ZONE)) is holds


@pytest.mark.parametrize(
    ("local", "holds"),
    [
        ("2026-11-21 22:00", True),  # Saturday
        ("2026-11-22 05:59", True),  # the Sunday after
        ("2026-11-22 06:00", False),
        ("2026-11-22 22:00", False),
        ("2026-11-21 05:00", False),  # the night of Friday
    ],
)
def test_a_rule_over_midnight_belongs_to_the_day_it_begins_on(local: str, holds: bool) -> None:
    """Its morning is on the next day."""
    assert NIGHT.holds(datetime.fromisoformat(local).replace(tzinfo=ZONE)) is holds


def hours_held(rule: Rule, day: date) -> float:
    """How many hours of a local day the rule holds, by the minute."""
    begin = datetime.combine(day, time(0), ZONE).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(0), ZONE).astimezone(UTC)
    minutes = int((end - begin).total_seconds() // 60)
    return sum(rule.holds((begin + timedelta(minutes=each)).astimezone(ZONE)) for each in range(minutes)) / 60


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 2.0), (date(2026, 3, 28), 3.0), (date(2026, 10, 25), 4.0)],
    ids=["spring", "ordinary", "autumn"],
)
def test_daylight_saving_skips_and_repeats_an_hour(day: date, hours: float) -> None:
    """01:00 to 04:00 is two hours in spring and four in autumn."""
    assert hours_held(Rule(begins=time(1), ends=time(4), limit_a=16.0), day) == hours


def test_the_lowest_of_what_holds() -> None:
    """In A and in W, each by itself."""
    rules = [Rule(begins=time(0), ends=time(0), limit_a=each) for each in (20.0, 16.0)]
    assert Allowed.by([*rules, NIGHT]) == Allowed(limit_a=16.0, limit_w=11_000.0)


def test_it_is_stated_when_it_changes() -> None:
    """Once at the begin and once at the end; in between the limit stands."""
    clock = Hands(wall=datetime(2026, 11, 23, 5, 59, 59, tzinfo=UTC))  # 06:59:59 in Copenhagen
    schedule = Schedule("garage", [WORKING], "Europe/Copenhagen")
    first = schedule.observe({}, clock)
    assert first is not None
    assert (first.source, first.circuit, first.limit_a) == (LimitSource.SCHEDULE, "garage", None)
    clock.pass_s(1)
    begun = schedule.observe({}, clock)
    assert begun is not None
    assert (begun.limit_a, begun.ends_at) == (16.0, None)
    clock.pass_s(3600)
    assert schedule.observe({}, clock) is None
    clock.pass_s(11 * 3600)
    over = schedule.observe({}, clock)
    assert over is not None
    assert over.limit_a is None


def test_a_step_of_the_clock_is_followed_at_once() -> None:
    """Either way: what holds is asked of the time, not waited for."""
    clock = Hands(wall=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    schedule = Schedule("garage", [WORKING], "Europe/Copenhagen")
    schedule.observe({}, clock)
    clock.at += timedelta(days=1)
    off = schedule.observe({}, clock)
    assert off is not None
    assert off.limit_a is None
    clock.at -= timedelta(days=1)
    on = schedule.observe({}, clock)
    assert on is not None
    assert on.limit_a == 16.0


def test_while_the_clock_is_not_set_every_rule_holds() -> None:
    """A gateway that woke up in 1970 doesn't know what day it is."""
    clock = Hands()
    clock.trusted = False
    schedule = Schedule("garage", [WORKING, NIGHT], "Europe/Copenhagen")
    assert schedule.allowed(clock) == Allowed(limit_a=16.0, limit_w=11_000.0)


@pytest.mark.parametrize(
    ("policy", "christmas", "friday"),
    [(OnHolidays.AS_WEEKDAY, True, True), (OnHolidays.OFF, False, True), (OnHolidays.ON, True, True)],
)
def test_public_holidays(policy: OnHolidays, christmas: bool, friday: bool) -> None:
    """Of the state that is named; a rule treats them as the days they are, or is off, or is on."""
    rule = Rule(
        begins=time(7),
        ends=time(18),
        days=frozenset({Weekday.FRIDAY}),
        holidays=policy,
        public=public_holidays("DE-BY"),
        limit_a=16.0,
    )
    assert rule.holds(datetime(2026, 12, 25, 12)) is christmas  # noqa: DTZ001 - local time
    assert rule.holds(datetime(2026, 12, 18, 12)) is friday  # noqa: DTZ001 - local time
    monday = datetime(2026, 4, 6, 12)  # noqa: DTZ001 - Easter Monday, local time
    assert rule.holds(monday) is (policy is OnHolidays.ON)


def test_a_named_date_comes_before_the_holiday() -> None:
    """Dates are the installer's own word."""
    rule = Rule(
        begins=time(7),
        ends=time(18),
        holidays=OnHolidays.OFF,
        public=public_holidays("DE"),
        dates=frozenset({date(2026, 12, 25)}),
    )
    assert rule.holds(datetime(2026, 12, 25, 12))  # noqa: DTZ001 - local time


@pytest.mark.parametrize("place", ["QQ", "DE-XX"])
def test_holidays_of_nowhere(place: str) -> None:
    """Are an error, not an empty calendar."""
    with pytest.raises(ValueError, match="no holidays of"):
        public_holidays(place)


def changes_s(schedule: Schedule, clock: Hands, *, hours: int) -> list[float]:
    """When limits are stated, in seconds from now."""
    begin, found = clock.now, []
    for _ in range(hours * 3600):
        if schedule.observe({}, clock) is not None:
            found.append(clock.now - begin)
        clock.pass_s(1)
    return found


def test_changes_are_delayed_by_chance() -> None:
    """Begin and end each by their own whole seconds, up to the bound; a change isn't lost by it."""
    rule = Rule(begins=time(14), ends=time(15), limit_a=16.0)
    offsets = set()
    for seed in range(20):
        clock = Hands()  # 13:00 in Copenhagen
        schedule = Schedule("main", [rule], "Europe/Copenhagen", random_delay_s=600, chance=Dice(seed))
        first, begin, end = changes_s(schedule, clock, hours=3)
        assert first == 0
        assert 3600 <= begin <= 4200
        assert 7200 <= end <= 7800
        offsets |= {begin - 3600, end - 7200}
    assert len(offsets) > 20


def test_what_protects_is_not_delayed() -> None:
    """At the start, and when the clock is lost, rules hold at once; without the setting every change is at once."""
    rule = Rule(begins=time(12), ends=time(14), limit_a=16.0)
    clock = Hands()
    schedule = Schedule("main", [rule], "Europe/Copenhagen", random_delay_s=600, chance=Dice(1))
    at_once = schedule.observe({}, clock)
    assert at_once is not None
    assert at_once.limit_a == 16.0
    later = Schedule("main", [Rule(begins=time(20), ends=time(21), limit_a=6.0)], "UTC", random_delay_s=600)
    assert later.observe({}, clock) is not None
    clock.trusted = False
    lost = later.observe({}, clock)
    assert lost is not None
    assert lost.limit_a == 6.0
    prompt = Schedule("main", [Rule(begins=time(14), ends=time(15), limit_a=6.0)], "Europe/Copenhagen")
    assert changes_s(prompt, Hands(), hours=3) == [0, 3600, 7200]
