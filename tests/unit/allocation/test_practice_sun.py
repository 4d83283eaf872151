"""What feeds in makes room, and may be gone at once: a breaker's patience decides how much of it is given."""

import pytest

from edge.allocation.plant import SUDDEN
from edge.domain.limit import LimitSource, LimitStated
from edge.units import PHASES, Amps
from simulators.breaker import Breaker
from tests.unit.allocation.closed_loop import PART_S, ClosedLoop
from tests.unit.allocation.practice import Car, Case, check_unharmed, main

SLOW_S = 5.0  # as long as a car may take to obey (IEC 61851-1)


def two_cars(sun_a: Amps) -> ClosedLoop:
    """Two three-phase cars that want 32 A each behind 32 A, and a roof that gives so much on each phase; settled."""
    cars = {name: Car(phases=PHASES) for name in "AB"}
    loop = Case(fuses=main(32, -sun_a), cars=cars, expected={}).loop()
    for plug in loop.plugs.values():
        plug.obeys_s = SLOW_S
    loop.settle()
    check_unharmed(loop)
    return loop


@pytest.mark.parametrize("sun_a", [10.0, 20.0, 32.0])
def test_a_roof_that_trips_trips_no_breaker(sun_a: Amps) -> None:
    """The inverter is gone just after the meter was read; the cars take 5 s to come down after they heard."""
    loop, breaker = two_cars(sun_a).run(PART_S), Breaker(32.0)
    loop.load("main", 0.0, 0.0, 0.0)
    for _ in range(120):
        loop.run(PART_S)
        flows = loop.measured_a("main")
        breaker.carry((flows.l1, flows.l2, flows.l3), PART_S)
    assert not breaker.tripped
    assert max(loop.measured_a("main")) <= 32


def test_what_a_breaker_bears_for_a_while_is_given() -> None:
    """All of 10 A; of 32 A as much as leaves the cars 1.45 of the fuse, and the sentence says why."""
    assert sum(two_cars(10.0).told.values()) == pytest.approx(42, abs=0.2)
    loop = two_cars(32.0)
    assert sum(loop.told.values()) == pytest.approx(SUDDEN * 32, abs=0.2)
    assert loop.reason("A") == ("23.2 A: main L1 bears no more, should what feeds in be gone at once (46.4 of 46.4 A)")


def test_a_limit_in_power_counts_what_the_sun_gives_in_full() -> None:
    """Dimming is for what comes from the grid: no breaker is near."""
    cars = {name: Car(wants_a=20, phases=PHASES) for name in "AB"}
    loop = Case(fuses=main(63, -30.0), cars=cars, expected={}).loop()
    loop.take(LimitStated(source=LimitSource.GRID, circuit="main", at=0.0, limit_w=4200.0))
    loop.settle()
    assert sum(loop.told.values()) == pytest.approx(30 + 4200 / 690, abs=0.2)
