"""A motor starts in the building: for half a second it draws several times what it runs on, and one reading shows that.

Cars go to their minimum at once; they are stopped only for what a second reading bears out, or what no breaker bears.
"""

from dataclasses import dataclass, field, replace

import pytest

from edge.domain.limit import LimitSource, LimitStated
from edge.domain.setpoint import Purpose
from edge.units import Amps, PhaseAmps, Seconds
from simulators.breaker import Breaker
from tests.unit.allocation.closed_loop import PART_S, ClosedLoop
from tests.unit.allocation.plugs import OBEYS_S
from tests.unit.allocation.practice import L1, L2, L3, Car, Case, Fuse, check_unharmed, main

FUSE_A = 40.0
BASE_A = 6.0  # what the building takes all day
LIFT_A = 25.0  # and for half a second more
CARS = {name: Car(wants_a=16, phases=(L1, L2, L3)) for name in "ABC"}
LIFT = Case(fuses=main(FUSE_A, BASE_A), cars=CARS, expected={"A": 11.3, "B": 11.3, "C": 11.3})


@dataclass
class Course:
    """A site whose copper is looked at each half second."""

    loop: ClosedLoop
    since: Seconds
    breaker: Breaker = field(default_factory=lambda: Breaker(FUSE_A))
    over_s: Seconds = 0.0

    @classmethod
    def of(cls, case: Case) -> "Course":
        loop = case.loop().settle()
        return cls(loop=loop, since=loop.now)

    def run(self, seconds: Seconds) -> "Course":
        for _ in range(round(seconds / PART_S)):
            self.loop.run(PART_S)
            flows = self.loop.measured_a("main")
            self.breaker.carry((flows.l1, flows.l2, flows.l3), PART_S)
            if max(flows) > FUSE_A:
                self.over_s += PART_S
        return self

    def load(self, *amps: Amps) -> "Course":
        self.loop.load("main", *(amps * 3 if len(amps) == 1 else amps))
        return self

    def inrush(self, more_a: Amps = LIFT_A, *, phases: int = 3, lasts_s: Seconds = PART_S) -> "Course":
        """It begins now, when the meter is read, and is over after ``lasts_s``."""
        self.load(*(BASE_A + (more_a if number < phases else 0.0) for number in range(3)))
        return self.run(lasts_s).load(BASE_A)

    @property
    def told(self) -> list[tuple[Seconds, str, Amps]]:
        """What sessions were told since the beginning: when, who, how much."""
        return [
            (at - self.since, command.key.station, command.limit_a)
            for at, command in self.loop.written
            if at >= self.since and command.purpose is Purpose.SESSION
        ]

    @property
    def stops(self) -> list[tuple[Seconds, str]]:
        return [(at, name) for at, name, amps in self.told if amps == 0]

    @property
    def energy_wh(self) -> float:
        return sum(plug.energy_wh for plug in self.loop.plugs.values())


def test_a_lift_that_starts_eight_times_stops_nobody() -> None:
    """Eight starts in twelve minutes, each in one reading: no stop, no second over the fuse but those of the starts
    themselves, and of the energy that there would be without them three quarters at least."""
    calm = Course.of(LIFT)
    began_wh = calm.energy_wh
    calm_wh = calm.run(720).energy_wh - began_wh
    course = Course.of(LIFT)
    for _ in range(8):
        course.inrush().run(90 - PART_S)
    assert course.stops == []
    assert course.over_s == 8 * PART_S
    assert not course.breaker.tripped
    assert course.energy_wh - began_wh > 0.75 * calm_wh
    assert course.loop.settle().told == pytest.approx({"A": 11.3, "B": 11.3, "C": 11.3}, abs=0.11)
    check_unharmed(course.loop)


def test_all_go_to_their_minimum_with_the_first_reading() -> None:
    """Whatever it is, cars come down in the tick that sees it; and each says why it isn't stopped."""
    course = Course.of(LIFT)
    course.inrush()
    assert course.told == [(0.0, name, 6.0) for name in "ABC"]
    sentences = [course.loop.reason(name) for name in "ABC"]
    assert sentences[0].startswith("6.0 A: main L1 is full"), sentences
    assert sentences[1:] == [
        "6.0 A: its minimum stays: one reading alone has shown main L1 so full (49.0 of 40 A)" for _ in "BC"
    ]


def test_a_load_that_stays_stops_cars_one_reading_later() -> None:
    """The second reading bears it out: who has no room is stopped then, and the fuse carries too much no longer than a
    reading and the cars' obedience take, one reading more than if nobody had waited."""
    course = Course.of(LIFT).load(BASE_A + LIFT_A)
    course.run(60)
    assert course.told[:3] == [(0.0, name, 6.0) for name in "ABC"]
    assert course.stops == [(1.0, "B"), (1.0, "C")]
    assert course.over_s == 1.0 + PART_S + OBEYS_S
    assert not course.breaker.tripped
    assert course.loop.told == {"A": 9.0, "B": 0.0, "C": 0.0}


def test_two_starts_in_two_readings_stop_cars() -> None:
    """Two readings in a row show it: nobody can know that it was two motors, and not a load that stays."""
    course = Course.of(LIFT)
    course.inrush().run(PART_S)
    assert course.stops == []
    course.inrush().run(60)
    assert course.stops == [(1.0, "B"), (1.0, "C")]
    assert not course.breaker.tripped


def test_starts_in_every_other_reading_stop_cars_before_the_breaker_trips() -> None:
    """No two readings in a row, but a breaker hardly cools between them: what it may have carried tells."""
    course = Course.of(LIFT)
    for _ in range(40):
        course.inrush(1.5 * FUSE_A - BASE_A - 3 * 6.0, lasts_s=1.0).run(1.0)
    assert course.stops[0][0] > 10.0
    assert {name for _, name in course.stops} == {"A", "B", "C"}
    assert not course.breaker.tripped


@pytest.mark.parametrize(("of_the_fuse", "stopped"), [(2.2, False), (2.5, True)])
def test_what_the_breaker_may_not_bear_for_so_long_stops_cars_at_once(of_the_fuse: float, stopped: bool) -> None:
    """At 2.3 times its rating a warm one of the fast edge holds the three seconds that it takes to know better."""
    course = Course.of(LIFT)
    course.inrush(of_the_fuse * FUSE_A - max(course.loop.measured_a("main"))).run(30)
    assert bool(course.stops) is stopped
    assert all(at == 0.0 for at, _ in course.stops)


def test_where_the_second_reading_does_not_come_cars_are_stopped() -> None:
    """The meter is lost just then: it isn't waited for longer than a reading and a half."""
    course = Course.of(LIFT).load(BASE_A + LIFT_A).run(PART_S)
    course.loop.meters_answer = False
    course.run(3)
    assert [(at, name) for at, name in course.stops if at < 4.0] == [(2.0, "B"), (2.0, "C")]


@pytest.mark.parametrize(("after_s", "limit_a"), [(1.0, 14.0), (6.0, 20.0)])
def test_a_limit_of_others_waits_for_nothing(after_s: Seconds, limit_a: Amps) -> None:
    """The building limits its connection while a start is in doubt, and two readings are above that: all that the one
    has shown counts in the same tick, as if there were no doubt."""
    course = Course.of(LIFT)
    course.inrush().run(after_s - PART_S)
    assert course.stops == []
    course.loop.take(LimitStated(circuit="main", source=LimitSource.BMS_MQTT, at=course.loop.now, limit_a=limit_a))
    course.run(PART_S)
    assert course.stops == [(after_s, name) for name in "ABC"]


def test_a_start_on_one_phase_stops_nobody_for_its_imbalance() -> None:
    """10 A between two phases are allowed, and half a second of 25 A isn't what that is about; one that stays is."""
    case = Case(fuses=main(63.0, BASE_A), cars={"A": Car(wants_a=16)}, expected={"A": 10}, imbalance_a=10.0)
    course = Course.of(case)
    assert course.loop.told["A"] == pytest.approx(10.0)
    course.inrush(phases=1).run(60)
    assert course.stops == []
    course = Course.of(case)
    course.load(BASE_A + LIFT_A, BASE_A, BASE_A).run(30)
    assert course.stops == [(1.0, "A")]


def test_a_start_above_a_limit_of_power_stops_nobody() -> None:
    """The same where the circuit's total power is what is full."""
    case = Case(fuses=main(63.0, BASE_A, watts=3 * 40 * 230.0), cars=CARS, expected={"A": 11.3, "B": 11.3, "C": 11.3})
    course = Course.of(case)
    course.inrush()
    assert course.loop.reason("C") == (
        "6.0 A: its minimum stays: one reading alone has shown main so full (33810 of 27600 W)"
    )
    course.run(60)
    assert course.stops == []
    course.load(BASE_A + LIFT_A).run(30)
    assert {name for _, name in course.stops} == {"B", "C"}


def test_a_car_that_pauses_keeps_its_minimum_as_well() -> None:
    """It would be told 0 A for half a second of a motor, and some don't wake again from that."""
    case = Case(
        fuses=main(FUSE_A, BASE_A), cars={name: Car(wants_a=10, phases=(L1, L2, L3)) for name in "ABC"}, expected={}
    )
    loop = case.loop().settle()
    loop.plugs["C"].asleep = True
    loop.settle(calm_s=100)
    course = Course(loop=loop, since=loop.now)
    assert course.loop.told == {"A": 10.0, "B": 10.0, "C": 6.0}
    course.inrush()
    assert course.loop.reason("C").startswith("6.0 A: its minimum stays")
    assert course.run(60).stops == []


@pytest.mark.parametrize("starts", [False, True])
def test_nobody_begins_while_it_is_in_doubt(starts: bool) -> None:
    """There is room for one car more, which begins at once; but not if a reading has just shown that there is none."""
    cars = {name: Car(wants_a=8, phases=(L1, L2, L3)) for name in "ABCD"}
    loop = Case(fuses=main(FUSE_A, BASE_A), cars=cars, expected={}).loop()
    loop.plugs["D"].arrives_s = 120.0
    course = Course(loop=loop.run(120), since=120.0)
    if starts:
        course.inrush()
    course.run(4)
    begins = [amps for _, name, amps in course.told if name == "D" and amps > 0]
    assert begins == ([] if starts else [6.0])
    assert course.run(60).loop.told["D"] >= 6.0


def test_above_what_is_not_measured_itself_nothing_is_waited_for() -> None:
    """Only the garage has a meter, and the connection above it is what is full: nobody would see that a second time."""
    fuses = {
        "main": Fuse(amps=FUSE_A, parent=None, reserve_a=0.0),
        "garage": Fuse(amps=100.0, background=PhaseAmps.same(BASE_A)),
    }
    cars = {name: replace(car, circuit="garage") for name, car in CARS.items()}
    course = Course.of(Case(fuses=fuses, cars=cars, expected={}))
    course.loop.load("garage", *(BASE_A + LIFT_A,) * 3)
    course.run(PART_S)
    assert course.stops == [(0.0, "B"), (0.0, "C")]


def test_a_meter_that_is_read_seldom_is_not_waited_for() -> None:
    """A reading each three seconds: the second would come too late."""
    course = Course.of(LIFT)
    for _ in range(5):
        course.loop.meters_answer = False
        course.run(2.0)
        course.loop.meters_answer = True
        course.run(1.0)
    course.loop.meters_answer = False
    course.run(2.0)
    course.loop.meters_answer = True
    course.inrush()
    assert course.stops == [(17.0, "B"), (17.0, "C")]
