"""Headroom: what the building leaves, as far as meter and late samples of the cars tell."""

from dataclasses import replace

import pytest

from edge.allocation.exposure import OBEY_S, Holdings
from edge.allocation.headroom import (
    SAMPLE_DELAY_S,
    SAMPLE_LIFE_S,
    Background,
    Headroom,
    draw_bounds,
    estimate,
    exposure_a,
    exposure_by_phase,
)
from edge.allocation.snapshot import EvseState, Reach
from edge.units import NO_CURRENT, Phase, PhaseAmps
from tests.site_builders import NOW, arrived, charging, circuit, evse, grant, idle, idle_grant, snapshot


class Metered:
    """A 63 A circuit whose meter is read each second; remembers from one estimate to the next."""

    def __init__(self) -> None:
        self.now = NOW
        self.memory: dict[str, Background] = {}

    def read(self, measured_a: float, *evses: EvseState, after_s: float = 1.0) -> float:
        """Some time later the meter says so: the estimate of the background on L1."""
        self.now += after_s
        headroom, self.memory = estimate(
            snapshot(circuit(63, measured_a=measured_a, measured_at=self.now), *evses, now=self.now), self.memory
        )
        return headroom.background_a["main"].l1


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
    assert [meter.read(64, moving) for _ in range(6)] == [32.0] * 6
    assert meter.read(64, moving) == 44, "as if the car drew its 20 A"
    assert [meter.read(64, moving) for _ in range(5)] == [44] * 5, "and then there is time to obey that"
    assert meter.read(63, moving) == 44


def test_an_overload_that_passes_is_no_rise() -> None:
    """A cut that is being obeyed."""
    meter = Metered()
    meter.read(60, car(16, drawn_at=NOW))
    cut = car(16, drawn_at=NOW, told_a=6.0, told_at=NOW + 1)
    assert [meter.read(amps, cut) for amps in (64, 64, 64, 64, 64, 54)] == [48] * 6


def test_export_is_a_background_below_zero() -> None:
    """A roof that feeds in leaves more than the rating on the metered circuit."""
    assert Metered().read(-10) == -10


@pytest.mark.parametrize(
    ("age_s", "stale"),
    [(0.0, False), (5.0, False), (5.1, True)],
)
def test_a_reading_goes_stale(age_s: float, stale: bool) -> None:
    """After meter_stale_s, 5 s by default."""
    state = circuit(63, measured_a=20.0, measured_at=NOW - age_s)
    headroom, _ = estimate(snapshot(state), {})
    assert headroom.stale == (frozenset({"main"}) if stale else frozenset())


def stale(known_a: float | None, reserve_a: float | None) -> Headroom:
    memory = {} if known_a is None else {"main": Background(estimate_a=PhaseAmps.same(known_a), reading_at=NOW - 60)}
    state = circuit(63, margin_a=3, measured_a=0.0, measured_at=NOW - 60, reserve_a=reserve_a)
    return estimate(snapshot(state), memory)[0]


@pytest.mark.parametrize(
    ("known_a", "reserve_a", "background_a"),
    [(10, 20, 20), (30, 20, 30), (10, None, 10), (None, 20, 20), (None, None, 0)],
)
def test_without_a_meter_the_worst_that_is_known_counts(
    known_a: float | None, reserve_a: float | None, background_a: float
) -> None:
    """The installer's reserve or the last estimate, whichever is more."""
    headroom = stale(known_a, reserve_a)
    assert headroom.background_a["main"] == PhaseAmps.same(background_a)
    assert headroom.left_a["main"] == PhaseAmps.same(60 - background_a)


def test_the_estimate_outlives_a_gap_of_the_meter() -> None:
    """After the gap it goes on from where it was."""
    meter = Metered()
    meter.read(20, car(16, drawn_at=NOW))
    headroom, memory = estimate(
        snapshot(circuit(63, measured_a=20.0, measured_at=NOW + 1), car(16, drawn_at=NOW), now=NOW + 30), meter.memory
    )
    assert headroom.background_a["main"].l1 == 4
    assert memory == meter.memory


def test_an_unmetered_circuit_has_its_reserve() -> None:
    """And its rating is the fuse less its margin."""
    headroom, memory = estimate(snapshot(circuit(40, margin_a=2, reserve_a=5)), {})
    assert headroom.left_a["main"] == PhaseAmps.same(33)
    assert memory == {}
    assert headroom.stale == frozenset()


def test_only_the_cars_below_a_meter_are_taken_from_it() -> None:
    """The sub-circuit's meter doesn't see the car on main."""
    on_main, below = charging(evse(1), told_a=16), charging(evse(2, circuit="sub"), told_a=10)
    circuits = (
        circuit(63, measured_a=30.0),
        circuit(40, "sub", parent="main", meter="sub meter", measured_a=12.0),
    )
    headroom, _ = estimate(snapshot(circuits, on_main, below), {})
    assert headroom.background_a == {"main": PhaseAmps.same(4), "sub": PhaseAmps.same(2)}


def bounds(state: EvseState) -> tuple[float, float]:
    low, high = draw_bounds(state, NOW)
    return low.l1, high.l1


def test_a_sample_of_a_car_that_stands_still_is_taken_as_it_is() -> None:
    """Sampled after it had its time to obey."""
    assert bounds(charging(told_a=16, told_at=NOW - 30, draw_a=12, drawn_at=NOW - 5)) == (12, 12)


def test_a_car_that_moves_is_anywhere_between_its_limits_and_its_sample() -> None:
    """Also between a limit of a few seconds ago that lingers."""
    holdings = Holdings(
        baseline_a=None,
        session=(replace(grant(0, command=1, sent_at=NOW - 4), replaced_at=NOW - 1), grant(10, command=2)),
    )
    moving = charging(told_a=10, told_at=NOW - 1, draw_a=6, drawn_at=NOW - 8, holdings=holdings)
    assert bounds(replace(moving, raised_at=NOW - 1)) == (0, 10)


def test_a_cut_in_progress_hides_no_rise() -> None:
    """The car was cut from 16 to 12 A and drew 14: whatever flows beyond 14 is the building's."""
    holdings = Holdings(
        baseline_a=None,
        session=(replace(grant(16, sent_at=NOW - 60), replaced_at=NOW - 1), grant(12, command=2)),
    )
    cut = charging(told_a=12, told_at=NOW - 1, draw_a=14, drawn_at=NOW - 4, holdings=holdings)
    assert exposure_a(cut, NOW) == 16
    assert bounds(cut) == (12, 14)


def test_a_car_that_was_not_sampled_for_long_may_have_gone() -> None:
    """It drew 12 A at most; out of reach it counts as a part of the building."""
    old = charging(told_a=16, told_at=NOW - 900, draw_a=12, drawn_at=NOW - SAMPLE_LIFE_S - 1)
    assert bounds(old) == (0, 12)
    assert draw_bounds(replace(old, reach=Reach.OFFLINE), NOW) == (NO_CURRENT, NO_CURRENT)


def test_exposure_is_never_less_than_what_is_drawn() -> None:
    """A station that measures more than it was told."""
    assert exposure_a(charging(told_a=10, draw_a=10.8, told_at=NOW - 30), NOW) == 10.8


def test_a_sample_from_before_a_cut_is_no_exposure() -> None:
    """After the time to obey the limit bounds it, until the next sample says otherwise."""
    cut = charging(told_a=6, told_at=NOW - OBEY_S - 1, draw_a=16, drawn_at=NOW - OBEY_S - 5)
    assert exposure_a(cut, NOW) == 6


def test_one_that_disobeys_may_draw_all_it_can() -> None:
    """Its rating, not its limit."""
    assert exposure_a(charging(told_a=6, reach=Reach.DISOBEYING), NOW) == 32


def test_one_under_no_limit_may_draw_all_it_can() -> None:
    """Before anything is known of it."""
    assert exposure_a(charging(holdings=Holdings(baseline_a=None), told_a=0), NOW) == 32


def test_a_limit_above_the_rating_is_the_rating() -> None:
    """No EVSE draws more than it can."""
    assert exposure_a(charging(evse(max_a=16), told_a=32, draw_a=16), NOW) == 16


def test_exposure_lies_on_the_grid_phases_of_the_evse() -> None:
    """And where a sample shows current on another phase, there too."""
    state = replace(charging(evse(phases=(Phase.L2,)), told_a=16, told_at=NOW - 30), draw_a=PhaseAmps(3.0, 10.0, 0.0))
    assert exposure_by_phase(state, NOW) == PhaseAmps(3.0, 16.0, 0.0)


def test_an_idle_evse_is_exposed_to_its_idle_limit() -> None:
    """Out of reach, to what it will rise to by itself."""
    assert exposure_a(idle(), NOW) == 0
    assert exposure_a(replace(idle(), reach=Reach.OFFLINE), NOW) == 6
    assert exposure_a(replace(idle(), holdings=Holdings(baseline_a=None, idle=(idle_grant(6),))), NOW) == 6
