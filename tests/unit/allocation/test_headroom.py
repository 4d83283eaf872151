"""Headroom: what the building leaves, as far as meter and late samples of the cars tell."""

from dataclasses import replace

import pytest

from edge.allocation.draws import SAMPLE_DELAY_S
from edge.allocation.exposure import Holdings
from edge.allocation.headroom import fallen_a
from edge.allocation.state import EvseState
from edge.domain.limit import LimitSource, LimitStated
from edge.units import PhaseAmps
from tests.site_builders import NOW, arrived, charging, circuit, evse, grant, idle, snapshot
from tests.unit.allocation.headroom_bench import Metered, background_a, estimated


def car(draw_a: float, *, drawn_at: float, told_a: float = 16.0, told_at: float = NOW - 60.0) -> EvseState:
    """A car that was told 16 A long ago and was sampled then."""
    return charging(told_a=told_a, told_at=told_at, draw_a=draw_a, drawn_at=drawn_at)


def test_the_first_reading_is_taken_as_it_is() -> None:
    """What the cars are known to draw isn't the building's; the rest is."""
    assert Metered().read(30, car(16, drawn_at=NOW)) == 14
    assert Metered().read(30, arrived()) == 30
    assert Metered().read(30) == 30


def test_a_rise_is_believed_at_once() -> None:
    """With the next reading."""
    meter, still = Metered(), car(16, drawn_at=NOW)
    assert meter.read(20, still) == 4
    assert meter.read(29, still) == 13


def test_the_same_reading_twice_teaches_nothing() -> None:
    """The cars have moved since, the meter hasn't."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    assert meter.read(20, car(6, drawn_at=NOW + 1), after_s=0.0) == 4


def test_a_raise_in_progress_is_not_the_buildings() -> None:
    """The car was told 16 A and takes it up; its sample is still the old one."""
    meter = Metered()
    assert meter.read(10, car(6, drawn_at=NOW, told_a=6.0)) == 4
    rising = replace(
        car(6, drawn_at=NOW, told_a=16.0, told_at=NOW + 1),
        raised_at=NOW + 1,
        holdings=Holdings(baseline_a=None, session=(grant(16, sent_at=NOW + 1),)),
    )
    assert meter.read(15, rising) == 4
    assert meter.read(20, rising) == 4
    assert meter.read(21, rising) == 5, "more than the car may take is the building's"


def test_a_cut_in_progress_is_no_fall() -> None:
    """The car was told 6 A and comes down; its sample is still the old one."""
    meter = Metered()
    assert meter.read(20, car(16, drawn_at=NOW)) == 4
    cut = car(16, drawn_at=NOW, told_a=6.0, told_at=NOW + 1)
    assert [meter.read(amps, cut) for amps in (18, 14, 10, 10)] == [4, 4, 4, 4]
    assert meter.memory["main"].fall is None


def test_a_fall_waits_for_the_cars_samples() -> None:
    """It is believed when each car has been sampled well after the reading that first showed it."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    assert [meter.read(17, car(16, drawn_at=NOW)) for _ in range(20)] == [4] * 20
    seen_at = NOW + 2
    assert meter.read(17, car(16, drawn_at=seen_at + SAMPLE_DELAY_S)) == 4, "it may have been on its way before"
    assert meter.read(17, car(16, drawn_at=seen_at + SAMPLE_DELAY_S + 0.1)) == 1


def test_a_fall_that_was_a_cars_is_explained_by_its_sample() -> None:
    """The car took 10 A less by itself; the building didn't."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    assert meter.read(10, car(16, drawn_at=NOW)) == 4
    assert meter.read(10, car(6, drawn_at=NOW + 6), after_s=5.0) == 4
    assert meter.memory["main"].fall is None


def test_a_car_that_dips_between_two_samples_is_no_fall() -> None:
    """It is back when the second sample is taken: the highest reading of that while counts."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    assert meter.read(4, car(16, drawn_at=NOW)) == 4
    assert meter.read(20, car(16, drawn_at=NOW)) == 4
    assert meter.read(20, car(16, drawn_at=NOW + 6), after_s=5.0) == 4


def test_two_cars_that_drop_in_turn_are_no_fall() -> None:
    """The first is sampled before it drops, the second after: each one's lowest sample counts."""
    meter = Metered()

    def cars(first: tuple[float, float], second: tuple[float, float]) -> tuple[EvseState, EvseState]:
        return (
            charging(evse(1), told_a=16, draw_a=first[0], drawn_at=first[1]),
            charging(evse(2), told_a=16, draw_a=second[0], drawn_at=second[1]),
        )

    assert meter.read(36, *cars((16, NOW), (16, NOW))) == 4
    assert meter.read(26, *cars((16, NOW), (16, NOW))) == 4  # the second drops to 6 A
    assert meter.read(26, *cars((16, NOW + 5), (16, NOW)), after_s=4.0) == 4
    assert meter.read(16, *cars((16, NOW + 5), (16, NOW))) == 4  # the first drops to 6 A
    assert meter.read(16, *cars((16, NOW + 5), (6, NOW + 9)), after_s=3.0) == 4


def test_a_fall_needs_no_samples_where_nothing_is_charged() -> None:
    """All that the meter shows is the building."""
    meter = Metered()
    meter.read(20, idle())
    meter.read(12, idle())
    assert meter.read(12, idle()) == 12


def test_noise_is_no_fall() -> None:
    """Differences below 0.2 A start nothing."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    meter.read(19.9, car(16, drawn_at=NOW))
    assert meter.memory["main"].fall is None


def test_what_flows_above_the_rating_for_long_is_cut_for() -> None:
    """A car was raised to 32 A and cut to 20 before it took that up: the rise hides behind it, but not for ever."""
    meter = Metered()
    assert meter.read(10, car(6, drawn_at=NOW, told_a=6.0)) == 4
    holdings = Holdings(
        baseline_a=None,
        session=(replace(grant(32, sent_at=NOW), replaced_at=NOW + 2), grant(20, command=2, sent_at=NOW + 2)),
    )
    moving = replace(car(6, drawn_at=NOW, told_a=20.0, told_at=NOW + 2), raised_at=NOW, holdings=holdings)
    assert [meter.read(64, moving) for _ in range(5)] == [32.0] * 5
    assert meter.read(64, moving) == 57, "as if the car drew what it was seen to, and 1 A, which is too much"
    assert [meter.read(64, moving) for _ in range(5)] == [57] * 5, "and then there is time to obey that"
    assert meter.read(63, moving) == 57


def test_a_plain_overload_is_cut_for_at_once() -> None:
    """The same car, but so much flows that it stays an overload even when the car has come down to its 20 A. As it may
    still be on its way up to them, it is cut to its minimum, and no further.
    """
    meter = Metered()
    assert meter.read(10, car(6, drawn_at=NOW, told_a=6.0)) == 4
    holdings = Holdings(baseline_a=None, session=(grant(20, sent_at=NOW + 2),))
    moving = replace(car(6, drawn_at=NOW, told_a=20.0, told_at=NOW + 2), raised_at=NOW, holdings=holdings)
    assert meter.read(70, moving) == 57


def test_an_overload_that_passes_is_no_rise() -> None:
    """A cut that is being obeyed."""
    meter = Metered()
    meter.read(60, car(16, drawn_at=NOW))
    cut = car(16, drawn_at=NOW, told_a=6.0, told_at=NOW + 1)
    assert [meter.read(amps, cut) for amps in (64, 64, 64, 64, 64, 54)] == [48] * 6


def test_export_is_a_background_below_zero() -> None:
    """A roof that feeds in leaves more than the rating on the metered circuit."""
    assert Metered().read(-10) == -10


def test_an_unmetered_circuit_has_its_reserve() -> None:
    """And its rating is the fuse less its margin; it never goes late or stale."""
    headroom, memory = estimated(snapshot(circuit(40, margin_a=2, reserve_a=5)))
    assert headroom.left_a[:3].tolist() == [33] * 3
    assert memory == {}
    assert not (headroom.late | headroom.stale | headroom.recovering).any()


def test_what_is_left_of_a_power_limit() -> None:
    """In amperes over all three phases; without a limit it is infinite."""
    headroom, _ = estimated(snapshot(circuit(40, limit_w=230.0 * 60, measured_a=PhaseAmps(5.0, 7.0, 9.0))))
    assert headroom.left_a[:4].tolist() == [35, 33, 31, 60 - 21]
    assert estimated(snapshot(circuit(40)))[0].left_a[3] == float("inf")


def test_a_power_limit_counts_at_the_voltage_that_is() -> None:
    """The installer's and an outsider's: at 240 V the same watts are fewer amperes."""
    dimmed = LimitStated(source=LimitSource.GRID, circuit="main", at=NOW, limit_w=240.0 * 50)
    site = replace(snapshot(circuit(40, limit_w=240.0 * 60)), voltage_v=240.0)
    assert estimated(site)[0].left_a[:4].tolist() == [40, 40, 40, 60]
    assert estimated(replace(site, limits=(dimmed,)))[0].left_a[3] == 50


def test_only_the_cars_below_a_meter_are_taken_from_it() -> None:
    """The sub-circuit's meter doesn't see the car on main."""
    on_main, below = charging(evse(1), told_a=16), charging(evse(2, circuit="sub"), told_a=10)
    circuits = (
        circuit(63, measured_a=30.0),
        circuit(40, "sub", parent="main", meter="sub meter", measured_a=12.0),
    )
    site = snapshot(circuits, on_main, below)
    assert background_a(site, estimated(site)[0]) == {"main": PhaseAmps.same(4), "sub": PhaseAmps.same(2)}


def test_what_flows_no_more_is_known_before_the_samples() -> None:
    """It grows from nothing on: a meter that tells whole amperes mustn't move anybody with each of them."""
    meter, car_a = Metered(), car(16, drawn_at=NOW)
    fallen = []
    for measured_a in (20.0, 19.0, 18.9, 14.0, 21.0):
        meter.read(measured_a, car_a)
        fallen.append(fallen_a(meter.memory["main"]).l1)
    assert fallen == pytest.approx([0.0, 0.0, 0.1, 5.0, 0.0])
