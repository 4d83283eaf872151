"""The electric vehicle behind a connector: what it draws, when, and how it fills up."""

from itertools import pairwise

import pytest

from simulators.charger.ev import ElectricVehicle
from tests.unit.simulators.sim_charger_bench import (
    car,
)


def drive(ev: ElectricVehicle, seconds: float, offered_a: float, dt_s: float = 0.1) -> float:
    """Step under one offer; the energy drawn, Wh."""
    steps = round(seconds / dt_s)
    return sum(ev.step(dt_s, offered_a=offered_a, phases=3, voltage_v=230.0) for _ in range(steps))


@pytest.mark.parametrize(
    ("phases", "wired", "expected"),
    [(1, 3, (16.0, 0.0, 0.0)), (2, 3, (16.0, 16.0, 0.0)), (3, 3, (16.0, 16.0, 16.0)), (3, 1, (16.0, 0.0, 0.0))],
)
def test_it_draws_on_the_phases_that_car_and_connector_have(
    phases: int, wired: int, expected: tuple[float, float, float]
) -> None:
    """A one-phase car loads the EVSE's own L1 only; so does a three-phase car on a one-phase connector."""
    ev = car(phases=phases)
    ev.step(1.0, offered_a=32.0, phases=wired, voltage_v=230.0)
    assert ev.phase_draw_a(wired) == expected


def test_it_never_draws_more_than_offered_or_than_it_can() -> None:
    """The lower of the offer and the car's own maximum."""
    ev = car(max_a=16.0)
    drive(ev, 1, 32.0)
    assert ev.draw_a == 16.0
    drive(ev, 1, 9.5)
    assert ev.draw_a == 9.5


def test_below_its_minimum_it_pauses() -> None:
    """IEC 61851-1: an offer below 6 A is no charging, not a small current."""
    ev = car()
    drive(ev, 1, 6.0)
    assert ev.draw_a == 6.0
    drive(ev, 1, 5.9)
    assert ev.draw_a == 0.0


@pytest.mark.parametrize(("before_a", "after_a"), [(16.0, 8.0), (8.0, 16.0), (16.0, 0.0)])
def test_it_obeys_after_its_delay_and_not_before(before_a: float, after_a: float) -> None:
    """A cut and a raise take the same obey_s."""
    ev = car(obey_s=3.0)
    drive(ev, 10, before_a)
    drive(ev, 2.9, after_a)
    assert ev.draw_a == before_a
    drive(ev, 0.2, after_a)
    assert ev.draw_a == after_a


def test_offers_that_keep_changing_are_all_obeyed_in_their_turn() -> None:
    """The delay is a delay of each change, not one that begins anew: a steady stream of changes can't starve it."""
    ev = car(obey_s=2.0)
    seen = []
    for second in range(10):
        drive(ev, 1, 6.0 + second)
        seen.append(ev.draw_a)
    assert seen == pytest.approx([0.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0])


def test_a_ramp_bounds_raises_and_not_cuts() -> None:
    """With 2 A/s it takes 8 s to 16 A; a cut is at once."""
    ev = car(ramp_a_per_s=2.0)
    drive(ev, 4, 16.0)
    assert ev.draw_a == pytest.approx(8.0)
    drive(ev, 4, 16.0)
    assert ev.draw_a == pytest.approx(16.0)
    drive(ev, 0.1, 6.0)
    assert ev.draw_a == 6.0


def test_energy_is_voltage_times_current_times_phases_and_fills_the_battery() -> None:
    """An hour at 16 A on three phases is 11.04 kWh from the grid, 90 % of it in the battery."""
    ev = car(battery_wh=100_000.0, soc=0.2)
    assert drive(ev, 3600, 16.0, dt_s=1.0) == pytest.approx(11_040.0)
    assert ev.soc == pytest.approx(0.2 + 11_040 * 0.9 / 100_000)


def test_it_tapers_towards_full_and_then_stops() -> None:
    """From 80 % on it wants less and less; full, it draws nothing and wants nothing."""
    ev = car(soc=0.9, battery_wh=10_000.0)
    assert ev.wanted_a == pytest.approx(8.0)
    drawn = []
    while not ev.full:
        ev.step(10.0, offered_a=32.0, phases=3, voltage_v=230.0)
        drawn.append(ev.draw_a)
    assert all(later <= earlier for earlier, later in pairwise(drawn))
    assert drawn[-1] == 1.0
    drive(ev, 1, 32.0)
    assert (ev.draw_a, ev.wanted_a, ev.soc) == (0.0, 0.0, 1.0)


def test_cut_off_is_at_once_and_forgets_the_offers() -> None:
    """When the EVSE opens its contactor nothing flows, and the next offer takes its delay again."""
    ev = car(obey_s=2.0)
    drive(ev, 5, 16.0)
    ev.cut_off()
    assert ev.draw_a == 0.0
    drive(ev, 1.5, 16.0)
    assert ev.draw_a == 0.0
    drive(ev, 1.0, 16.0)
    assert ev.draw_a == 16.0


@pytest.mark.parametrize(
    "wrong", [{"phases": 4}, {"obey_s": 6.0}, {"soc": 1.1}, {"max_a": 0.0}, {"taper_from_soc": 1.0}]
)
def test_an_impossible_car_is_refused(wrong: dict[str, float]) -> None:
    """Values outside of their range are an error when the car is made, not strange physics later."""
    with pytest.raises(ValueError, match=r"must be|on 1, 2 or 3|share"):
        car(**wrong)
