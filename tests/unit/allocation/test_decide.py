"""The decision: precedence, fallbacks, reserves and modes."""

from dataclasses import replace
from math import nan

import pytest

from edge.allocation.background import Background
from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.exposure import Holdings
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState, Reach
from edge.allocation.turns import WAKE_S
from edge.domain.setpoint import Reason, Setpoint
from edge.domain.site import ControlSettings, IdlePolicy, Mode, Priority
from edge.domain.station import EvseStatus
from edge.units import Phase, PhaseAmps
from tests.site_builders import (
    NOW,
    arrived,
    charging,
    circuit,
    evse,
    grant,
    idle,
    idle_grant,
    key,
    remembered,
    snapshot,
)

L2, L3 = Phase.L2, Phase.L3


def decided(site: Snapshot, memory: Memory | None = None) -> Decision:
    return decide(site, memory or Memory())


def only(site: Snapshot, memory: Memory | None = None) -> Setpoint:
    """The setpoint of the first EVSE."""
    return decided(site, memory).setpoints[0]


NEW = Holdings(baseline_a=32.0)


def test_a_setpoint_names_the_phase_that_binds() -> None:
    """A one-phase car on L3 and a rotated three-phase one."""
    site = snapshot(
        circuit(32, measured_a=PhaseAmps(16.0, 16.0, 32.0)),
        charging(evse(1, phases=(L3,)), told_a=16),
        charging(evse(2, phases=(L2, L3, Phase.L1)), told_a=16),
    )
    assert [(point.circuit, point.phase) for point in decided(site).setpoints] == [("main", L3), ("main", L3)]


def test_who_is_served_first() -> None:
    """Rank, then who charges before who waits, then the longest wait, then the name; who has paused comes last."""
    site = snapshot(
        circuit(100),
        charging(evse(1), status=EvseStatus.SUSPENDED_EV, paused=True, waiting_since=0),
        charging(evse(2, rank=1), waiting_since=0),
        arrived(evse(3), waiting_since=NOW - 50),
        arrived(evse(4), waiting_since=NOW - 60),
        charging(evse(6), waiting_since=NOW - 10),
        charging(evse(5), waiting_since=NOW - 10),
        idle(evse(7)),
    )
    slept = remembered(site, asleep_since=[NOW - WAKE_S, *[nan] * 6])
    assert decided(site, slept).precedence == tuple(key(number) for number in (5, 6, 4, 3, 2, 1))


def test_one_of_two_goes_on_where_both_do_not_fit() -> None:
    """14 A at 7/7 falls to 11: the one that came first keeps 11 A, the other pauses."""
    site = snapshot(
        circuit(11), charging(evse(1), told_a=7, waiting_since=20), charging(evse(2), told_a=7, waiting_since=10)
    )
    first, second = decided(site).setpoints
    assert (first.limit_a, first.reason) == (0.0, Reason.WAITING_FOR_TURN)
    assert (second.limit_a, second.reason) == (7.0, Reason.WAITING_FOR_CUT)


def test_a_little_that_another_measures_above_its_limit_is_no_cut_to_obey() -> None:
    """The first was told 16 A and tells 16.1: there is nothing that it has yet to do."""
    first, second = charging(evse(1), told_a=16, draw_a=16.1), charging(evse(2), told_a=14)
    told = decide(snapshot(circuit(32), first, second), Memory()).setpoints[1]
    assert (told.limit_a, told.reason) == (15.9, Reason.STEADYING)


def test_a_new_car_gets_no_more_than_what_is_measured_free() -> None:
    """10 A limit, 3.2 A used: never above 6.8 A. It begins with 6, and rises when that has stood for a while."""
    assert only(snapshot(circuit(10, measured_a=3.2), arrived())).limit_a == 6
    site = circuit(10, measured_a=9.2)
    held = only(snapshot(site, charging(told_a=6, told_at=NOW - 30)))
    assert (held.limit_a, held.reason) == (6, Reason.STEADYING)
    assert only(snapshot(site, charging(told_a=6))).limit_a == 6.8
    assert only(snapshot(site, charging(evse(max_a=6.8), told_a=6, told_at=NOW - 30))).limit_a == 6.8


def test_a_station_that_has_just_connected_costs_nobody_his_current() -> None:
    """Its safe current is kept free; all that it may hold keeps others from rising."""
    new = replace(idle(evse(2)), reach=Reach.NEW, holdings=NEW)
    assert only(snapshot(circuit(32), charging(evse(1), told_a=16), new)).limit_a == 16
    assert only(snapshot(circuit(32), charging(evse(1), told_a=26), new)).limit_a == 26
    assert only(snapshot(circuit(32), charging(evse(1), told_a=28), new)).limit_a == 26


def test_an_offline_station_is_reserved_at_what_it_may_draw() -> None:
    """And the others share the rest."""
    away = charging(evse(2), told_a=10, reach=Reach.OFFLINE)
    setpoint, reserved = decided(snapshot(circuit(32), charging(evse(1), told_a=32), away)).setpoints
    assert setpoint.limit_a == 22
    assert (reserved.limit_a, reserved.reserved_a) == (None, 10)


def test_a_stale_meter_lowers_those_below_it_alone() -> None:
    """The car on another circuit with a meter of its own keeps its current."""
    circuits = (
        circuit(63),
        circuit(32, "a", parent="main", meter="a", measured_a=20.0, measured_at=NOW - 60),
        circuit(32, "b", parent="main", meter="b", measured_a=20.0),
    )
    decision = decided(
        snapshot(circuits, charging(evse(1, circuit="a"), told_a=16), charging(evse(2, circuit="b"), told_a=16))
    )
    assert [point.limit_a for point in decision.setpoints] == [6, 28]
    assert decision.stale == frozenset({"a"})


def test_a_stale_meter_never_raises_anybody() -> None:
    """The worst background that is known counts on, and a car at 0 gets no more than fits beside it."""
    site = snapshot(circuit(32, measured_a=0.0, measured_at=NOW - 60, reserve_a=20), arrived(evse(1)), arrived(evse(2)))
    known = Memory(background={"main": Background(estimate_a=PhaseAmps.same(25), reading_at=NOW - 60)})
    assert [point.limit_a for point in decided(site, known).setpoints] == [6, 0]
    assert [point.limit_a for point in decided(site).setpoints] == [6, 6]


def test_a_safe_current_too_small_to_charge_with_is_none() -> None:
    """Without its meter such an EVSE pauses."""
    site = snapshot(circuit(63, measured_a=20.0, measured_at=NOW - 60), charging(evse(fallback_a=0), told_a=16))
    assert only(site).text == "0.0 A: meter grid gives no reading: safe current"


def test_observing_tells_what_it_would_do() -> None:
    """Nobody obeys us, and no cut is waited for."""
    new = [charging(evse(n), told_a=0, draw_a=16, told_at=None, reach=Reach.NEW, holdings=NEW) for n in (1, 2)]
    site = snapshot(circuit(40, measured_a=42.0), *new, settings=ControlSettings(mode=Mode.OBSERVE))
    assert [point.text for point in decided(site).setpoints] == ["15.0 A: main L1 is full (40.0 of 40 A)"] * 2


SAFE = ControlSettings(idle=IdlePolicy.SAFE)


def with_idle_at_safe(state: EvseState) -> EvseState:
    return replace(state, holdings=replace(state.holdings, idle=(idle_grant(6),)))


def test_idle_evses_keep_their_safe_current_free_where_they_hold_it() -> None:
    """idle = "safe": a session may begin in any instant."""
    waiting = with_idle_at_safe(idle(evse(2)))
    setpoint, other = decided(snapshot(circuit(32), charging(evse(1), told_a=16), waiting, settings=SAFE)).setpoints
    assert setpoint.limit_a == 26
    assert (other.limit_a, other.reason) == (6, Reason.IDLE)


def test_a_paused_cars_safe_current_is_not_lent_where_it_may_come_back_at_it() -> None:
    """idle = "safe": its session may end and the next begin at 6 A before we hear of it."""
    paused = with_idle_at_safe(charging(evse(2), told_a=6, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True))
    site = snapshot(circuit(32), with_idle_at_safe(charging(evse(1), told_a=16)), paused, settings=SAFE)
    assert [point.limit_a for point in decided(site).setpoints] == [26, 6]


def test_a_safe_current_that_any_session_may_begin_with_comes_before_all_ranks() -> None:
    """idle = "safe": to take it from its car frees nothing, and who comes first would wait for that for ever."""
    first = charging(evse(1, fallback_a=0), told_a=0, draw_a=0)
    last = with_idle_at_safe(charging(evse(2, rank=1), told_a=11))
    waits, keeps = decided(snapshot(circuit(11), first, last, settings=SAFE)).setpoints
    assert waits.text == "0.0 A: waits for its turn: main L1 can't start one car more (11.0 of 11 A)"
    assert keeps.limit_a == 11


def test_a_paused_cars_safe_current_is_told_once_where_it_is_kept_free() -> None:
    """idle = "safe": 26 A and 6 A fill 32 A, and the sentence doesn't add those 6 A twice.."""
    paused = with_idle_at_safe(charging(evse(2), told_a=6, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True))
    site = snapshot(circuit(32), with_idle_at_safe(charging(evse(1), told_a=26)), paused, settings=SAFE)
    first, second = decided(site, remembered(site, asleep_since=[nan, NOW - WAKE_S])).setpoints
    assert first.text == "26.0 A: main L1 is full (32.0 of 32 A)"
    assert second.reason is Reason.CAR_PAUSED


def test_what_a_car_may_hold_to_its_end_comes_before_all_ranks() -> None:
    """To stop it frees nothing of what it may hold from before our start, and who comes first would wait for a cut to
    the end of its session."""
    first, second = charging(evse(1), told_a=6), charging(evse(2), told_a=0, draw_a=0)
    holds = charging(evse(3, rank=1), told_a=0, draw_a=0)
    holds = replace(holds, holdings=replace(holds.holdings, baseline_a=6.0, governed_at=NOW - 60, remains=True))
    points = decided(snapshot(circuit(16), first, second, holds)).setpoints
    assert [(bool(point.limit_a), point.reason) for point in points] == [
        (True, Reason.CIRCUIT_FULL),
        (False, Reason.WAITING_FOR_TURN),
        (True, Reason.CIRCUIT_FULL),
    ]


def test_what_a_paused_car_may_hold_to_its_end_goes_to_no_other_that_paused() -> None:
    """The other goes before it; what it holds from before our start nobody else can have."""
    first = charging(evse(2), told_a=0, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True)
    holds = charging(evse(3, rank=1), told_a=6, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True)
    holds = replace(holds, holdings=replace(holds.holdings, baseline_a=6.0, governed_at=NOW - 60, remains=True))
    site = snapshot(circuit(32), charging(evse(1), told_a=26), first, holds)
    points = decided(site, remembered(site, asleep_since=[nan, NOW - WAKE_S, NOW - WAKE_S])).setpoints
    assert [point.text for point in points] == [
        "26.0 A: main L1 is full (32.0 of 32 A)",
        "0.0 A: waits: main L1 has no 6 A left (32.0 of 32 A)",
        "6.0 A: the car has paused; its minimum is there when it wakes",
    ]


def test_a_paused_cars_minimum_is_lent_otherwise() -> None:
    """What it leaves is used; it gets its minimum back out of what the others leave."""
    paused = charging(evse(2), told_a=6, told_at=NOW - 60, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True)
    site = snapshot(circuit(32), charging(evse(1), told_a=26), paused)
    first, second = decided(site, remembered(site, asleep_since=[nan, NOW - WAKE_S])).setpoints
    assert (first.limit_a, first.reason) == (26, Reason.WAITING_FOR_CUT)
    assert (second.limit_a, second.reason) == (0, Reason.WAITING_FOR_ROOM)


def test_setpoints_come_in_the_snapshots_order() -> None:
    """One for each EVSE."""
    states = [idle(evse(3)), charging(evse(1)), arrived(evse(2))]
    assert [point.key for point in decided(snapshot(circuit(63), *states)).setpoints] == [key(3), key(1), key(2)]


def test_exposure_is_told_for_each_circuit() -> None:
    """Of all EVSEs below it."""
    circuits = (circuit(63), circuit(32, "sub", parent="main"))
    site = snapshot(circuits, charging(evse(1), told_a=10), charging(evse(2, circuit="sub", phases=(L2,)), told_a=16))
    assert decided(site).exposure_a == {"main": PhaseAmps(10.0, 26.0, 10.0), "sub": PhaseAmps(0.0, 16.0, 0.0)}


def test_a_trim_is_remembered() -> None:
    """Part of the decision, so that a recorded one replays."""
    decision = decided(snapshot(circuit(63), charging(told_a=32, draw_a=10)))
    assert decision.memory.cars is not None
    assert decision.memory.cars.trim_a.tolist() == [12]
    assert decision.memory.background == {}


def test_a_held_limit_is_renewed_as_it_is() -> None:
    """Nothing changes at a site where nothing changes."""
    states = [
        charging(evse(n), told_a=16, holdings=Holdings(baseline_a=None, session=(grant(16, sent_at=NOW - 60),)))
        for n in (1, 2)
    ]
    assert [point.limit_a for point in decided(snapshot(circuit(32), *states)).setpoints] == [16, 16]


@pytest.mark.parametrize(
    "car",
    [
        charging(evse(min_a=6.5, step_a=1.0), told_a=7, draw_a=4),
        charging(evse(min_a=6.5, step_a=1.0), told_a=7, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True),
    ],
    ids=["takes little", "has paused"],
)
def test_a_minimum_between_two_steps_is_kept_in_whole_steps(car: EvseState) -> None:
    """7 A where the minimum is 6.5 A in steps of 1 A: a car that takes less, or sleeps, isn't stopped for it."""
    assert decide(snapshot(circuit(7.5), car), Memory()).setpoints[0].limit_a == 7.0


def test_the_rank_of_the_session_goes_before_that_of_the_post() -> None:
    """The director's badge charges first at a visitor's post; without it, the post's own rank counts."""
    staff, visitor = charging(evse(1), told_a=16), charging(evse(2, rank=1), told_a=6)
    assert decided(snapshot(circuit(22), staff, visitor)).shares.amps.tolist() == [16.0, 6.0]
    badge = replace(visitor, priority=Priority(rank=0, weight=1.0))
    guest = replace(staff, priority=Priority(rank=1))
    turned = decided(snapshot(circuit(22), guest, badge)).shares.amps.tolist()
    assert turned == [6.0, 16.0]
