"""Limits of outsiders: the lowest wins, nobody raises what the installer set, and each has its end; in amperes."""

from collections.abc import Mapping

import pytest

from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import EvseKey
from edge.domain.station import CloudLimit
from edge.units import Amps, PhaseAmps, Seconds, Watts
from tests.unit.allocation.plugs import OBEYS_S
from tests.unit.allocation.practice import L1, L2, L3, Car, Case, check_unharmed, main


def _stated(
    source: LimitSource,
    *,
    amps: Amps | None = None,
    watts: Watts | None = None,
    at: Seconds = 0.0,
    seconds: Seconds | None = None,
    fallback: Amps | None = None,
) -> LimitStated:
    return LimitStated(
        source=source, circuit="main", at=at, limit_a=amps, limit_w=watts, ends_at=seconds, fallback_a=fallback
    )


# Limits of outsiders on main, which carries 4 A besides the cars: in A or W, for how long, and then; the two cars' sum.
LIMITS: dict[str, tuple[list[LimitStated], Amps, Amps]] = {
    "a limit in A counts the building": ([_stated(LimitSource.GRID, amps=20)], 16, 16),
    "a limit in W counts the building, on all phases": ([_stated(LimitSource.GRID, watts=230 * 30)], 18, 18),
    "of two the lowest wins": (
        [_stated(LimitSource.GRID, amps=24), _stated(LimitSource.BMS_MODBUS, amps=20)],
        16,
        16,
    ),
    "nobody raises what the installer set": ([_stated(LimitSource.BMS_MQTT, amps=100)], 28, 28),
    "ended without renewal: the fallback, not all": (
        [_stated(LimitSource.BMS_MODBUS, amps=28, seconds=200, fallback=18)],
        24,
        14,
    ),
    "a limit that says itself when it is over": ([_stated(LimitSource.GRID, amps=20, seconds=200)], 16, 28),
    "nothing at all": ([_stated(LimitSource.GRID, amps=0)], 0, 0),
    "less than a minimum beside the building": ([_stated(LimitSource.GRID, amps=9.9)], 0, 0),
    "a minimum beside the building": ([_stated(LimitSource.GRID, amps=10)], 6, 6),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_outsiders(name: str) -> None:
    """What both cars have together while the limits hold, and after 200 s."""
    limits, during_a, after_a = LIMITS[name]
    loop = Case(fuses=main(32, 4), cars={"A": Car(), "B": Car()}, expected={}).loop()
    for limit in limits:
        loop.take(limit)
    loop.run(199)
    assert sum(loop.told.values()) == pytest.approx(during_a, abs=0.2)
    loop.run(150)
    assert sum(loop.told.values()) == pytest.approx(after_a, abs=0.2)
    check_unharmed(loop)


# What the cloud's profiles allow car A; the amperes of A and B on 32 A less 4 A.
CLOUD: dict[str, tuple[Amps | None, Mapping[str, Amps]]] = {
    "less than its share: the other has the rest": (10, {"A": 10, "B": 18}),
    "more than its share changes nothing": (20, {"A": 14, "B": 14}),
    "less than its minimum is nothing": (5, {"A": 0, "B": 28}),
    "none": (None, {"A": 14, "B": 14}),
}


@pytest.mark.parametrize("name", CLOUD)
def test_limits_of_the_cloud(name: str) -> None:
    """What its charging profiles allow one EVSE."""
    limit_a, expected = CLOUD[name]
    loop = Case(fuses=main(32, 4), cars={"A": Car(), "B": Car()}, expected={}).loop()
    loop.take(CloudLimit(key=EvseKey(station="A", evse=1), at=0.0, limit_a=limit_a))
    loop.settle()
    assert loop.told == pytest.approx(dict(expected), abs=0.1)
    check_unharmed(loop)


def test_a_limit_that_comes_down_is_cut_for_at_once() -> None:
    """§14a: from 28 A for both cars to 6 A for one, obeyed as soon as the cars can."""
    loop = Case(fuses=main(32, 4), cars={"A": Car(), "B": Car()}, expected={}).loop().settle()
    loop.take(_stated(LimitSource.GRID, amps=12, at=loop.now))
    loop.run(1.0 + OBEYS_S + 0.5)
    assert sum(loop.told.values()) <= 8
    loop.run(60)
    assert loop.told == {"A": 8, "B": 0}
    check_unharmed(loop)


@pytest.mark.parametrize("limit", [{"amps": 26.0}, {"watts": 230.0 * 78}], ids=["A", "W"])
def test_a_rise_while_a_limit_comes_down_does_not_hide_until_a_car_is_sampled(limit: Mapping[str, float]) -> None:
    """The car is sampled each minute. Told 6 A less, it might still draw what it was last seen to: 5 A of the building
    hid behind that, above the limit and below the fuse, for 40 s and more."""
    loop = Case(fuses=main(63, 4), cars={"A": Car(wants_a=28, max_a=28, phases=(L1, L2, L3))}, expected={}).loop()
    loop.plugs["A"].samples_s = 60.0
    loop.run(241)
    assert loop.told["A"] == 28
    loop.take(_stated(LimitSource.GRID, at=loop.now, **limit))
    loop.run(1.0 + OBEYS_S + 0.5)
    loop.load("main", 9, 9, 9)
    loop.run(18)
    assert loop.measured_a("main") == pytest.approx(PhaseAmps.same(26.0), abs=0.2)
    check_unharmed(loop)
