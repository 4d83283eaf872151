"""Cars: what is taken back of what they leave, which phases they use, when they are woken."""

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from edge.allocation.cars import LEARN_S, PRESENT_A, TELLING_A, TRIM_MARGIN_A, Cars
from edge.allocation.entitlement import SAMPLE_LIFE_S
from edge.allocation.exposure import OBEY_S
from edge.allocation.state import EvseState
from edge.allocation.turns import WAKE_S, Wishes, woken
from edge.domain.site import ControlSettings, Evse, Mode
from edge.domain.station import EvseStatus
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds
from tests.site_builders import NOW, arrived, charging, circuit, evse, idle, snapshot

L1, L2, L3 = PHASES


class Watched:
    """One EVSE whose car is watched, from snapshot to snapshot."""

    def __init__(self, **columns: float) -> None:
        self.columns = columns
        self.cars: Cars | None = None

    def sees(self, state: EvseState, at: Seconds = NOW) -> "Watched":
        site = snapshot(circuit(63), state, now=at)
        if self.cars is None:
            columns = {name: np.array([value]) for name, value in self.columns.items()}
            self.cars = replace(
                Cars.none(1), session=np.array([nan if state.waiting_since is None else state.waiting_since]), **columns
            )
        self.cars = self.cars.observed(site.plant.grid, site.fleet, at)
        return self

    @property
    def trim_a(self) -> Amps | None:
        assert self.cars is not None
        trim = float(self.cars.trim_a[0])
        return None if isnan(trim) else trim

    def uses(self, unit: Evse | None = None) -> set[Phase]:
        """The grid phases that it is counted on."""
        assert self.cars is not None
        grid = snapshot(circuit(63), idle(unit)).plant.grid
        return {phase for phase, used in zip(PHASES, self.cars.in_use(grid)[0].tolist(), strict=True) if used}


@pytest.mark.parametrize(
    ("told_a", "draw_a", "expected"),
    [
        (16, 16, None),  # takes all
        (16, 14.1, None),  # nearly
        (16, 10, 12),  # leaves 6 A
        (32, 3, 6),  # never below the minimum
        (32, 31, None),
        (16, 0, None),  # draws nothing: not yet, or asleep; nothing is known of its need
    ],
)
def test_what_a_car_leaves_is_taken_back(told_a: Amps, draw_a: Amps, expected: Amps | None) -> None:
    """Its draw and 2 A on top, once it had its time to take more."""
    state = charging(told_a=told_a, told_at=NOW - 60, draw_a=draw_a, drawn_at=NOW - 1)
    assert Watched().sees(state).trim_a == pytest.approx(expected)


def test_the_busiest_phase_tells_what_a_car_leaves() -> None:
    """One that is uneven is given what its busiest phase takes."""
    state = replace(charging(told_a=32), draw_a=PhaseAmps(3.0, 14.0, 9.0))
    assert Watched().sees(state).trim_a == 16


@pytest.mark.parametrize(
    "state",
    [
        charging(told_a=16, told_at=NOW - OBEY_S + 1, draw_a=8, drawn_at=NOW),
        charging(told_a=16, told_at=NOW - 60, draw_a=8, drawn_at=NOW - 60 + OBEY_S - 1),
        replace(arrived(), told_at=NOW - 60),
    ],
    ids=["told just now", "sampled before it could follow", "never sampled"],
)
def test_a_car_is_not_trimmed_before_it_could_follow(state: EvseState) -> None:
    """A raise that it hasn't taken up yet isn't one that it can't."""
    assert Watched().sees(state).trim_a is None


@pytest.mark.parametrize(("draw_a", "expected"), [(10.0, 12.0), (10.9, 12.0), (11.1, None), (4.0, 12.0)])
def test_a_trimmed_car_gets_all_again_when_it_takes_the_margin_up(draw_a: Amps, expected: Amps | None) -> None:
    """More than half of it, and with the very next decision; otherwise the trim stays, so that it doesn't swing."""
    state = charging(told_a=12, told_at=NOW - 2, draw_a=draw_a, drawn_at=NOW)
    assert Watched(trim_a=12.0).sees(state).trim_a == expected


def test_a_trim_follows_a_car_that_takes_less_and_less() -> None:
    """A battery near full."""
    state = charging(told_a=12, told_at=NOW - 60, draw_a=7, drawn_at=NOW)
    assert Watched(trim_a=12.0).sees(state).trim_a == 7 + TRIM_MARGIN_A


def test_a_trim_is_forgotten_with_its_session() -> None:
    """Also where its end was missed."""
    state = charging(told_a=16, draw_a=8)
    assert Watched().sees(state).trim_a == 10
    assert Watched().sees(state).sees(idle()).trim_a is None
    assert Watched().sees(state).sees(arrived(waiting_since=NOW - 1)).trim_a is None


def sampled(at: Seconds, *amps: Amps, unit: Evse | None = None, told_at: Seconds = NOW - 600) -> EvseState:
    """A car that was told 16 A long ago, and what it drew on L1, L2, L3 then."""
    return replace(charging(unit, told_a=16, told_at=told_at), draw_a=PhaseAmps(*amps), drawn_at=at)


def after(watched: Watched, *samples: tuple[Seconds, tuple[Amps, Amps, Amps]], unit: Evse | None = None) -> set[Phase]:
    """What it is counted on after these samples."""
    for seconds, amps in samples:
        watched.sees(sampled(NOW + seconds, *amps, unit=unit), NOW + seconds)
    return watched.uses(unit)


ONE, TWO, THREE = (15.0, 0.1, 0.0), (15.0, 15.0, 0.0), (15.0, 15.0, 15.0)


def test_unknown_counts_as_all_phases() -> None:
    """Of those that the EVSE is wired to."""
    assert after(Watched(), (0, ONE)) == {L1, L2, L3}
    assert after(Watched(), (0, (0.0, 15.0, 0.0)), unit=evse(phases=(L2, L3))) == {L2, L3}


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([(0, ONE), (10, ONE)], {L1, L2, L3}),
        ([(0, ONE), (10, ONE), (LEARN_S - 0.1, ONE)], {L1, L2, L3}),
        ([(0, ONE), (10, ONE), (LEARN_S, ONE)], {L1}),
        ([(0, TWO), (10, TWO), (LEARN_S, TWO)], {L1, L2}),
        ([(0, ONE), (10, TWO), (20, ONE), (30, ONE)], {L1, L2, L3}),
        ([(0, ONE), (10, TWO), (20, TWO), (30, TWO)], {L1, L2}),
        ([(0, (TELLING_A - 0.1, 0.0, 0.0)), (10, ONE), (20, ONE)], {L1, L2, L3}),
        ([(0, (9.0, PRESENT_A - 0.1, 0.0)), (20, (9.0, PRESENT_A - 0.1, 0.0))], {L1}),
        ([(0, (9.0, PRESENT_A, 0.0)), (20, (9.0, PRESENT_A, 0.0))], {L1, L2}),
    ],
    ids=[
        "two samples",
        "a moment less",
        "for long enough",
        "two phases",
        "interrupted",
        "began one after the other",
        "faded",
        "standby",
        "in use",
    ],
)
def test_phases_are_learned_from_telling_samples(
    samples: list[tuple[Seconds, tuple[Amps, Amps, Amps]]], expected: set[Phase]
) -> None:
    """The same ones for 20 s, with enough current on the busiest."""
    assert after(Watched(), *samples) == expected


def test_a_repeated_sample_teaches_nothing() -> None:
    """It is when the samples were taken that counts."""
    watched = Watched()
    for seconds in range(60):
        watched.sees(sampled(NOW, *ONE), NOW + seconds)
    assert watched.uses() == {L1, L2, L3}


def test_what_was_learned_stays_while_the_car_fades() -> None:
    """At the end of a charge all phases carry little."""
    assert after(Watched(used=1), (0, (0.5, 0.0, 0.0)), (60, (0.0, 0.0, 0.0))) == {L1}


def test_current_on_another_phase_counts_at_once() -> None:
    """With the first sample that shows it, however small its current."""
    assert after(Watched(used=1), (0, (15.0, PRESENT_A, 0.0))) == {L1, L2, L3}
    assert after(Watched(used=1), (0, (2.0, 2.0, 0.0))) == {L1, L2, L3}


def test_an_old_sample_shows_no_other_phase() -> None:
    """It says nothing about now."""
    watched = Watched(used=1).sees(sampled(NOW, *TWO), NOW + SAMPLE_LIFE_S + 1)
    assert watched.uses() == {L1}


def test_less_than_was_known_is_learned_anew() -> None:
    """A car that goes from three phases to one."""
    assert after(Watched(used=7), (0, ONE), (10, ONE)) == {L1, L2, L3}
    assert after(Watched(used=7), (0, ONE), (10, ONE), (20, ONE)) == {L1}


def test_nothing_is_learned_in_one_phase_operation() -> None:
    """What the EVSE was told doesn't tell what the car could do."""
    unit = evse(switches_phases=True)
    told = Watched()
    switched = Watched(single=1)
    for seconds in (0, 10, 20, 30):
        told.sees(replace(sampled(NOW + seconds, *ONE, unit=unit), told_phases=1), NOW + seconds)
        switched.sees(sampled(NOW + seconds, *ONE, unit=unit), NOW + seconds)
    assert told.uses(unit) == switched.uses(unit) == {L1, L2, L3}


def test_nothing_is_learned_while_an_evse_may_still_be_changing_over() -> None:
    """One that can be told how many phases to use: samples from before it had its time to obey don't count."""
    unit = evse(switches_phases=True)
    watched = Watched()
    for seconds in (0, 10, 20, 30):
        state = sampled(NOW + seconds, *ONE, unit=unit, told_at=NOW + 1)
        watched.sees(state, NOW + seconds)
    assert watched.uses(unit) == {L1, L2, L3}
    watched.sees(sampled(NOW + 40, *ONE, unit=unit, told_at=NOW + 1), NOW + 40)
    assert watched.uses(unit) == {L1}


def test_phases_are_forgotten_with_their_session() -> None:
    """The next car may use all."""
    samples = [(float(seconds), ONE) for seconds in (0, 10, 20)]
    watched = Watched()
    assert after(watched, *samples) == {L1}
    assert watched.sees(arrived(waiting_since=NOW + 21), NOW + 21).uses() == {L1, L2, L3}


def test_what_spares_the_station_outlives_the_session() -> None:
    """Its writes and its changes of phases."""
    watched = Watched(writes=3, switches=1, switched_at=NOW - 9, on_since=NOW - 50, single=1)
    watched.sees(charging()).sees(idle())
    assert watched.cars is not None
    kept = watched.cars
    assert (kept.writes[0], kept.switches[0], kept.switched_at[0]) == (3, 1, NOW - 9)
    assert isnan(kept.on_since[0])
    assert kept.single[0] == 0


PAUSED = charging(told_a=6, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True)


def naps(state: EvseState, times: list[Seconds], mode: Mode = Mode.CONTROL) -> list[bool]:
    """Whether its car is left asleep, at each of these times."""
    cars, asleep = Cars.none(1), []
    for at in times:
        site = snapshot(circuit(63), state, now=at, settings=ControlSettings(mode=mode))
        grid = site.plant.grid
        cars = woken(cars.observed(grid, site.fleet, at), site.fleet, grid, site.settings, at)
        asleep.append(bool(Wishes.of(site.fleet, cars, site.settings, at).wake[0]))
    return asleep


def test_a_paused_car_is_woken_once_a_turn() -> None:
    """It counts like one that charges for a minute after it has paused, and for a minute in each turn after that."""
    times = [NOW, NOW + WAKE_S - 0.1, NOW + WAKE_S, NOW + 899.9, NOW + 900, NOW + 959.9, NOW + 960, NOW + 1800]
    assert naps(PAUSED, times) == [False, False, True, True, False, False, True, False]


def test_a_paused_car_without_room_waits_for_its_minute() -> None:
    """Until it is told its minimum; two that take turns would starve it else. Where nothing is told none waits."""
    times = [NOW, NOW + 50, NOW + 100, NOW + 150]
    waits = replace(PAUSED, told_a=0.0)
    assert naps(waits, times) == [False, False, False, False]
    assert naps(waits, times, Mode.OBSERVE) == [False, False, True, True]


def test_a_car_that_charges_is_never_asleep() -> None:
    """And one that goes on begins anew when it pauses again."""
    assert naps(charging(), [NOW, NOW + 100]) == [False, False]
    cars = Cars.none(1)
    for at, state in ((NOW, PAUSED), (NOW + 100, charging()), (NOW + 200, PAUSED)):
        site = snapshot(circuit(63), state, now=at)
        grid = site.plant.grid
        cars = woken(cars.observed(grid, site.fleet, at), site.fleet, grid, ControlSettings(), at)
    assert cars.asleep_since.tolist() == [NOW + 200]
