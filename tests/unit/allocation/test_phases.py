"""One phase or all: when it changes, when it doesn't, and how often it may."""

from dataclasses import replace
from math import isnan

import pytest

from edge.allocation.decide import Memory, decide
from edge.allocation.phases import BETTER_S, RESCUE_S, REST_S, SWITCHES_AT_ONCE, SWITCHES_PER_HOUR
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState
from edge.domain.setpoint import Reason
from edge.domain.site import Evse
from edge.units import PHASES, Phase, PhaseAmps, Seconds
from tests.site_builders import NOW, arrived, charging, circuit, evse, remembered, snapshot

L1, L2, L3 = PHASES
SWITCHED = evse(1, switches_phases=True)


class Chooser:
    """The same site decided upon again and again; remembers from one decision to the next."""

    def __init__(self, main: CircuitState, *states: EvseState, **columns: list[float]) -> None:
        self.main, self.states, self.now = main, states, NOW
        self.memory: Memory = remembered(self._site(), background=None, **columns)

    def _site(self) -> Snapshot:
        main = self.main
        if main.measured_at is not None:
            main = replace(main, measured_at=self.now)
        states = (state if state.drawn_at is None else replace(state, drawn_at=self.now - 1) for state in self.states)
        return snapshot(main, *states, now=self.now)

    def singles(self, seconds: Seconds = 0.0) -> list[bool]:
        """Which are to use one phase, so much later; decided every 5 s until then."""
        until = self.now + seconds
        while True:
            self.memory = decide(self._site(), self.memory).memory
            if self.now >= until:
                break
            self.now = min(self.now + 5.0, until)
        assert self.memory.cars is not None
        return [single > 0 for single in self.memory.cars.single.tolist()]


def full_l2(free_a: float, unit: Evse = SWITCHED) -> tuple[CircuitState, EvseState]:
    """A car that has just come to a 32 A circuit on whose L2 so much is free; L1 and L3 are."""
    return circuit(32, measured_a=PhaseAmps(0.0, 32.0 - free_a, 0.0)), arrived(unit, waiting_since=NOW - 1)


def test_a_car_that_could_not_charge_at_all_is_put_on_one_phase() -> None:
    """After 15 s: a load on L2 may be gone by then."""
    chooser = Chooser(*full_l2(3))
    assert chooser.singles(RESCUE_S - 0.1) == [False]
    assert chooser.singles(0.1) == [True]


def test_then_it_begins_on_that_phase() -> None:
    """With its minimum."""
    chooser = Chooser(*full_l2(3))
    chooser.singles(RESCUE_S)
    chooser.now += 1
    setpoint = decide(chooser._site(), chooser.memory).setpoints[0]
    assert (setpoint.limit_a, setpoint.reason, setpoint.phases) == (6.0, Reason.STARTING, 1)


@pytest.mark.parametrize(
    ("free_a", "single"),
    [
        (6.0, True),  # 18 A in all against 32 on L1
        (32 / 3 - 2.1, True),
        (32 / 3 - 1.9, False),  # 26.3 A in all: 5.7 more aren't worth it
        (16.0, False),
    ],
)
def test_where_one_phase_gives_clearly_more_it_changes(free_a: float, single: bool) -> None:
    """Summed over the phases, by 6 A at least, for a minute."""
    main, _ = full_l2(free_a)
    chooser = Chooser(main, charging(SWITCHED, told_a=6, draw_a=6))
    chooser.main = replace(main, measured_a=(main.measured_a or PhaseAmps.same(0)) + PhaseAmps.same(6))
    assert chooser.singles(BETTER_S - 0.1) == [False]
    assert chooser.singles(0.1) == [single]


def test_what_serves_better_for_a_moment_only_changes_nothing() -> None:
    """It begins anew whenever that was interrupted."""
    main, state = full_l2(3)
    chooser = Chooser(main, state)
    for _ in range(6):
        chooser.main = main
        assert chooser.singles(RESCUE_S - 4) == [False]
        chooser.main = circuit(32, measured_a=0.0)
        for _ in range(2):  # a fall of what the building takes is believed with the second reading that shows it
            chooser.now += 1
            assert chooser.singles() == [False]
        assert chooser.memory.cars is not None
        assert isnan(chooser.memory.cars.better_since[0])


def on_one_phase(unit: Evse = SWITCHED) -> EvseState:
    return charging(unit, told_a=32, told_phases=1)


def test_it_goes_back_when_all_phases_give_more() -> None:
    """32 A on one against 48 A on three."""
    chooser = Chooser(circuit(32, measured_a=PhaseAmps(32.0, 16.0, 16.0)), on_one_phase(), single=[1])
    assert chooser.singles(BETTER_S - 0.1) == [True]
    assert chooser.singles(0.1) == [False]


def test_it_stays_on_one_phase_where_that_serves_as_well() -> None:
    """Between the two there is a gap, so that it doesn't swing."""
    for l2_a in (32 - 32 / 3, 32 - 32 / 3 - 1.9):
        chooser = Chooser(circuit(32, measured_a=PhaseAmps(32.0, l2_a, 0.0)), on_one_phase(), single=[1])
        assert chooser.singles(2 * BETTER_S) == [True]


def test_between_two_changes_it_rests() -> None:
    """Five minutes, however much better it would be."""
    chooser = Chooser(*full_l2(3), switched_at=[NOW - REST_S + 30])
    assert chooser.singles(30 - 0.1) == [False]
    assert chooser.singles(RESCUE_S + 5.1) == [True], "it must serve better for as long as ever"


def test_changes_are_counted() -> None:
    """Four at once, and four an hour come back."""
    chooser = Chooser(*full_l2(3))
    chooser.singles(RESCUE_S)
    assert chooser.memory.cars is not None
    assert chooser.memory.cars.switches.tolist() == [SWITCHES_AT_ONCE - 1]
    spent = Chooser(*full_l2(3), switches=[0.5])
    earned_s = 0.5 * 3600 / SWITCHES_PER_HOUR
    assert spent.singles(earned_s - 2) == [False]
    assert spent.singles(RESCUE_S + 5) == [True]


@pytest.mark.parametrize("used", [L1, L2, L3])
def test_a_one_phase_car_is_never_switched(used: Phase) -> None:
    """Learned from what it draws: there is nothing to gain."""
    main = circuit(32, measured_a=PhaseAmps.on([used], 26.0))
    state = replace(charging(SWITCHED, told_a=6), draw_a=PhaseAmps.on([used], 6.0))
    chooser = Chooser(main, state, used=[float(1 << PHASES.index(used))])
    assert chooser.singles(3 * BETTER_S) == [False]


def test_an_evse_that_can_t_be_told_is_never_switched() -> None:
    """And one that is wired to one phase can't, whatever it says."""
    for unit in (evse(1), evse(1, phases=(L2,), switches_phases=True)):
        assert Chooser(*full_l2(3, unit)).singles(2 * BETTER_S) == [False]


def test_who_comes_first_changes_first_and_one_at_a_time() -> None:
    """After the change of the first the second may need none."""
    main, first = full_l2(3, evse(1, switches_phases=True, rank=1))
    second = arrived(evse(2, switches_phases=True, phases=(L3, L2, L1)), waiting_since=NOW - 1)
    chooser = Chooser(main, first, second)
    assert chooser.singles(RESCUE_S) == [False, True]
    assert chooser.singles(RESCUE_S - 0.1) == [False, True]
    assert chooser.singles(0.1) == [True, True]


def test_a_car_of_an_earlier_rank_is_not_harmed_for_a_later_one() -> None:
    """The later one's three phases would leave the earlier one less."""
    main = circuit(32, measured_a=PhaseAmps(0.0, 20.0, 0.0))
    first, second = charging(evse(1, phases=(L2,)), told_a=20), on_one_phase(evse(2, switches_phases=True, rank=1))
    busy = replace(main, measured_a=PhaseAmps(32.0, 20.0, 0.0))
    chooser = Chooser(busy, first, second, single=[0, 1])
    assert chooser.singles(2 * BETTER_S) == [False, True]
