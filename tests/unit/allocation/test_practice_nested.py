"""A site below, with a gateway and a building of its own: what it is offered and doesn't take."""

import pytest

from edge.allocation.exposure import FOLLOW_S
from edge.domain.site import Circuit, Evse, EvseKey
from edge.units import PHASES, Amps, PhaseAmps
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.plugs import SAMPLES_S, Plug

FUSE_A = 122.0
# A rise may hide until its station is sampled after the site below has had its time to follow a raise, and for as long
# as the meter may be late.
LIGHT_S = FOLLOW_S + SAMPLES_S + 10.0


def estate(draws_a: Amps, *building_a: Amps) -> ClosedLoop:
    """A site below of 80 A, which takes so much of whatever it is offered, beside the estate's own building."""
    key = EvseKey(station="GW", evse=1)
    below = Evse(
        key=key, circuit="estate", phases=PHASES, min_a=6.0, max_a=80.0, fallback_a=16.0, step_a=0.1, whole_site=True
    )
    plug = Plug(evse=below, wants_a=draws_a, uses=PHASES, arrives_s=0.0)
    circuit = Circuit(id="estate", parent=None, fuse_a=FUSE_A, meter="meter", background_reserve_a=90.0)
    return ClosedLoop([plug], [circuit], background={"estate": PhaseAmps(*building_a)})


def test_raises_that_are_not_taken_up_hide_no_rise_for_long() -> None:
    """The building falls on L1 little by little, and each time the site below is offered more, which it doesn't take;
    as much could hide on L3. What it may take fits with what the building takes as soon as that can be known.
    """
    loop = estate(40.0, 76.0, 60.0, 71.0).settle()
    assert loop.told["GW"] == pytest.approx(46.0)
    loop.load("estate", 74.5, 60.0, 71.0)
    loop.run(10.0)
    risen_at = loop.now
    for falls in range(2, 8):
        loop.load("estate", 76.0 - 1.5 * falls, 60.0, 78.0)
        loop.run(35.0)
        if loop.now > risen_at + LIGHT_S:
            assert 78.0 + loop.told["GW"] <= FUSE_A
    assert loop.overloads == []


def test_a_site_below_that_takes_all_is_raised_as_soon_as_there_is_room() -> None:
    """It shows that it would take more."""
    loop = estate(80.0, 76.0, 76.0, 76.0).settle()
    for fallen_a in (2.0, 4.0, 6.0):
        loop.load("estate", *(76.0 - fallen_a,) * 3)
        loop.run(20.0)
        assert loop.told["GW"] > FUSE_A - 76.0 + fallen_a - 1.0


def test_a_site_below_that_leaves_something_is_raised_later() -> None:
    """What it waits for may need more than there was: it isn't left with what it has for ever."""
    loop = estate(40.0, 76.0, 60.0, 60.0).settle()
    loop.load("estate", 70.0, 60.0, 60.0)
    loop.run(20.0)
    loop.load("estate", 60.0, 60.0, 60.0)
    loop.run(2 * LIGHT_S + 60.0)
    assert loop.told["GW"] > FUSE_A - 60.0 - 1.0
