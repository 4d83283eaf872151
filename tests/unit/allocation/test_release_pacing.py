"""Release: how raises, starts and changes of phases are paced."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edge.allocation.background import Background
from edge.allocation.memory import Memory
from edge.allocation.release import (
    RAISES_AT_ONCE,
    RECOVERY_STEP_A,
    Held,
)
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState
from edge.domain.site import ControlSettings, EvseKey
from edge.units import PHASES, PhaseAmps
from tests.site_builders import (
    NOW,
    arrived,
    charging,
    circuit,
    evse,
    remembered,
    snapshot,
)
from tests.unit.allocation.release_bench import Told, released, told

L1, L2, L3 = PHASES
MAIN = ("main", L1)


def test_a_car_that_was_stopped_rests() -> None:
    """For min_off_s: spares the contactor, and the car's own."""
    site = snapshot(circuit(63), charging(told_a=0, draw_a=0), settings=ControlSettings(min_off_s=60.0))
    stopped_s = {59.9: Told(0.0, Held.RESTING), 60.0: Told(6.0, Held.STARTING)}
    for seconds, expected in stopped_s.items():
        assert released(site, 16.0, memory=remembered(site, off_since=[NOW - seconds]))[1] == [expected]


def test_a_cut_does_not_rest() -> None:
    """Nor does a raise of one that goes on."""
    for wish_a in (6.0, 20.0):
        site = snapshot(circuit(63), charging(told_a=16))
        assert released(site, wish_a, memory=remembered(site, off_since=[NOW]))[1] == [Told(wish_a)]


def test_what_may_switch_and_was_told_all_phases_is_raised_as_any() -> None:
    """Only one that was told one phase has to show that it keeps to it."""
    told = charging(evse(switches_phases=True), told_a=10, told_at=NOW - 40)
    assert released(snapshot(circuit(63), told), 20.0)[1] == [Told(20.0)]
    alone = replace(told, told_phases=1)
    site = snapshot(circuit(63), alone)
    assert released(site, 20.0, memory=remembered(site, single=[1]))[1] == [Told(10.0, Held.SWITCHING, single=True)]


def test_raises_spend_what_a_station_may_be_told() -> None:
    """So many at once; each costs one, and more come with time. Cuts and renewals cost nothing."""
    site = snapshot(circuit(63), charging(told_a=10), settings=ControlSettings(raises_per_hour=240.0))
    given, _ = released(site, 20.0)
    assert given.cars.writes.tolist() == [RAISES_AT_ONCE - 1]
    for wish_a in (8.0, 10.0):
        assert released(site, wish_a)[0].cars.writes.tolist() == [RAISES_AT_ONCE]
    spent = remembered(site, writes=[0.5])
    given, told = released(site, 20.0, memory=spent, elapsed_s=7.0)
    assert (told, given.cars.writes.tolist()) == ([Told(10.0, Held.WRITES)], [pytest.approx(0.5 + 7 / 15)])
    given, told = released(site, 20.0, memory=spent, elapsed_s=7.5)
    assert (told, given.cars.writes.tolist()) == ([Told(20.0)], [pytest.approx(0.0)])


def test_a_spent_station_is_cut_and_started_all_the_same() -> None:
    """A cut is never counted, and no car waits for its minimum."""
    running = snapshot(circuit(63), charging(told_a=10))
    assert released(running, 6.0, memory=remembered(running, writes=[0.0]))[1] == [Told(6.0)]
    waiting = snapshot(circuit(63), arrived())
    assert released(waiting, 6.0, memory=remembered(waiting, writes=[0.0]))[1] == [Told(6.0)]


def test_the_evses_of_a_station_spend_together() -> None:
    """Its memory is one."""
    twins = [replace(evse(number), key=EvseKey(station="CP-1", evse=number)) for number in (1, 2)]
    site = snapshot(circuit(63), *(charging(unit, told_a=10) for unit in twins), charging(evse(3), told_a=10))
    given, _ = released(site, 12.0, 12.0, 10.0)
    assert given.cars.writes.tolist() == [RAISES_AT_ONCE - 2] * 2 + [RAISES_AT_ONCE]


def test_nothing_rises_while_a_meter_is_late() -> None:
    """Nor begins; cuts go out as ever. EVSEs below other circuits alone aren't held."""
    late = circuit(63, measured_a=20.0, measured_at=NOW - 3)
    assert told(late, (charging(told_a=10), 16.0)) == [Told(10.0, Held.METER_LATE)]
    assert told(late, (charging(told_a=10), 6.0)) == [Told(6.0)]
    assert told(late, (arrived(), 16.0)) == [Told(0.0, Held.METER_LATE)]
    circuits = (circuit(63), circuit(32, "sub", parent="main", measured_a=20.0, measured_at=NOW - 3))
    site = snapshot(circuits, charging(evse(1), told_a=10), charging(evse(2, circuit="sub"), told_a=10))
    assert released(site, 16.0, 16.0)[1] == [Told(16.0), Told(10.0, Held.METER_LATE)]


def back(*states: EvseState) -> Snapshot:
    return snapshot(circuit(63, measured_a=20.0), *states)


def memory_of_a_gap(site: Snapshot) -> Memory:
    gap: Mapping[str, Background] = {
        "main": Background(estimate_a=PhaseAmps.same(4.0), reading_at=NOW, stale_at=NOW - 5)
    }
    return remembered(site, background=gap)


def test_what_is_given_rises_in_small_steps_after_a_meter_was_lost() -> None:
    """2 A at a time; a start is at the minimum anyhow, and a cut is a cut."""
    for state, wish_a, expected in (
        (charging(told_a=10), 16.0, Told(10 + RECOVERY_STEP_A, Held.RECOVERING)),
        (charging(told_a=10), 11.5, Told(11.5)),
        (charging(told_a=10), 7.0, Told(7.0)),
        (arrived(), 16.0, Told(6.0, Held.STARTING)),
    ):
        assert released(back(state), wish_a, memory=memory_of_a_gap(back(state)))[1] == [expected]


SWITCHED = evse(switches_phases=True, phases=(L2, L3, L1))


def test_a_change_to_one_phase_begins_at_the_minimum() -> None:
    """Told with it; it costs a write like a raise."""
    site = snapshot(circuit(63), charging(SWITCHED, told_a=10))
    given, told = released(site, 32.0, memory=remembered(site, single=[1]))
    assert told == [Told(6.0, Held.SWITCHING, single=True)]
    assert given.cars.writes.tolist() == [RAISES_AT_ONCE - 1]


def test_a_change_to_all_phases_waits_for_room_on_all() -> None:
    """Until then it goes on, on its one phase, with no more than it should get."""
    one = charging(SWITCHED, told_a=16, told_phases=1)
    other = charging(evse(2, phases=(L3,)), told_a=28)
    site = snapshot(circuit(32), one, other)
    assert released(site, 10.0, 22.0)[1] == [Told(10.0, Held.FOR_CUT, ("main", L3), single=True), Told(22.0)]
    obeyed = snapshot(circuit(32), one, charging(evse(2, phases=(L3,)), told_a=22))
    assert released(obeyed, 10.0, 22.0)[1] == [Told(6.0, Held.SWITCHING), Told(22.0)]


def test_a_car_begins_on_as_many_phases_as_it_is_to_use() -> None:
    """And nothing is said of phases before it begins."""
    site = snapshot(circuit(63), arrived(SWITCHED))
    assert released(site, 32.0, memory=remembered(site, single=[1]))[1] == [Told(6.0, Held.STARTING, single=True)]
    full = snapshot(circuit(5), arrived(SWITCHED))
    assert released(full, 32.0, memory=remembered(full, single=[1]))[1] == [
        Told(0.0, Held.FOR_CUT, ("main", L2), single=False)
    ]


def test_a_change_waits_for_writes_and_meters_like_a_raise() -> None:
    """It goes on as it is."""
    state = charging(SWITCHED, told_a=10)
    site = snapshot(circuit(63), state)
    assert released(site, 32.0, memory=remembered(site, single=[1], writes=[0.0]))[1] == [Told(10.0, Held.WRITES)]
    late = snapshot(circuit(63, measured_a=20.0, measured_at=NOW - 3), state)
    assert released(late, 32.0, memory=remembered(late, single=[1]))[1] == [Told(10.0, Held.METER_LATE)]
