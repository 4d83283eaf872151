"""The simulated breaker against the conventional points of IEC 60898-1."""

import pytest

from simulators.breaker import Breaker, GgFuse

RATED_A = 40.0
STEP_S = 0.1


def trip_time_s(multiple: float, *, give_up_s: float) -> float | None:
    """How long the preheated breaker carries `multiple` times its rating; None if longer than `give_up_s`."""
    breaker = Breaker(RATED_A)
    steps = round(give_up_s / STEP_S)
    for step in range(1, steps + 1):
        breaker.carry((0.0, multiple * RATED_A, 0.0), STEP_S)
        if breaker.tripped:
            return step * STEP_S
    return None


def test_conventional_non_tripping_current_never_trips() -> None:
    """1.13 In holds for the conventional hour and beyond."""
    assert trip_time_s(1.13, give_up_s=2 * 3600) is None


def test_conventional_tripping_current_trips_at_the_fast_edge() -> None:
    """1.45 In from preheated holds about 13 s, and trips."""
    assert trip_time_s(1.45, give_up_s=60) == pytest.approx(13.0, abs=0.2)


def test_two_and_a_half_times_the_rating_trips_in_seconds() -> None:
    """2.55 In trips thermally within seconds, not at once."""
    assert trip_time_s(2.55, give_up_s=60) == pytest.approx(2.35, abs=0.15)


def test_three_times_the_rating_trips_magnetically() -> None:
    """3 In on one pole trips within one step."""
    assert trip_time_s(3.0, give_up_s=1) == STEP_S


def test_result_does_not_depend_on_the_step() -> None:
    """A constant current heats the same in one long step as in many short ones."""
    fine, coarse = Breaker(RATED_A), Breaker(RATED_A)
    for _ in range(100):
        fine.carry((50.0, 50.0, 50.0), 0.1)
    coarse.carry((50.0, 50.0, 50.0), 10.0)
    assert fine.heat == pytest.approx(coarse.heat)


def test_a_tripped_breaker_stays_tripped() -> None:
    """The state latches when the current is gone and the bimetal has cooled."""
    breaker = Breaker(RATED_A)
    breaker.carry((130.0, 0.0, 0.0), STEP_S)
    breaker.carry((0.0, 0.0, 0.0), 3600.0)
    assert breaker.tripped
    assert breaker.heat < 0.01


def test_a_short_overload_cools_again() -> None:
    """1.45 In for 5 s, then half the rating for a minute, leaves room for another 5 s."""
    breaker = Breaker(RATED_A)
    for _ in range(3):
        breaker.carry((58.0, 58.0, 58.0), 5.0)
        breaker.carry((20.0, 20.0, 20.0), 60.0)
    assert not breaker.tripped


@pytest.mark.parametrize("make", [Breaker, GgFuse])
def test_the_most_heat_is_told_after_it_has_cooled(make: type[Breaker] | type[GgFuse]) -> None:
    """How near it was to its trip is no figure of the end of a day, when the cars have left."""
    protection = make(63.0)
    preheated = protection.most_heat
    assert protection.heat == preheated
    protection.carry((80.0, 0.0, 0.0), 5.0)
    hot = protection.heat
    protection.carry((0.0, 0.0, 0.0), 3600.0)
    assert protection.heat < 0.01
    assert preheated < protection.most_heat == hot < 1.0
    protection.carry((180.0, 0.0, 0.0), 60.0)
    protection.carry((0.0, 0.0, 0.0), 3600.0)
    assert (protection.tripped, protection.most_heat) == (True, 1.0)
