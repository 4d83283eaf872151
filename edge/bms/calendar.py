"""Hours of the week and of dates, in local time, so that daylight saving changes nothing but the clock.

Whether they hold is asked of the local time anew with each tick: an hour that the clock skips in spring doesn't happen,
one that it repeats in autumn happens twice, and a step of the clock is followed at once.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from edge.chance import Chance
from edge.clock import Clock
from edge.units import Seconds

T = TypeVar("T")


class Weekday(StrEnum):
    """A day of the week, as the site file writes it."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


WEEK = tuple(Weekday)


class OnHolidays(StrEnum):
    """What a rule does on a public holiday."""

    AS_WEEKDAY = "as_weekday"  # what it does on the day of the week that it is
    OFF = "off"
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From ``begins`` to ``ends`` (not included) on days of the week, or on dates. When ``ends`` isn't later
    than ``begins``, it is on the day after.
    """

    begins: time
    ends: time
    days: frozenset[Weekday] = frozenset(WEEK)
    dates: frozenset[date] = frozenset()  # on these too, whatever day they are
    except_dates: frozenset[date] = frozenset()
    holidays: OnHolidays = OnHolidays.AS_WEEKDAY
    public: Container[date] = frozenset()  # the public holidays

    def holds(self, local: datetime) -> bool:
        """Whether it is one of these hours."""
        clock, today = local.time(), local.date()
        if self.begins < self.ends:
            return self.begins <= clock < self.ends and self._is_on(today)
        if clock >= self.begins:
            return self._is_on(today)
        return clock < self.ends and self._is_on(today - timedelta(days=1))

    def _is_on(self, day: date) -> bool:
        if day in self.except_dates:
            return False
        if day in self.dates:
            return True
        if self.holidays is not OnHolidays.AS_WEEKDAY and day in self.public:
            return self.holidays is OnHolidays.ON
        return WEEK[day.weekday()] in self.days


class Change(Generic[T]):
    """Says when what the calendar brings is another than before.

    ``random_delay_s``: each change comes later by chance, up to so much (The Electric Vehicles (Smart Charge Points)
    Regulations 2021, reg. 11: 600 s, at most 1800), so that a country's cars don't start in one second. Not so at the
    start, nor while the clock is lost: those aren't the calendar's changes, and come at once.
    """

    def __init__(self, random_delay_s: Seconds | None, chance: Chance) -> None:
        self._random_delay_s = random_delay_s
        self._chance = chance
        self._last: T | None = None
        self._next: T | None = None
        self._due: Seconds = 0.0

    def is_due(self, value: T, clock: Clock) -> bool:
        """Whether ``value``, which the calendar brings now, is to be said now."""
        now = clock.monotonic()
        if value != self._next:
            self._next, self._due = value, now + self._delay_s(clock)
        if value == self._last or now < self._due:
            return False
        self._last = value
        return True

    def _delay_s(self, clock: Clock) -> Seconds:
        """Whole seconds, drawn anew for each change."""
        if self._random_delay_s is None or self._last is None or not clock.wall_is_trusted():
            return 0.0
        return float(int(self._chance.fraction() * (int(self._random_delay_s) + 1)))
