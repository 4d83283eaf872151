"""Surplus mode: what counts as the sun's, when cars begin and stop, how it is shared, what the decision makes of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allocation.decide import decide
from edge.allocation.memory import Memory
from edge.bms.eco import EcoMode
from edge.bms.surplus import SunCar, SurplusSettings, SurplusState, advanced, surplus_w
from edge.bms.surplus_watch import SurplusWatch
from edge.control.board import Board
from edge.domain.limit import EvseCapped
from edge.domain.setpoint import Reason
from edge.domain.site import EvseKey, Meter, Site, Station
from edge.domain.station import SessionBegan, StationOnline
from tests.unit.bms.bms_site import Hands, report, site

SETTINGS = SurplusSettings(start_s=60.0, stop_s=180.0)


def car(number: int, *, max_a: float = 16.0) -> SunCar:
    """On one phase: 1380 W at least."""
    return SunCar(key=EvseKey(station=f"CP-{number}", evse=1), min_a=6.0, max_a=max_a, per_amp_w=230.0)


ONE, TWO = car(1), car(2)


class Day:
    """Cars, the sun, and time."""

    def __init__(self, *cars: SunCar, settings: SurplusSettings = SETTINGS) -> None:
        self.cars, self.settings = cars, settings
        self.now, self.state = 0.0, SurplusState()
        self.caps: Mapping[EvseKey, float] = {}

    def pass_s(self, seconds: int, available_w: float | None) -> "Day":
        for _ in range(seconds):
            self.now += 1
            self.state, self.caps = advanced(
                self.state, self.settings, now=self.now, available_w=available_w, cars=self.cars
            )
        return self

    @property
    def allowed_a(self) -> list[float]:
        return [round(self.caps[each.key], 2) for each in self.cars]


@pytest.mark.parametrize(
    ("grid_w", "cars_w", "battery_w", "counts", "expected_w"),
    [
        (-3000.0, 0.0, 0.0, False, 3000.0),
        (-1000.0, 2000.0, 0.0, False, 3000.0),
        (500.0, 2000.0, 0.0, False, 1500.0),
        (5000.0, 2000.0, 0.0, False, 0.0),
        (-3000.0, 0.0, -2500.0, False, 500.0),
        (-3000.0, 0.0, -2500.0, True, 3000.0),
        (-500.0, 0.0, 2500.0, False, 500.0),
    ],
)
def test_what_is_surplus(grid_w: float, cars_w: float, battery_w: float, counts: bool, expected_w: float) -> None:
    """What flows out and what the cars take of it; a battery's discharge only where it counts, its charge never."""
    assert surplus_w(grid_w=grid_w, cars_w=cars_w, battery_w=battery_w, battery_counts=counts) == expected_w


def test_a_car_begins_when_there_was_enough_for_a_while() -> None:
    """At the threshold or its minimum, whichever is more, without a break."""
    day = Day(ONE)
    assert day.pass_s(60, 1400.0).allowed_a == [0.0]
    assert day.pass_s(1, 1400.0).allowed_a == [6.09]
    careful = Day(ONE, settings=replace(SETTINGS, start_w=2000.0))
    assert careful.pass_s(300, 1999.0).allowed_a == [0.0]
    broken = Day(ONE).pass_s(59, 1400.0).pass_s(1, 1000.0)
    assert broken.pass_s(60, 1400.0).allowed_a == [0.0]


def test_a_cloud_that_passes_stops_nobody() -> None:
    """It keeps its minimum while too little is left, and stops after that has lasted."""
    day = Day(ONE).pass_s(61, 3000.0)
    assert day.pass_s(180, 500.0).allowed_a == [6.0]
    assert day.pass_s(1, 500.0).allowed_a == [0.0]
    passing = Day(ONE).pass_s(61, 3000.0).pass_s(170, 500.0).pass_s(5, 3000.0)
    assert passing.pass_s(170, 500.0).allowed_a == [6.0]


def test_a_meter_that_is_silent_is_no_sun() -> None:
    """Nobody begins; who charges stops after the same time."""
    assert Day(ONE).pass_s(600, None).allowed_a == [0.0]
    assert Day(ONE).pass_s(61, 3000.0).pass_s(181, None).allowed_a == [0.0]


def test_cars_begin_one_after_the_other_and_the_last_stops_first() -> None:
    """Each when there is enough for one more; the rest above the minima is shared."""
    day = Day(ONE, TWO).pass_s(61, 2700.0)
    assert day.allowed_a == [11.74, 0.0]
    assert day.pass_s(61, 3220.0).allowed_a == [7.0, 7.0]
    assert day.pass_s(181, 2000.0).allowed_a == [8.7, 0.0]


def test_who_can_use_little_leaves_the_rest() -> None:
    """To those who can use more."""
    small, large = car(1, max_a=8.0), car(2, max_a=32.0)
    assert Day(small, large).pass_s(130, 230.0 * 30).allowed_a == [8.0, 22.0]


def test_a_car_that_leaves_gives_its_place() -> None:
    """What it had is the others'."""
    day = Day(ONE, TWO).pass_s(130, 3220.0)
    day.cars = (TWO,)
    assert day.pass_s(1, 3220.0).allowed_a == [14.0]


def test_several_that_the_sun_does_not_carry_stop_together() -> None:
    """What is left carries one of three; the two that began last stop, when too little has lasted."""
    three = car(3)
    day = Day(ONE, TWO, three).pass_s(190, 230.0 * 24)
    assert day.allowed_a == [8.0, 8.0, 8.0]
    assert day.pass_s(180, 1500.0).allowed_a == [6.0, 6.0, 6.0]
    assert day.pass_s(1, 1500.0).allowed_a == [6.52, 0.0, 0.0]


def test_a_full_car_gives_its_place_to_one_that_waits() -> None:
    """A minute after it was let on and took nothing; then it is the last to be tried again."""
    full = replace(ONE, draws=False)
    day = Day(full, TWO).pass_s(61, 1400.0)
    assert day.allowed_a == [6.09, 0.0]
    day.pass_s(60 + 61, 1400.0)
    assert day.allowed_a == [0.0, 6.09]
    assert day.pass_s(3600, 1400.0).allowed_a == [0.0, 6.09]


def test_cars_that_take_nothing_are_tried_in_turn() -> None:
    """A quarter of an hour each, so that one that would wake later gets its chance; alone, one keeps its place."""
    day = Day(replace(ONE, draws=False), replace(TWO, draws=False)).pass_s(61 + 60 + 61, 1400.0)
    served = []
    for _ in range(4):
        served.append([amps > 0 for amps in day.allowed_a])
        day.pass_s(900 + 61, 1400.0)
    assert served == [[False, True], [True, False], [False, True], [True, False]]
    alone = Day(replace(ONE, draws=False)).pass_s(61, 1400.0)
    assert alone.pass_s(7200, 1400.0).allowed_a == [6.09]


def test_a_full_car_stays_where_there_is_enough_for_all() -> None:
    """And its part is the others' as far as they can use it."""
    day = Day(replace(ONE, draws=False), TWO).pass_s(61 + 61 + 3600, 230.0 * 12)
    assert day.allowed_a == [6.0, 6.0]


@given(
    course=st.lists(st.tuples(st.integers(1, 400), st.none() | st.floats(0, 20_000)), max_size=12),
    cars=st.lists(st.tuples(st.floats(6, 32), st.sampled_from([230.0, 690.0]), st.booleans()), min_size=1, max_size=4),
)
def test_no_more_than_the_sun_gives_is_handed_out(
    course: list[tuple[int, float | None]], cars: list[tuple[float, float, bool]]
) -> None:
    """But for minima of cars that sit a cloud out; each between its minimum and its maximum, or at nothing."""
    fleet = [
        SunCar(key=EvseKey(station=f"CP-{number}", evse=1), min_a=6.0, max_a=max_a, per_amp_w=per_amp_w, draws=draws)
        for number, (max_a, per_amp_w, draws) in enumerate(cars)
    ]
    day = Day(*fleet)
    for seconds, available_w in course:
        day.pass_s(seconds, available_w)
        on = [each for each in fleet if day.caps[each.key] > 0]
        total_w = sum(day.caps[each.key] * each.per_amp_w for each in on)
        assert total_w <= max(available_w or 0.0, sum(each.min_w for each in on)) + 1e-6
        assert all(each.min_a <= day.caps[each.key] <= each.max_a + 1e-9 for each in on)


def sunny_site() -> Site:
    """The first station lives on surplus; a meter sees the battery."""
    base = site()
    first, second = base.stations
    sunny = Station(id=first.id, evses=tuple(replace(evse, on_surplus=True) for evse in first.evses))
    battery = Meter(id="battery", model="eastron_sdm630", connection="tcp://127.0.0.1:2")
    return replace(base, stations=(sunny, second), meters=(*base.meters, battery))


def seen(
    *,
    grid_w: float,
    battery_w: float | None,
    draw_a: float = 0.0,
    status: str = "Charging",
    sampled_a: float | None = None,
    told_a: float | None = None,
    age_s: float = 0.0,
) -> dict[str, Any]:
    """``sampled_a``: what the samples of the last while come to, where it isn't the car's ``draw_a``. ``told_a`` is its
    limit, ``age_s`` how long ago it was sampled.
    """
    found = report()
    found["circuits"][0]["draw_a"] = [draw_a if sampled_a is None else sampled_a, 0.0, 0.0]
    found["meters"][0]["power_w"] = grid_w
    found["meters"].append({"id": "battery", "ok": True, "age_s": 0.1, "power_w": battery_w, "current_a": None})
    found["stations"][0]["evses"][0] |= {
        "transaction_id": "7",
        "phases_in_use": ["L1"],
        "draw_a": [draw_a, 0.0, 0.0],
        "draw_age_s": age_s,
        "limit_a": told_a,
        "status": status,
    }
    found["stations"][1]["evses"][0] |= {"transaction_id": "8", "phases_in_use": ["L1", "L2", "L3"]}
    return found


class Caps:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[EvseCapped] = []

    def take(self, fact: EvseCapped) -> None:
        self.taken.append(fact)


def watched(*reports: dict[str, Any], counts: bool = False) -> list[float]:
    """What is stated over the seconds of these reports."""
    caps, clock = Caps(), Hands()
    watch = SurplusWatch(
        sunny_site(), SETTINGS, eco=EcoMode(possible=True), battery="battery", battery_counts=counts, sink=caps
    )
    for each in reports:
        assert watch.observe(each, clock) is None
        clock.pass_s(1)
    assert {each.key.station for each in caps.taken} == {"CP-01"}
    return [round(each.limit_a, 2) for each in caps.taken if each.limit_a is not None]


def test_the_watch_reads_the_report() -> None:
    """The grid's meter, the battery's, and what the cars draw already; what doesn't change isn't stated again."""
    assert watched(*[seen(grid_w=-2300.0, battery_w=0.0)] * 100) == [0.0, 10.0]
    assert watched(*[seen(grid_w=-2300.0, battery_w=-2000.0)] * 100) == [0.0]
    assert watched(*[seen(grid_w=-2300.0, battery_w=-2000.0)] * 100, counts=True) == [0.0, 10.0]
    assert watched(*[seen(grid_w=0.0, battery_w=0.0, draw_a=8.0)] * 100) == [0.0, 8.0]
    assert watched(*[seen(grid_w=-2300.0, battery_w=None)] * 100) == [0.0]


@pytest.mark.parametrize(("age_s", "stated"), [(4.9, [0.0, 10.0]), (5.1, [0.0])])
def test_a_poll_that_fails_is_no_cloud(age_s: float, stated: list[float]) -> None:
    """On a line that loses an answer now and then no car ever began: each began the wait for enough sun anew. A meter's
    reading counts until it is stale."""
    missed = seen(grid_w=-2300.0, battery_w=0.0)
    missed["meters"][0] |= {"ok": False, "problem": "no answer", "age_s": age_s}
    assert watched(*[*[seen(grid_w=-2300.0, battery_w=0.0)] * 20, missed] * 5) == stated


@pytest.mark.parametrize("status", ["SuspendedEV", "SuspendedEVSE", "Finishing"])
def test_what_was_drawn_before_a_pause_is_not_drawn_any_more(status: str) -> None:
    """A station that samples nothing while it pauses leaves its last sample (evcc issue 23323): with it there seemed to
    be sun enough, and the car began again on what the grid gives."""
    stale = seen(grid_w=0.0, battery_w=0.0, draw_a=8.0, status=status, sampled_a=0.0)
    assert watched(*[stale] * 100) == [0.0]
    sunny = seen(grid_w=-2300.0, battery_w=0.0, draw_a=8.0, status=status, sampled_a=0.0)
    assert watched(*[sunny] * 100) == [0.0, 10.0]


def test_a_station_that_says_paused_while_it_charges_is_believed_what_it_samples() -> None:
    """One make says SuspendedEVSE for the whole session, while its samples tell of the draw (evcc request 33911)."""
    drawing = seen(grid_w=0.0, battery_w=0.0, draw_a=8.0, status="SuspendedEVSE")
    assert watched(*[drawing] * 100) == [0.0, 8.0]


def test_what_a_raise_takes_is_no_cloud() -> None:
    """The meter shows at once what the car draws of a raise, its station up to 10 s later: meanwhile what was known of
    the sun stands, but for what even a car that hasn't followed yet, or has, can't explain."""
    waits = [seen(grid_w=-2300.0, battery_w=0.0, told_a=0.0)] * 70
    unseen = [seen(grid_w=0.0, battery_w=0.0, told_a=10.0, age_s=float(age_s)) for age_s in range(12)]
    known = [seen(grid_w=0.0, battery_w=0.0, told_a=10.0, draw_a=10.0)] * 5
    assert watched(*waits, *unseen, *known) == [0.0, 10.0]
    cloud = [seen(grid_w=460.0, battery_w=0.0, told_a=10.0, age_s=float(age_s)) for age_s in range(12)]
    assert watched(*waits, *cloud) == [0.0, 10.0, 8.0]
    more = [seen(grid_w=-2760.0, battery_w=0.0, told_a=10.0, age_s=float(age_s)) for age_s in range(12)]
    assert watched(*waits, *more) == [0.0, 10.0, 12.0]


def test_what_a_cut_leaves_is_no_sun() -> None:
    """Until a sample is of later than the car may have come down."""
    draws = [seen(grid_w=0.0, battery_w=0.0, told_a=10.0, draw_a=10.0)] * 80
    cloud = [seen(grid_w=460.0, battery_w=0.0, told_a=10.0, draw_a=10.0)]
    cut = [seen(grid_w=0.0, battery_w=0.0, told_a=8.0, draw_a=10.0, age_s=float(age_s)) for age_s in range(12)]
    known = [seen(grid_w=0.0, battery_w=0.0, told_a=8.0, draw_a=8.0)] * 5
    assert watched(*draws, *cloud, *cut, *known) == [0.0, 10.0, 8.0]


def test_what_others_draw_is_not_the_paused_car_s() -> None:
    """What is sampled of late is first what those draw who don't pause."""
    both = seen(grid_w=0.0, battery_w=0.0, draw_a=8.0, status="SuspendedEV", sampled_a=8.0)
    both["stations"][1]["evses"][0] |= {"status": "Charging", "draw_a": [8.0, 0.0, 0.0]}
    assert watched(*[both] * 100) == [0.0]


def test_the_decision_keeps_to_it() -> None:
    """A car that lives on the sun gets no more than that leaves, and is told why; others aren't held by it."""
    board = Board(sunny_site(), started_at=0.0)
    keys = [evse.key for evse in board.site.evses]
    for key in keys:
        board.take(StationOnline(station=key.station, at=0.0))
        board.take(SessionBegan(key=key, at=0.0, transaction_id="7"))
    board.take(EvseCapped(key=keys[0], at=0.0, limit_a=0.0))
    board.take(EvseCapped(key=EvseKey(station="gone", evse=1), at=0.0, limit_a=0.0))
    snapshot = board.snapshot(1.0)
    assert [state.own_limit_a for state in snapshot.evses] == [0.0, None]
    setpoint = decide(snapshot, Memory()).setpoints[0]
    assert setpoint.reason in (Reason.SURPLUS, Reason.STATION_NEW, Reason.METER_STALE)
