"""Release: cuts at once, raises only when they are paid for."""

from dataclasses import replace

import pytest

from edge.allocation.exposure import Holdings
from edge.allocation.headroom import estimate
from edge.allocation.release import RAISE_HOLD_S, Released, Wanted, asked_a, free_room, release, rounded_down
from edge.allocation.snapshot import EvseState, Reach
from edge.units import Phase
from tests.site_builders import NOW, arrived, charging, circuit, evse, grant, idle_grant, snapshot

MAIN = ("main", Phase.L1)


def told(room_a: float, *wishes: tuple[EvseState, float], most_a: float = 32.0) -> list[Released]:
    """What each may be told of what it should get, on one circuit with so much room and no background."""
    states = tuple(state for state, _ in wishes)
    site = snapshot(circuit(room_a), *states)
    headroom, _ = estimate(site, {})
    return release(site, headroom, [Wanted(state=state, amps=amps, most_a=most_a) for state, amps in wishes])


@pytest.mark.parametrize(
    ("amps", "expected"), [(11.6666, 11.6), (11.7, 11.7), (0.0, 0.0), (6.0 - 1e-9, 6.0), (5.9999, 5.9), (0.3, 0.3)]
)
def test_limits_are_whole_tenths(amps: float, expected: float) -> None:
    """Rounded down; what is a tenth but for the noise of floats is that tenth."""
    assert rounded_down(amps) == expected


def test_a_cut_is_told_at_once() -> None:
    """However little it is, and however lately the last one was told."""
    state = charging(told_a=16, told_at=NOW - 0.1)
    assert told(32, (state, 15.95)) == [Released(amps=15.9)]
    assert told(32, (state, 0.0)) == [Released(amps=0.0)]


def test_a_cut_needs_no_room() -> None:
    """Also where there is none at all."""
    assert told(0, (charging(told_a=16), 6.0)) == [Released(amps=6.0)]


def test_what_it_has_may_be_told_again() -> None:
    """Neither cut nor raise."""
    assert told(16, (charging(told_a=16), 16.0)) == [Released(amps=16.0)]


def test_a_raise_waits_a_moment() -> None:
    """Held where it is, until the last change is 5 s old."""
    assert told(32, (charging(told_a=10, told_at=NOW - RAISE_HOLD_S + 0.1), 16.0)) == [
        Released(amps=10.0, steadying=True)
    ]
    assert told(32, (charging(told_a=10, told_at=NOW - RAISE_HOLD_S), 16.0)) == [Released(amps=16.0)]


def test_a_small_raise_is_not_worth_a_write() -> None:
    """Unless it brings all that the car can use."""
    assert told(32, (charging(told_a=10), 10.9)) == [Released(amps=10.0, steadying=True)]
    assert told(32, (charging(told_a=10), 10.9), most_a=10.9) == [Released(amps=10.9)]
    assert told(32, (charging(told_a=10), 11.0)) == [Released(amps=11.0)]


def test_a_car_at_0_does_not_wait_for_calm() -> None:
    """It gets its minimum as soon as there is room."""
    assert told(32, (charging(told_a=0, told_at=NOW - 1, draw_a=0), 6.0)) == [Released(amps=6.0)]
    assert told(32, (arrived(), 16.0)) == [Released(amps=16.0)]


def test_a_raise_waits_for_the_cut_that_pays_for_it() -> None:
    """The first is cut from 20 to 10 A; the second gets its 22 A when the first has obeyed."""
    first, second = charging(evse(1), told_a=20), charging(evse(2), told_a=12)
    assert told(32, (first, 10.0), (second, 22.0)) == [Released(amps=10.0), Released(amps=12.0, waits_for=MAIN)]
    obeyed = charging(evse(1), told_a=10, told_at=NOW - 20)
    assert told(32, (obeyed, 10.0), (second, 22.0)) == [Released(amps=10.0), Released(amps=22.0)]


def test_a_raise_takes_what_is_paid_for_already() -> None:
    """3 of the 10 A are free now."""
    first, second = charging(evse(1), told_a=20), charging(evse(2), told_a=12)
    assert told(35, (first, 10.0), (second, 22.0))[1] == Released(amps=15.0, waits_for=MAIN)


def test_less_than_the_minimum_is_not_told() -> None:
    """5 A are free: the car at 0 waits."""
    first, second = charging(evse(1), told_a=20), arrived(evse(2))
    assert told(25, (first, 10.0), (second, 10.0))[1] == Released(amps=0.0, waits_for=MAIN)


def test_the_same_ampere_is_not_promised_twice() -> None:
    """10 A are free and two cars want 10 A more each: the first in precedence gets them."""
    first, second = charging(evse(1), told_a=6), charging(evse(2), told_a=6)
    assert told(22, (first, 16.0), (second, 16.0)) == [Released(amps=16.0), Released(amps=6.0, waits_for=MAIN)]


def test_a_raise_that_is_still_queued_has_its_room() -> None:
    """The first was told 16 A a second ago and its frame hasn't left: nothing of it is free."""
    holdings = Holdings(
        baseline_a=None, session=(grant(6, command=1), grant(16, command=2, sent_at=NOW - 1, accepted=False))
    )
    first = charging(evse(1), told_a=16, told_at=NOW - 1, draw_a=6, holdings=holdings)
    second = charging(evse(2), told_a=6)
    assert told(22, (first, 16.0), (second, 16.0)) == [Released(amps=16.0), Released(amps=6.0, waits_for=MAIN)]


def test_what_lingers_of_its_own_is_no_room_when_others_linger_too() -> None:
    """Both may hold 32 A from before; neither may be told more than the rating leaves beside the other."""
    before = Holdings(baseline_a=32.0, governed_at=NOW - 1, idle=(idle_grant(),))
    states = [charging(evse(number), told_a=0, told_at=NOW - 1, draw_a=0, holdings=before) for number in (1, 2)]
    assert [given.amps for given in told(40, (states[0], 20.0), (states[1], 20.0))] == [8.0, 8.0]


def test_a_lease_that_is_over_is_nothing_it_has() -> None:
    """Told 16 A before it was away for long: it is at its safe 6 A, and 12 A are a raise."""
    over = Holdings(baseline_a=None, session=(grant(16, sent_at=NOW - 400),))
    back = charging(evse(1), told_a=16, told_at=NOW - 400, draw_a=6, holdings=over)
    other = charging(evse(2), told_a=26)
    assert told(32, (back, 12.0), (other, 20.0)) == [Released(amps=6.0, waits_for=MAIN), Released(amps=20.0)]


def test_the_room_is_what_background_and_exposure_leave() -> None:
    """On each phase of each circuit above."""
    circuits = (circuit(63, margin_a=3, measured_a=30.0), circuit(20, "sub", parent="main"))
    state = charging(evse(circuit="sub", phases=(Phase.L2,)), told_a=16, draw_a=10)
    site = snapshot(circuits, state)
    headroom, memory = estimate(site, {})
    assert memory["main"].estimate_a.l2 == 20
    room = free_room(site, headroom)
    assert room["main", Phase.L2] == 60 - 20 - 16
    assert room["main", Phase.L1] == 60 - 30
    assert room["sub", Phase.L2] == 4
    assert room["sub", Phase.L3] == 20


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
    assert asked_a(state, NOW) == expected
