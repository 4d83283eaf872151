"""Release: cuts at once, raises only when they are paid for."""

from dataclasses import replace

import pytest

from edge.allocation.background import Background
from edge.allocation.exposure import Holdings
from edge.allocation.release import (
    RAISE_HOLD_S,
    SMALL_RAISE_HOLD_S,
    Held,
)
from edge.units import PHASES, Amps, Phase, PhaseAmps
from tests.site_builders import (
    NOW,
    arrived,
    charging,
    circuit,
    evse,
    grant,
    idle_grant,
    remembered,
    snapshot,
)
from tests.unit.allocation.release_bench import Told, released, told

L1, L2, L3 = PHASES
MAIN = ("main", L1)


def test_a_cut_is_told_at_once() -> None:
    """However little it is, and however lately the last one was told."""
    state = charging(told_a=16, told_at=NOW - 0.1)
    assert told(32, (state, 15.95)) == [Told(15.9)]
    assert told(32, (state, 0.0)) == [Told(0.0)]


def test_a_cut_needs_no_room() -> None:
    """Also where there is none at all."""
    assert told(0, (charging(told_a=16), 6.0)) == [Told(6.0)]


def test_what_it_has_may_be_told_again() -> None:
    """Neither cut nor raise."""
    assert told(16, (charging(told_a=16), 16.0)) == [Told(16.0)]


def test_limits_are_whole_steps_of_their_evse() -> None:
    """Cuts and raises alike, rounded down."""
    whole = evse(step_a=1.0)
    assert told(32, (charging(whole, told_a=16), 12.7)) == [Told(12.0)]
    assert told(32, (charging(whole, told_a=10), 12.7)) == [Told(12.0)]
    assert told(32, (charging(whole, told_a=10), 11.9), (charging(evse(2), told_a=20.5), 21.0))[0] == Told(11.0)


def test_a_raise_waits_a_moment() -> None:
    """Held where it is, until the last change is 5 s old."""
    assert told(32, (charging(told_a=10, told_at=NOW - RAISE_HOLD_S + 0.1), 16.0)) == [Told(10.0, Held.STEADY)]
    assert told(32, (charging(told_a=10, told_at=NOW - RAISE_HOLD_S), 16.0)) == [Told(16.0)]


def test_a_small_raise_is_not_worth_a_write_of_its_own() -> None:
    """Unless it brings all that the car can use; or the limit has stood so long that it is written again anyhow."""
    state = charging(told_a=10, told_at=NOW - SMALL_RAISE_HOLD_S + 0.1)
    assert told(32, (state, 10.9)) == [Told(10.0, Held.STEADY)]
    assert told(32, (state, 10.9), most_a=10.9) == [Told(10.9)]
    assert told(32, (state, 11.0)) == [Told(11.0)]
    assert told(32, (charging(told_a=10, told_at=NOW - SMALL_RAISE_HOLD_S), 10.9)) == [Told(10.9)]


def test_little_room_is_not_worth_a_write_either() -> None:
    """However much more it should get: 0.9 A are free, then 1 A. What comes a little at a time is told in amperes."""
    others = (charging(evse(1), told_a=10), 10.0)
    needy = charging(evse(2), told_a=10, told_at=NOW - SMALL_RAISE_HOLD_S + 0.1)
    assert told(20.9, others, (needy, 16.0))[1] == Told(10.0, Held.FOR_CUT, MAIN)
    assert told(21, others, (needy, 16.0))[1] == Told(11.0, Held.FOR_CUT, MAIN)
    stood = charging(evse(2), told_a=10, told_at=NOW - SMALL_RAISE_HOLD_S)
    assert told(20.9, others, (stood, 16.0))[1] == Told(10.9, Held.FOR_CUT, MAIN)
    assert told(20.9, others, (needy, 10.9), most_a=10.9)[1] == Told(10.9)


def test_a_car_at_0_begins_at_its_minimum_without_waiting_for_calm() -> None:
    """As soon as there is room for that; the rest comes when its minimum is measured."""
    assert told(32, (charging(told_a=0, told_at=NOW - 1, draw_a=0), 6.0)) == [Told(6.0)]
    assert told(32, (arrived(), 16.0)) == [Told(6.0, Held.STARTING)]
    assert told(32, (arrived(evse(min_a=6.5, step_a=4.0)), 16.0)) == [Told(8.0, Held.STARTING)]


def test_a_minimum_comes_before_a_raise() -> None:
    """6 A are free: the car that has just come gets them, whoever was there before."""
    site = (charging(evse(1), told_a=10), 16.0), (arrived(evse(2)), 6.0)
    assert told(16, *site) == [Told(10.0, Held.FOR_CUT, MAIN), Told(6.0)]


def test_a_raise_waits_for_the_cut_that_pays_for_it() -> None:
    """The first is cut from 20 to 10 A; the second gets its 22 A when the first has obeyed."""
    first, second = charging(evse(1), told_a=20), charging(evse(2), told_a=12)
    assert told(32, (first, 10.0), (second, 22.0)) == [Told(10.0), Told(12.0, Held.FOR_CUT, MAIN)]
    obeyed = charging(evse(1), told_a=10, told_at=NOW - 20)
    assert told(32, (obeyed, 10.0), (second, 22.0)) == [Told(10.0), Told(22.0)]


def test_a_raise_takes_what_is_paid_for_already() -> None:
    """3 of the 10 A are free now."""
    first, second = charging(evse(1), told_a=20), charging(evse(2), told_a=12)
    assert told(35, (first, 10.0), (second, 22.0))[1] == Told(15.0, Held.FOR_CUT, MAIN)


def test_less_than_the_minimum_is_not_told() -> None:
    """5 A are free: the car at 0 waits."""
    first, second = charging(evse(1), told_a=20), arrived(evse(2))
    assert told(25, (first, 10.0), (second, 10.0))[1] == Told(0.0, Held.FOR_CUT, MAIN)


def test_the_same_ampere_is_not_promised_twice() -> None:
    """10 A are free and two cars want 10 A more each: the first in precedence gets them."""
    first, second = charging(evse(1), told_a=6), charging(evse(2), told_a=6)
    assert told(22, (first, 16.0), (second, 16.0)) == [Told(16.0), Told(6.0, Held.FOR_CUT, MAIN)]


def test_who_has_least_of_its_share_rises_first() -> None:
    """6 A are free. By precedence the first would have had its 4 A, and 4 A more the next time, for ever."""
    states = [charging(evse(number), told_a=told_a) for number, told_a in ((1, 20), (2, 14))]
    assert told(40, (states[0], 24.0), (states[1], 24.0)) == [
        Told(20.0, Held.FOR_CUT, MAIN),
        Told(20.0, Held.FOR_CUT, MAIN),
    ]
    assert [given.amps for given in told(40, (states[0], 24.0), (states[1], 16.0))] == [24.0, 16.0]


def test_a_class_rises_before_one_below_it() -> None:
    """Whatever each has of its share."""
    first, second = charging(evse(1), told_a=20), charging(evse(2, rank=1), told_a=14)
    assert [given.amps for given in told(40, (first, 24.0), (second, 24.0))] == [24.0, 16.0]


def test_a_raise_that_is_still_queued_has_its_room() -> None:
    """The first was told 16 A a second ago and its frame hasn't left: nothing of it is free."""
    holdings = Holdings(
        baseline_a=None, session=(grant(6, command=1), grant(16, command=2, sent_at=NOW - 1, accepted=False))
    )
    first = charging(evse(1), told_a=16, told_at=NOW - 1, draw_a=6, holdings=holdings)
    second = charging(evse(2), told_a=6)
    assert told(22, (first, 16.0), (second, 16.0)) == [Told(16.0), Told(6.0, Held.FOR_CUT, MAIN)]


def test_what_lingers_of_its_own_is_room_for_it() -> None:
    """It may hold 16 A from a moment ago: 12 A again take nothing from anybody."""
    holdings = Holdings(
        baseline_a=None,
        session=(
            replace(grant(16, command=1), replaced_at=NOW - RAISE_HOLD_S),
            grant(8, command=2, sent_at=NOW - RAISE_HOLD_S),
        ),
    )
    first = charging(evse(1), told_a=8, told_at=NOW - RAISE_HOLD_S, draw_a=8, holdings=holdings)
    assert told(32, (first, 12.0), (charging(evse(2), told_a=16), 16.0)) == [Told(12.0), Told(16.0)]


def test_what_lingers_of_its_own_is_no_room_when_others_linger_too() -> None:
    """Both may hold 32 A from before; neither may be told more than the rating leaves beside the other."""
    before = Holdings(baseline_a=32.0, governed_at=NOW - 1, idle=(idle_grant(),))
    states = [charging(evse(number), told_a=6, told_at=NOW - 9, draw_a=0, holdings=before) for number in (1, 2)]
    assert [given.amps for given in told(40, (states[0], 20.0), (states[1], 20.0))] == [8.0, 8.0]
    at_0 = [replace(state, told_a=0.0) for state in states]
    assert [given.amps for given in told(40, (at_0[0], 20.0), (at_0[1], 20.0))] == [6.0, 6.0]
    assert [given.amps for given in told(37, (at_0[0], 20.0), (at_0[1], 20.0))] == [0.0, 0.0]


def test_a_lease_that_is_over_is_nothing_it_has() -> None:
    """Told 16 A before it was away for long: it is at its safe 6 A, and 12 A are a raise."""
    over = Holdings(baseline_a=None, session=(grant(16, sent_at=NOW - 400),))
    back = charging(evse(1), told_a=16, told_at=NOW - 400, draw_a=6, holdings=over)
    other = charging(evse(2), told_a=26)
    assert told(32, (back, 12.0), (other, 20.0)) == [Told(6.0, Held.FOR_CUT, MAIN), Told(20.0)]


@pytest.mark.parametrize(
    ("phases", "expected", "full"),
    [
        ((L1,), 16.0, ("sub", L1)),  # 12 + 4 of the 16 A below; 30 of 60 are left above
        ((L2,), 22.0, ("main", L2)),
        ((L3,), 28.0, ("sub", L3)),
        ((L2, L3, L1), 16.0, ("sub", L1)),
    ],
)
def test_the_room_is_what_background_and_exposure_leave(
    phases: tuple[Phase, ...], expected: Amps, full: tuple[str, Phase]
) -> None:
    """On each phase of each circuit above."""
    circuits = (circuit(63, margin_a=3, measured_a=PhaseAmps(18.0, 60.0, 12.0)), circuit(28, "sub", parent="main"))
    states = (
        charging(evse(1, circuit="sub", phases=phases), told_a=12),
        charging(evse(2, circuit="sub", phases=(L1,)), told_a=12),
        charging(evse(3, phases=(L2,)), told_a=10),
    )
    site = snapshot((circuits[0], circuits[1]), *states)
    background = {"main": Background(estimate_a=PhaseAmps(6.0, 28.0, 0.0), reading_at=NOW)}
    given = released(site, 32.0, 12.0, 10.0, memory=remembered(site, background=background))[1][0]
    assert given == Told(expected, Held.FOR_CUT, full)


def test_room_in_power_counts_every_phase_of_an_evse() -> None:
    """12 A over all phases are left: 4 A for a car on three of them."""
    main = circuit(63, limit_w=230.0 * 48)
    state, other = charging(evse(1), told_a=6), charging(evse(2), told_a=6)
    assert told(main, (state, 32.0), (other, 6.0))[0] == Told(10.0, Held.FOR_CUT, ("main", None))


def test_one_limit_for_this_session_and_the_next_needs_room_on_each_phase_wired() -> None:
    """Its car uses L1, which is free; the next one's may use L2, which has no 6 A."""
    holdings = Holdings(baseline_a=None, idle=(grant(0.0),))
    waiting = replace(charging(told_a=0, told_at=NOW - 60, holdings=holdings), one_limit=True)
    other = charging(evse(2, phases=(L2,)), told_a=28)
    for fuse_a, expected in ((32, Told(0.0, Held.FOR_CUT, ("main", L2))), (34, Told(6.0))):
        site = snapshot(circuit(fuse_a), waiting, other)
        assert released(site, 6.0, 28.0, memory=remembered(site, used=[1, 2]))[1][0] == expected
