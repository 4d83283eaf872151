"""Demand: who is in for what, and how much is worth giving."""

from dataclasses import replace

import pytest

from edge.allocation.demand import TRIM_MARGIN_A, Wish, assess
from edge.allocation.exposure import OBEY_S
from edge.allocation.snapshot import EvseState, Reach
from edge.domain.site import ControlSettings, Mode
from edge.domain.station import EvseStatus
from tests.site_builders import NOW, arrived, charging, circuit, evse, idle, key, snapshot


def demand(state: EvseState, trimmed_a: float | None = None, *, mode: Mode = Mode.CONTROL) -> tuple[Wish, float]:
    memory = {} if trimmed_a is None else {key(1): trimmed_a}
    demands, _ = assess(snapshot(circuit(63), state, settings=ControlSettings(mode=mode)), memory)
    return demands[key(1)].wish, demands[key(1)].most_a


@pytest.mark.parametrize(
    ("status", "wish"),
    [
        (EvseStatus.CHARGING, Wish.CHARGE),
        (EvseStatus.PREPARING, Wish.CHARGE),
        (EvseStatus.SUSPENDED_EVSE, Wish.CHARGE),
        (EvseStatus.UNKNOWN, Wish.CHARGE),
        (EvseStatus.AVAILABLE, Wish.CHARGE),  # a transaction is known to run: the status is late
        (EvseStatus.SUSPENDED_EV, Wish.CHARGE),  # it may only not have followed its first limit yet
        (EvseStatus.FINISHING, Wish.NOTHING),
        (EvseStatus.FAULTED, Wish.NOTHING),
        (EvseStatus.UNAVAILABLE, Wish.NOTHING),
    ],
)
def test_what_a_session_is_in_for(status: EvseStatus, wish: Wish) -> None:
    """By what its station last reported."""
    assert demand(charging(status=status))[0] is wish


def test_without_a_session_there_is_no_demand() -> None:
    """Whatever the status is."""
    assert demand(idle())[0] is Wish.NOTHING


@pytest.mark.parametrize("reach", [reach for reach in Reach if reach is not Reach.OBEYING])
def test_what_does_not_obey_is_not_ours(reach: Reach) -> None:
    """It is reserved for; where we only observe, one that is connected counts as if it obeyed."""
    assert demand(charging(reach=reach))[0] is Wish.NOT_OURS
    observed = demand(charging(reach=reach), mode=Mode.OBSERVE)[0]
    assert observed is (Wish.CHARGE if reach in (Reach.NEW, Reach.UNCONFIRMED) else Wish.NOT_OURS)


def test_a_car_that_paused_is_offered_its_minimum() -> None:
    """To wake up with."""
    assert demand(charging(evse(min_a=8), status=EvseStatus.SUSPENDED_EV, paused=True)) == (Wish.WAKE, 8)


@pytest.mark.parametrize(
    ("told_a", "draw_a", "expected"),
    [
        (16, 16, 32),  # takes all
        (16, 14.1, 32),  # nearly
        (16, 10, 12),  # leaves 6 A
        (32, 3, 6),  # never below the minimum
        (32, 31, 32),
        (16, 0, 32),  # draws nothing: not yet, or asleep; nothing is known of its need
    ],
)
def test_what_a_car_leaves_is_taken_back(told_a: float, draw_a: float, expected: float) -> None:
    """Its draw and 2 A on top, once it had its time to take more."""
    state = charging(told_a=told_a, told_at=NOW - 60, draw_a=draw_a, drawn_at=NOW - 1)
    assert demand(state)[1] == pytest.approx(expected)


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
    assert demand(state)[1] == 32


@pytest.mark.parametrize(("draw_a", "expected"), [(10.0, 12.0), (10.9, 12.0), (11.1, 32.0), (4.0, 12.0)])
def test_a_trimmed_car_gets_all_again_when_it_takes_the_margin_up(draw_a: float, expected: float) -> None:
    """More than half of it; otherwise the trim stays, so that it doesn't swing."""
    state = charging(told_a=12, told_at=NOW - 2, draw_a=draw_a, drawn_at=NOW)
    assert demand(state, trimmed_a=12.0)[1] == expected


def test_a_trim_follows_a_car_that_takes_less_and_less() -> None:
    """A battery near full."""
    state = charging(told_a=12, told_at=NOW - 60, draw_a=7, drawn_at=NOW)
    assert demand(state, trimmed_a=12.0)[1] == 7 + TRIM_MARGIN_A


def test_a_trim_is_remembered_while_the_session_runs() -> None:
    """And forgotten with it."""
    trimmed = assess(snapshot(circuit(63), charging(told_a=16, draw_a=8)), {})[1]
    assert trimmed == {key(1): 10.0}
    assert assess(snapshot(circuit(63), idle()), trimmed)[1] == {}
