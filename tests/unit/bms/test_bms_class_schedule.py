"""The hours of a class: which rank, whether it is open, and when that is said."""

from datetime import UTC, date, datetime, time

import pytest

from edge.bms.calendar import Weekday
from edge.bms.class_schedule import ClassSchedule, OpenHours, RankHours
from edge.chance import SystemChance
from edge.domain.opening import AtClose, ClassHour
from tests.unit.bms.bms_site import Hands

WEEKDAYS = frozenset(Weekday) - {Weekday.SATURDAY, Weekday.SUNDAY}
OPEN = OpenHours(
    begins=time(7),
    ends=time(18, 30),
    days=WEEKDAYS,
    except_dates=frozenset({date(2026, 12, 25)}),
    at_close=AtClose.REDUCE,
)
MARKET = OpenHours(begins=time(9), ends=time(12), days=frozenset({Weekday.SATURDAY}), at_close=AtClose.REDUCE)
MORNING = RankHours(begins=time(5), ends=time(9), rank=2)
EARLY = RankHours(begins=time(5), ends=time(6), rank=0)


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.hours: list[ClassHour] = []

    def take(self, fact: ClassHour) -> None:
        self.hours.append(fact)


def schedule(told: Told, *, random_delay_s: float | None = None) -> ClassSchedule:
    return ClassSchedule(
        "guests",
        rank_hours=[MORNING, EARLY],
        open_hours=[OPEN, MARKET],
        timezone="Europe/Copenhagen",
        sink=told,
        random_delay_s=random_delay_s,
        chance=SystemChance(),
    )


def at(local: str) -> Hands:
    """A clock in winter, by the local time of Copenhagen."""
    return Hands(wall=datetime.fromisoformat(f"{local}+01:00").astimezone(UTC))


@pytest.mark.parametrize(
    ("local", "holds"),
    [
        ("2026-11-23 04:59", (None, AtClose.REDUCE)),  # a Monday
        ("2026-11-23 05:00", (0, AtClose.REDUCE)),
        ("2026-11-23 06:00", (2, AtClose.REDUCE)),
        ("2026-11-23 07:00", (2, None)),
        ("2026-11-23 09:00", (None, None)),
        ("2026-11-23 18:30", (None, AtClose.REDUCE)),
        ("2026-11-28 10:00", (None, None)),  # a Saturday
        ("2026-11-28 12:00", (None, AtClose.REDUCE)),
        ("2026-12-25 10:00", (None, AtClose.REDUCE)),  # a Friday that is excepted
    ],
)
def test_hours_add_up_and_the_lowest_rank_counts(local: str, holds: tuple[int | None, AtClose | None]) -> None:
    """Any of the opening hours opens; of ranks that hold at once the one that is served first."""
    assert schedule(Told()).holds(at(local)) == holds


def test_a_class_with_ranks_only_is_always_open() -> None:
    """Hours of a rank say nothing of whether it may charge."""
    ranks = ClassSchedule("vans", rank_hours=[MORNING], open_hours=[], timezone="UTC", sink=Told())
    assert ranks.holds(at("2026-11-23 03:00")) == (None, None)


def test_it_is_said_when_it_changes_and_only_then() -> None:
    """From the first tick on; a class and not a circuit."""
    told, clock = Told(), at("2026-11-23 18:29")
    hours = schedule(told)
    for _ in range(120):
        assert hours.observe({}, clock) is None
        clock.pass_s(1)
    assert [(each.class_id, each.closed) for each in told.hours] == [("guests", None), ("guests", AtClose.REDUCE)]
    assert told.hours[1].at - told.hours[0].at == 60


def test_without_the_time_a_class_is_open() -> None:
    """At its own rank, and at once, also with a delay by chance; so no reboot without a network stops the cars."""
    told, clock = Told(), at("2026-11-23 05:30")
    hours = schedule(told, random_delay_s=1800)
    hours.observe({}, clock)
    clock.trusted = False
    hours.observe({}, clock)
    assert [(each.rank, each.closed) for each in told.hours] == [(0, AtClose.REDUCE), (None, None)]
