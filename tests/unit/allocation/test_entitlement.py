"""Entitlement: what each EVSE may be drawing, and the bounds of what it does draw."""

from dataclasses import replace

import numpy as np
import pytest

from edge.allocation.decide import Memory, decide
from edge.allocation.entitlement import SAMPLE_LIFE_S, entitle, rounded_down
from edge.allocation.exposure import OBEY_S, Holdings
from edge.allocation.layout import Bools
from edge.allocation.state import EvseState, Reach
from edge.units import PHASES, Phase, PhaseAmps
from tests.site_builders import (
    NOW,
    arrived,
    charging,
    circuit,
    entitled,
    evse,
    exposure_a,
    grant,
    idle,
    idle_grant,
    snapshot,
)

L1, L2, L3 = PHASES


def bounds(state: EvseState) -> tuple[float, float]:
    """Of what is drawn on L1 now."""
    entitlement = entitled(snapshot(circuit(63), state))
    return float(entitlement.low_a[0, 0]), float(entitlement.high_a[0, 0])


def exposed(state: EvseState, *used: Phase) -> list[float]:
    """By phase, where the car is known to use these of those that the EVSE is wired to."""
    site = snapshot(circuit(63), state)
    in_use: Bools = site.plant.grid.wired.copy()
    if used:
        in_use[0] = [phase in used for phase in PHASES]
    by_phase: list[float] = entitle(site.plant.grid, site.fleet, in_use, NOW).exposure_a[0].tolist()
    return by_phase


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


def test_a_raise_hides_no_rise_on_a_phase_that_its_car_does_not_use() -> None:
    """A car on L3 alone may be on its way to 16 A there; what rises on L1 and L2 is the building's."""
    rising = replace(charging(told_a=16, told_at=NOW - 4, drawn_at=NOW - 8), raised_at=NOW - 4)
    rising = replace(rising, draw_a=PhaseAmps(0.0, 0.0, 6.0))
    site = snapshot(circuit(63), rising)
    for phases, high_a in (([L3], [0.0, 0.0, 16.0]), ([L1, L2, L3], [16.0, 16.0, 16.0])):
        in_use: Bools = np.array([[phase in phases for phase in PHASES]])
        assert entitle(site.plant.grid, site.fleet, in_use, NOW).high_a[0].tolist() == high_a


def test_a_car_that_took_its_raise_up_on_one_phase_hides_nothing_on_the_others() -> None:
    """It isn't on its way any more, though it isn't known yet that it will never use them."""
    told = charging(told_a=16, told_at=NOW - OBEY_S - 5, drawn_at=NOW - 2)
    for drawn_a, high_a in ((16.0, [0.0, 0.0, 16.0]), (12.0, [16.0, 16.0, 16.0])):
        rising = replace(told, raised_at=NOW - OBEY_S - 5, draw_a=PhaseAmps(0.0, 0.0, drawn_a))
        assert entitled(snapshot(circuit(63), rising)).high_a[0].tolist() == high_a


def test_a_cut_in_progress_hides_no_rise() -> None:
    """The car was cut from 16 to 12 A and drew 14: whatever flows beyond 14 is the building's."""
    holdings = Holdings(
        baseline_a=None,
        session=(replace(grant(16, sent_at=NOW - 60), replaced_at=NOW - 1), grant(12, command=2)),
    )
    cut = charging(told_a=12, told_at=NOW - 1, draw_a=14, drawn_at=NOW - 4, holdings=holdings)
    assert exposure_a(cut) == 16
    assert bounds(cut) == (12, 14)


def test_a_car_that_was_not_sampled_for_long_may_have_gone() -> None:
    """It drew 12 A at most; out of reach it counts as a part of the building."""
    old = charging(told_a=16, told_at=NOW - 900, draw_a=12, drawn_at=NOW - SAMPLE_LIFE_S - 1)
    assert bounds(old) == (0, 12)
    assert bounds(replace(old, reach=Reach.OFFLINE)) == (0, 0)


def test_exposure_is_never_less_than_what_is_drawn() -> None:
    """A station that measures more than it was told."""
    assert exposure_a(charging(told_a=10, draw_a=10.8, told_at=NOW - 30)) == 10.8


def test_a_sample_from_before_a_cut_is_no_exposure() -> None:
    """After the time to obey the limit bounds it, until the next sample says otherwise."""
    cut = charging(told_a=6, told_at=NOW - OBEY_S - 1, draw_a=16, drawn_at=NOW - OBEY_S - 5)
    assert exposure_a(cut) == 6


def test_one_that_disobeys_may_draw_all_it_can() -> None:
    """Its rating, not its limit."""
    assert exposure_a(charging(told_a=6, reach=Reach.DISOBEYING)) == 32


def test_one_under_no_limit_may_draw_all_it_can() -> None:
    """Before anything is known of it."""
    assert exposure_a(charging(holdings=Holdings(baseline_a=None), told_a=0)) == 32


def test_a_limit_above_the_rating_is_the_rating() -> None:
    """No EVSE draws more than it can."""
    assert exposure_a(charging(evse(max_a=16), told_a=32, draw_a=16)) == 16


def test_exposure_lies_on_the_grid_phases_of_the_evse() -> None:
    """And where a sample shows current on another phase, there too."""
    state = replace(charging(evse(phases=(L2,)), told_a=16, told_at=NOW - 30), draw_a=PhaseAmps(3.0, 10.0, 0.0))
    assert exposed(state) == [3, 16, 0]


def test_an_idle_evse_is_exposed_to_its_idle_limit() -> None:
    """Out of reach, to what it will rise to by itself."""
    assert exposure_a(idle()) == 0
    assert exposure_a(replace(idle(), reach=Reach.OFFLINE)) == 6
    assert exposure_a(replace(idle(), holdings=Holdings(baseline_a=None, idle=(idle_grant(6),)))) == 6


def test_an_idle_station_out_of_reach_without_an_idle_limit_may_draw_all_it_can() -> None:
    """A limit of the session that we knew binds no session that began since."""
    away = charging(told_a=10, reach=Reach.OFFLINE)
    assert exposure_a(away) == 10
    assert exposure_a(replace(away, holdings=replace(away.holdings, idle=()))) == 32


def test_what_was_never_seen_is_bounded_by_what_it_may_hold_from_before() -> None:
    """Idle or not: that bounds everything, until our own limits do."""
    unseen = replace(idle(), reach=Reach.OFFLINE, holdings=Holdings(baseline_a=10.0))
    assert exposure_a(unseen) == 10
    session = (grant(6),)
    obeying = charging(
        told_a=6, reach=Reach.OFFLINE, holdings=Holdings(baseline_a=10.0, governed_at=NOW - 1, session=session)
    )
    assert exposure_a(obeying) == 32, "it bounds the session that was found, not one that began since"


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        (Holdings(baseline_a=None, idle=(idle_grant(),), session=(grant(16),)), [16, 0, 0]),
        (Holdings(baseline_a=None, idle=(idle_grant(6),), session=(grant(16),)), [16, 6, 6]),
        (Holdings(baseline_a=12.0, governed_at=NOW - 1, idle=(idle_grant(),), session=(grant(16),)), [16, 12, 12]),
    ],
    ids=["its session", "any session that begins", "what it held before"],
)
def test_a_car_that_uses_one_phase_is_exposed_on_that(holdings: Holdings, expected: list[float]) -> None:
    """Only the limits of its own session: what else may begin is another car, which may use all that is wired."""
    assert exposed(charging(told_a=16, drawn_at=None, holdings=holdings), L1) == expected


def test_a_limit_for_one_phase_lies_on_the_evses_own_l1() -> None:
    """Whatever grid phase that is; and a limit for all phases that may still be in force lies on all."""
    unit = evse(phases=(L2, L3, L1))
    one, all_phases = grant(16, command=2, phases=1), grant(10, command=1, phases=3)
    state = charging(unit, told_a=16, drawn_at=None, holdings=Holdings(baseline_a=None, session=(one,)))
    assert exposed(state) == [0, 16, 0]
    lingers = replace(state, holdings=Holdings(baseline_a=None, session=(all_phases, one)))
    assert exposed(lingers) == [10, 16, 10]


def test_one_that_disobeys_may_draw_on_every_phase() -> None:
    """Also on those that its car wasn't seen to use."""
    assert exposed(charging(told_a=6, draw_a=9, reach=Reach.DISOBEYING), L1) == [32, 32, 32]


def test_what_an_evse_has_is_what_it_was_told_unless_that_is_over() -> None:
    """After its lease it is at its safe current, whatever it draws."""
    over = Holdings(baseline_a=None, session=(grant(16, sent_at=NOW - 400),))
    states = charging(evse(1), told_a=16), charging(evse(2), told_a=16, told_at=NOW - 400, draw_a=6, holdings=over)
    assert entitled(snapshot(circuit(63), *states)).held_a.tolist() == [16, 6]
    disobeys = replace(states[1], draw_a=PhaseAmps.same(12.0))
    assert entitled(snapshot(circuit(63), disobeys)).held_a.tolist() == [6]
    assert exposure_a(disobeys) == 12


def test_an_evse_without_a_session_draws_what_was_sampled() -> None:
    """Nothing bounds it from below."""
    alone = replace(idle(), draw_a=PhaseAmps.same(0.3), drawn_at=NOW - 10)
    assert bounds(alone) == (0.3, 0.3)
    assert bounds(replace(alone, drawn_at=NOW - SAMPLE_LIFE_S - 1)) == (0, 0)


@pytest.mark.parametrize(
    ("amps", "step_a", "expected"),
    [
        (11.6666, 0.1, 11.6),
        (11.7, 0.1, 11.7),
        (0.0, 0.1, 0.0),
        (6.0 - 1e-9, 0.1, 6.0),
        (5.9999, 0.1, 5.9),
        (0.3, 0.1, 0.3),
        (11.6666, 0.0, 11.6),
        (11.9, 1.0, 11.0),
        (13.9, 4.0, 12.0),
    ],
)
def test_limits_are_whole_steps(amps: float, step_a: float, expected: float) -> None:
    """Rounded down, continuous ones to tenths; what is a step but for the noise of floats is that step."""
    assert rounded_down(np.array([amps]), np.array([step_a])).tolist() == pytest.approx([expected], abs=1e-12)


NEW = Holdings(baseline_a=32.0)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(charging(told_a=16, reach=Reach.SILENT), 6, id="silent at 16: down to safe"),
        pytest.param(
            charging(told_a=0, draw_a=0, reach=Reach.SILENT), 0, id="silent at 0: the safe current is a raise"
        ),
        pytest.param(charging(told_a=16, draw_a=20, reach=Reach.DISOBEYING), 6, id="disobeying"),
        pytest.param(replace(arrived(), reach=Reach.NEW, holdings=NEW), 0, id="new, nothing known of its draw"),
        pytest.param(
            charging(told_a=0, told_at=None, draw_a=16, reach=Reach.NEW, holdings=NEW), 6, id="new and charging"
        ),
        pytest.param(
            charging(evse(fallback_a=10), told_a=0, told_at=None, draw_a=3, reach=Reach.NEW, holdings=NEW),
            6,
            id="new, drawing little: it has its minimum, perhaps no more",
        ),
        pytest.param(
            charging(evse(fallback_a=10), told_a=0, told_at=None, draw_a=8.26, reach=Reach.NEW, holdings=NEW),
            8.2,
            id="new, drawing less than its safe current",
        ),
        pytest.param(
            charging(told_a=0, told_at=None, draw_a=0.4, reach=Reach.NEW, holdings=NEW),
            0,
            id="new, only its own supply",
        ),
    ],
)
def test_what_is_not_ours_is_asked_for_its_safe_current(state: EvseState, expected: float) -> None:
    """But never for more than it has: nobody was cut for it."""
    assert decide(snapshot(circuit(63), state), Memory()).told_a == (expected,)
