"""Weekly hours in which a circuit may carry less: local time, so that daylight saving changes nothing but the clock.

Whether a rule holds is asked of the local time anew with each tick: an hour that the clock skips in spring doesn't
happen, one that it repeats in autumn happens twice, and a step of the clock is followed at once.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Amps, Seconds, Watts


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
class Rule:
    """A limit from ``begins`` to ``ends`` (not included) on days of the week, or on dates. When ``ends`` isn't later
    than ``begins``, it is on the day after.
    """

    begins: time
    ends: time
    days: frozenset[Weekday] = frozenset(WEEK)
    dates: frozenset[date] = frozenset()  # on these too, whatever day they are
    except_dates: frozenset[date] = frozenset()
    holidays: OnHolidays = OnHolidays.AS_WEEKDAY
    public: Container[date] = frozenset()  # the public holidays
    limit_a: Amps | None = None
    limit_w: Watts | None = None

    def holds(self, local: datetime) -> bool:
        """Whether the rule holds at this local time."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The lowest of what rules allow; None: no limit."""

    limit_a: Amps | None
    limit_w: Watts | None

    @classmethod
    def by(cls, rules: Sequence[Rule]) -> "Allowed":
        return cls(
            limit_a=min((rule.limit_a for rule in rules if rule.limit_a is not None), default=None),
            limit_w=min((rule.limit_w for rule in rules if rule.limit_w is not None), default=None),
        )


class Schedule:
    """The rules of one circuit. Implements :class:`edge.bms.watches.Watch`.

    While the wall clock isn't to be believed all of them hold: what isn't known is taken for the worse.
    ``random_delay_s``: each change that the calendar brings comes later by chance, up to so much (The Electric Vehicles
    (Smart Charge Points) Regulations 2021, reg. 11: 600 s, at most 1800), so that a country's cars don't start in one
    second. What outsiders and fuses limit doesn't come through here, and is never delayed.
    """

    def __init__(
        self,
        circuit: str,
        rules: Sequence[Rule],
        timezone: str,
        *,
        random_delay_s: Seconds | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._circuit = circuit
        self._rules = tuple(rules)
        self._timezone = ZoneInfo(timezone)
        self._random_delay_s = random_delay_s
        self._chance = chance if chance is not None else SystemChance()
        self._last: Allowed | None = None
        self._next: Allowed | None = None
        self._due: Seconds = 0.0

    def allowed(self, clock: Clock) -> Allowed:
        """What the rules allow now."""
        if not clock.wall_is_trusted():
            return Allowed.by(self._rules)
        local = clock.wall().astimezone(self._timezone)
        return Allowed.by([rule for rule in self._rules if rule.holds(local)])

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:  # noqa: ARG002 - a watch's
        allowed, now = self.allowed(clock), clock.monotonic()
        if allowed != self._next:
            self._next, self._due = allowed, now + self._delay_s(clock)
        if allowed == self._last or now < self._due:
            return None
        self._last = allowed
        return LimitStated(
            source=LimitSource.SCHEDULE,
            circuit=self._circuit,
            at=now,
            limit_a=allowed.limit_a,
            limit_w=allowed.limit_w,
        )

    def _delay_s(self, clock: Clock) -> Seconds:
        """Whole seconds, drawn anew for each change. None of it at the start, or where the clock was lost: those aren't
        the calendar's changes, and lower at once.
        """
        if self._random_delay_s is None or self._last is None or not clock.wall_is_trusted():
            return 0.0
        return float(int(self._chance.fraction() * (int(self._random_delay_s) + 1)))
