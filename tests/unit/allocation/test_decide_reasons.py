"""The decision: every reason is reached by a site, and says its sentence."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edge.allocation.background import Background
from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.exposure import OBEY_S, Holdings
from edge.allocation.problem import Need
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState, Reach
from edge.control.replay import first_difference
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.setpoint import SENTENCES, Reason, Setpoint
from edge.domain.site import ControlSettings, IdlePolicy
from edge.domain.station import EvseStatus
from edge.units import Phase, PhaseAmps
from tests.site_builders import (
    NOW,
    arrived,
    charging,
    circuit,
    evse,
    idle,
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

# One site for each reason: the first EVSE's setpoint has it. The sentence is exact.
SITES: Mapping[Reason, tuple[Snapshot, str]] = {
    Reason.MAXIMUM: (
        snapshot(circuit(63), charging(told_a=32)),
        "32.0 A: the most this EVSE can give",
    ),
    Reason.DEMAND_MET: (
        snapshot(circuit(63), charging(told_a=32, draw_a=10)),
        "12.0 A: all the car can use",
    ),
    Reason.CIRCUIT_FULL: (
        snapshot(circuit(42, "garage", margin_a=2), *(charging(evse(n, circuit="garage"), told_a=20) for n in (1, 2))),
        "20.0 A: garage L1 is full (40.0 of 40 A)",
    ),
    Reason.WAITING_FOR_ROOM: (
        snapshot(circuit(11, measured_a=6.0), arrived(evse(1))),
        "0.0 A: waits: main L1 has no 6 A left (6.0 of 11 A)",
    ),
    Reason.WAITING_FOR_TURN: (
        snapshot(circuit(11), arrived(evse(1), waiting_since=NOW), charging(evse(2), told_a=11)),
        "0.0 A: waits for its turn: main L1 can't start one car more (11.0 of 11 A)",
    ),
    Reason.STARTING: (
        snapshot(circuit(63), arrived()),
        "6.0 A: begins at its minimum, and rises when that is measured",
    ),
    Reason.RESTING: (
        snapshot(circuit(63), charging(told_a=0, draw_a=0)),
        "0.0 A: stopped a moment ago: stays off a little to spare car and contactor",
    ),
    Reason.WRITES_SPENT: (
        snapshot(circuit(63), charging(told_a=16)),
        "16.0 A: held: the station has been told enough for now",
    ),
    Reason.METER_LATE: (
        snapshot(circuit(63, measured_a=20.0, measured_at=NOW - 3), charging(told_a=16)),
        "16.0 A: meter grid is late: nothing rises until it answers",
    ),
    Reason.RECOVERING: (
        snapshot(circuit(63, measured_a=20.0), charging(told_a=16)),
        "18.0 A: rises step by step now that meter grid is back",
    ),
    Reason.SWITCHING_PHASES: (
        snapshot(circuit(63), charging(evse(switches_phases=True), told_a=32)),
        "6.0 A: is changing over to 1 of its phases",
    ),
    Reason.CIRCUIT_POWER_FULL: (
        snapshot(circuit(63, limit_w=230.0 * 36), charging(told_a=12)),
        "12.0 A: main has no power left (8280 of 8280 W)",
    ),
    Reason.SUN_MAY_GO: (
        snapshot(circuit(20, measured_a=9.0), charging(told_a=29)),
        "29.0 A: main L1 bears no more, should what feeds in be gone at once (29.0 of 29 A)",
    ),
    Reason.SHOWN_ONCE: (
        snapshot(circuit(20, measured_a=40.0), charging(told_a=16)),
        "6.0 A: its minimum stays: one reading alone has shown main L1 so full (30.0 of 20 A)",
    ),
    Reason.IMBALANCE: (
        snapshot(circuit(63), charging(evse(phases=(L2,)), told_a=20), imbalance_limit_a=20.0),
        "20.0 A: L2 carries 20.0 A more than L1, and 20 A are allowed",
    ),
    Reason.READY_IN_TIME: (
        snapshot(
            circuit(32),
            charging(evse(1), told_a=20, need=Need(energy_wanted_wh=230.0 * 3 * 20, time_left_s=3600.0)),
            charging(evse(2), told_a=12),
        ),
        "20.0 A: the rate that makes the car ready in time",
    ),
    Reason.LIMITED: (
        replace(
            snapshot(circuit(63), charging(told_a=20)),
            limits=(LimitStated(source=LimitSource.GRID, circuit="main", at=NOW - 60, limit_a=20.0),),
        ),
        "20.0 A: the grid operator allows main 20 A (20.0 A on L1)",
    ),
    Reason.LIMIT_ENDED: (
        replace(
            snapshot(circuit(63), charging(told_a=20)),
            limits=(
                LimitStated(
                    source=LimitSource.BMS_MODBUS,
                    circuit="main",
                    at=NOW - 60,
                    limit_a=40.0,
                    ends_at=NOW,
                    fallback_a=20.0,
                ),
            ),
        ),
        "20.0 A: the building (Modbus) is silent: main falls back to 20 A (20.0 A on L1)",
    ),
    Reason.SURPLUS: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=12.0, surplus_a=10.0)),
        "10.0 A: goes by the sun's surplus (10.0 A)",
    ),
    Reason.ECO: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=12.0, surplus_a=10.0, eco=True)),
        "10.0 A: eco mode: goes by the sun's surplus (10.0 A)",
    ),
    Reason.ECO_WAITS: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=12.0, surplus_a=0.0, eco=True)),
        "0.0 A: eco mode: waits for surplus",
    ),
    Reason.SAFE_KEPT: (
        snapshot(
            circuit(63), replace(charging(told_a=6), surplus_a=6.0), settings=ControlSettings(idle=IdlePolicy.SAFE)
        ),
        "6.0 A: its safe current: no session here is told less",
    ),
    Reason.CLOSED: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=12.0, hours_a=0.0)),
        "0.0 A: outside the hours of its class",
    ),
    Reason.CLOSING: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=12.0, hours_a=6.0)),
        "6.0 A: goes on at its minimum: the hours of its class are over",
    ),
    Reason.CLOUD_LIMIT: (
        snapshot(circuit(63), replace(charging(told_a=10), cloud_a=10.0)),
        "10.0 A: the cloud's charging profile allows 10 A",
    ),
    Reason.TOKEN_REFUSED: (
        snapshot(circuit(63), replace(charging(told_a=10), barred=True)),
        "0.0 A: the token of this session is no longer good",
    ),
    Reason.CAR_DISOBEYED: (
        snapshot(circuit(63), replace(charging(told_a=0, draw_a=0), unruly_a=0.0)),
        "0.0 A: the car drew more than it was allowed: no more than this for a turn",
    ),
    Reason.NO_WHOLE_STEP: (
        snapshot(circuit(63), arrived(evse(min_a=6, max_a=7, step_a=4.0))),
        "0.0 A: no whole step of its limit lies between the least and the most this EVSE can give",
    ),
    Reason.WHOLE_STEPS: (
        snapshot(circuit(63), charging(evse(step_a=4.0), told_a=32, draw_a=11)),
        "12.0 A: all the car can use in whole steps",
    ),
    Reason.WAITING_FOR_CUT: (
        snapshot(circuit(32), arrived(evse(1)), charging(evse(2), told_a=32)),
        "0.0 A: waits until others have obeyed their cut on main L1",
    ),
    Reason.STEADYING: (
        snapshot(circuit(63), charging(told_a=16, told_at=NOW - 1)),
        "16.0 A: held a moment before it rises",
    ),
    Reason.CAR_PAUSED: (
        snapshot(circuit(6), charging(told_a=6, draw_a=0, status=EvseStatus.SUSPENDED_EV, paused=True)),
        "6.0 A: the car has paused; its minimum is there when it wakes",
    ),
    Reason.NOT_LET_IN: (
        snapshot(circuit(6), replace(charging(told_a=6, status=EvseStatus.PREPARING, paused=True), not_let_in=True)),
        "6.0 A: nobody is let in yet: its minimum is there when somebody is",
    ),
    Reason.IDLE: (
        snapshot(circuit(63), idle()),
        "0.0 A: no car is charging",
    ),
    Reason.METER_STALE: (
        snapshot(circuit(63, measured_a=20.0, measured_at=NOW - 60), charging(told_a=16)),
        "6.0 A: meter grid gives no reading: safe current",
    ),
    Reason.OVERLOAD: (
        snapshot(circuit(20, measured_a=PhaseAmps(16.0, 41.0, 16.0)), charging(told_a=16)),
        "0.0 A: main L2 is overloaded by what is not ours (25.0 of 20 A)",
    ),
    Reason.STATION_OFFLINE: (
        snapshot(circuit(63), charging(told_a=16, reach=Reach.OFFLINE)),
        "16.0 A: the station can't be reached: what it may draw by itself is kept free",
    ),
    Reason.STATION_NEW: (
        snapshot(circuit(63), replace(idle(), reach=Reach.NEW, holdings=NEW)),
        "6.0 A: the station has not confirmed a limit yet: what it may draw is kept free",
    ),
    Reason.STATION_SILENT: (
        snapshot(circuit(63), charging(told_a=16, reach=Reach.SILENT)),
        "16.0 A: the station doesn't answer: what it may draw by itself is kept free",
    ),
    Reason.STATION_REFUSES: (
        snapshot(circuit(63), charging(told_a=16, reach=Reach.REFUSING)),
        "16.0 A: the station refuses its limit: what it may draw by itself is kept free",
    ),
    Reason.STATION_DISOBEYS: (
        snapshot(circuit(63), charging(told_a=16, draw_a=20, reach=Reach.DISOBEYING)),
        "32.0 A: the station draws more than it accepted: what it may draw is kept free",
    ),
    Reason.STOPPED_DISOBEYING: (
        snapshot(circuit(20, measured_a=28.0), charging(told_a=6, draw_a=16, reach=Reach.DISOBEYING)),
        "32.0 A: the station draws more than it accepted and than there is: it is told to stop",
    ),
}


# What the decision before has to have left for it.
MEMORIES: Mapping[Reason, Memory] = {
    Reason.RESTING: remembered(SITES[Reason.RESTING][0], off_since=[NOW - 59]),
    Reason.WRITES_SPENT: remembered(SITES[Reason.WRITES_SPENT][0], writes=[0.9]),
    Reason.RECOVERING: remembered(
        SITES[Reason.RECOVERING][0],
        background={"main": Background(estimate_a=PhaseAmps.same(4), reading_at=NOW - 60, stale_at=NOW - 29)},
    ),
    Reason.SHOWN_ONCE: remembered(
        SITES[Reason.SHOWN_ONCE][0],
        background={
            "main": Background(
                estimate_a=PhaseAmps.same(4), reading_at=NOW - 1, measured_a=PhaseAmps.same(20), bounds=()
            )
        },
    ),
    Reason.STOPPED_DISOBEYING: remembered(SITES[Reason.STOPPED_DISOBEYING][0], overdrawn_since=[NOW - OBEY_S]),
    Reason.SWITCHING_PHASES: remembered(SITES[Reason.SWITCHING_PHASES][0], single=[1]),
}


def test_every_reason_has_its_sentence_and_its_site() -> None:
    """The tables are complete."""
    assert set(SENTENCES) == set(Reason)
    # On paper only: here what a car can use counts as its EVSE's minimum at least.
    assert {*SITES, Reason.BELOW_MINIMUM} == set(Reason)


@pytest.mark.parametrize("reason", SITES)
def test_each_reason_is_reached_and_says_its_sentence(reason: Reason) -> None:
    """By the site that the table has for it."""
    site, sentence = SITES[reason]
    setpoint = only(site, MEMORIES.get(reason))
    assert (setpoint.reason, setpoint.text) == (reason, sentence)


@pytest.mark.parametrize("reason", MEMORIES)
def test_some_reasons_come_from_what_was_before(reason: Reason) -> None:
    """The same site without it has another."""
    assert only(SITES[reason][0]).reason is not reason


def test_watts_are_told_at_the_voltage_that_is() -> None:
    """Fewer amperes at 240 V, and the sentence has the watts of the limit."""
    site = replace(snapshot(circuit(63, limit_w=240.0 * 36), charging(told_a=12)), voltage_v=240.0)
    assert only(site).text == "12.0 A: main has no power left (8640 of 8640 W)"


def test_the_same_snapshot_gives_the_same_decision() -> None:
    """Whatever was decided in between."""
    for reason, (site, _) in SITES.items():
        memory = MEMORIES.get(reason)
        assert first_difference(decided(site, memory).outcome, decided(site, memory).outcome) is None


AT_DC = charging(evse(max_a=87.0), told_a=14.4)


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (replace(AT_DC, unruly_a=14.49), "14.4 A: the car drew more than it was allowed: no more than this for a turn"),
        (replace(AT_DC, surplus_a=14.49), "14.4 A: goes by the sun's surplus (14.5 A)"),
        (replace(AT_DC, cloud_a=14.49), "14.4 A: the cloud's charging profile allows 14.49 A"),
    ],
)
def test_who_is_held_below_its_maximum_is_told_by_whom_in_whole_steps_too(held: EvseState, text: str) -> None:
    """10 kW at a DC post are 14.49 A; its limits are told in tenths."""
    assert only(snapshot(circuit(163), held)).text == text


SAFE = ControlSettings(idle=IdlePolicy.SAFE)


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (replace(charging(told_a=6), surplus_a=6.0), None),  # beneath a cloud as beneath just so much sun
        (replace(charging(told_a=6), surplus_a=6.0, eco=True), None),
        (replace(charging(told_a=6), surplus_a=0.0, eco=True), None),
        (replace(charging(told_a=6), cloud_a=0.0), None),
        (replace(charging(told_a=6), hours_a=0.0), None),
        (replace(charging(told_a=6), cloud_a=6.0), "6.0 A: the cloud's charging profile allows 6 A"),
        (
            replace(charging(told_a=7), surplus_a=7.0),
            "7.0 A: goes by the sun's surplus (7.0 A)",
        ),
    ],
)
def test_a_safe_current_that_is_kept_is_nobody_s_gift(held: EvseState, text: str | None) -> None:
    """idle = "safe": "which leaves it 6.0 A" was said of a sun that leaves none."""
    assert only(snapshot(circuit(63), held, settings=SAFE)).text == (
        text or "6.0 A: its safe current: no session here is told less"
    )
