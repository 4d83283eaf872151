"""Turns and precedence: who is in for what, who is served first, and when a turn begins and ends."""

from collections.abc import Mapping
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from edge.allocation.layout import Floats
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState, Reach
from edge.allocation.turns import Wishes, precedence, taken, waits_for_turn
from edge.domain.site import ControlSettings, Mode
from edge.domain.station import EvseStatus
from tests.site_builders import NOW, arrived, charging, circuit, evse, idle, remembered, snapshot

TURN_S = 900.0


def wish(state: EvseState, mode: Mode = Mode.CONTROL) -> str:
    """What it is in for."""
    site = snapshot(circuit(63), state, settings=ControlSettings(mode=mode))
    memory = remembered(site)
    assert memory.cars is not None
    wishes = Wishes.of(site.fleet, memory.cars, site.settings, NOW)
    [found] = [name for name in ("charge", "wake", "idle", "foreign") if getattr(wishes, name)[0]]
    return found


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (EvseStatus.CHARGING, "charge"),
        (EvseStatus.PREPARING, "charge"),
        (EvseStatus.SUSPENDED_EVSE, "charge"),
        (EvseStatus.UNKNOWN, "charge"),
        (EvseStatus.AVAILABLE, "charge"),  # a transaction is known to run: the status is late
        (EvseStatus.SUSPENDED_EV, "charge"),  # it may only not have followed its first limit yet
        (EvseStatus.FINISHING, "idle"),
        (EvseStatus.FAULTED, "idle"),
        (EvseStatus.UNAVAILABLE, "idle"),
    ],
)
def test_what_a_session_is_in_for(status: EvseStatus, expected: str) -> None:
    """By what its station last reported."""
    assert wish(charging(status=status)) == expected


def test_without_a_session_there_is_nothing_to_be_in_for() -> None:
    """Whatever the status is."""
    assert wish(idle()) == "idle"
    assert wish(replace(idle(), status=EvseStatus.CHARGING)) == "idle"


def test_a_car_that_paused_is_offered_its_minimum() -> None:
    """To wake up with."""
    assert wish(charging(status=EvseStatus.SUSPENDED_EV, paused=True)) == "wake"


@pytest.mark.parametrize("reach", [reach for reach in Reach if reach is not Reach.OBEYING])
def test_what_does_not_obey_is_not_ours(reach: Reach) -> None:
    """It is reserved for; where we only observe, one that is connected counts as if it obeyed."""
    assert wish(charging(reach=reach)) == "foreign"
    connected = reach in (Reach.NEW, Reach.UNCONFIRMED)
    assert wish(charging(reach=reach), Mode.OBSERVE) == ("charge" if connected else "foreign")


def served(site: Snapshot, **columns: list[float]) -> list[int]:
    """The numbers of the EVSEs, those served first before."""
    memory = remembered(site, background=None, **columns)
    assert memory.cars is not None
    wishes = Wishes.of(site.fleet, memory.cars, site.settings, site.now)
    order = precedence(site.plant.grid, site.fleet, wishes, memory.cars, site.settings, site.now)
    return [int(site.fleet.states[row].key.station.removeprefix("CP-")) for row in order.tolist()]


RECENT, LONG_AGO = NOW - 100, NOW - TURN_S - 100
PAUSED = EvseStatus.SUSPENDED_EV

# Two EVSEs, of which the second comes first; by all keys that come later the first would. Then what is remembered.
KEYS: Mapping[str, tuple[tuple[EvseState, EvseState], Mapping[str, list[float]]]] = {
    "who charges before who has paused": (
        (
            charging(evse(1, never_zero=True), told_a=6, status=PAUSED, paused=True),
            charging(evse(2, rank=3), told_a=0, told_at=None, waiting_since=NOW),
        ),
        {},
    ),
    "who must not fall to 0 before all ranks": (
        (charging(evse(1, guaranteed=True)), arrived(evse(2, rank=3, never_zero=True))),
        {},
    ),
    "rank before what is guaranteed": (
        (charging(evse(1, rank=1, guaranteed=True)), arrived(evse(2))),
        {},
    ),
    "what is guaranteed before whose turn it is": (
        (charging(evse(1)), arrived(evse(2, guaranteed=True))),
        {"on_since": [RECENT, nan]},
    ),
    "a turn that isn't over before who waits": (
        (arrived(evse(1), waiting_since=0.0), charging(evse(2), waiting_since=NOW - 200)),
        {"on_since": [nan, RECENT]},
    ),
    "who waits before a turn that is over": (
        (charging(evse(1), waiting_since=0.0), arrived(evse(2))),
        {"on_since": [LONG_AGO, nan]},
    ),
    "who had a turn before who was just stopped": (
        (charging(evse(1), told_a=0, draw_a=0, waiting_since=0.0), charging(evse(2), waiting_since=NOW - 1)),
        {"on_since": [nan, LONG_AGO], "off_since": [RECENT, nan]},
    ),
    "who was stopped a turn ago waits like any other": (
        (charging(evse(1), waiting_since=0.0), charging(evse(2), told_a=0, draw_a=0)),
        {"on_since": [LONG_AGO, nan], "off_since": [nan, LONG_AGO]},
    ),
    "of those in their turn, who came first": (
        (charging(evse(1), waiting_since=20.0), charging(evse(2), waiting_since=10.0)),
        {"on_since": [RECENT - 10, RECENT]},
    ),
    "of those who wait, the longest since they came": (
        (arrived(evse(1), waiting_since=NOW - 10), arrived(evse(2), waiting_since=NOW - 20)),
        {},
    ),
    "of those who wait, the longest since they were stopped": (
        (
            charging(evse(1), told_a=0, draw_a=0, waiting_since=10.0),
            charging(evse(2), told_a=0, draw_a=0, waiting_since=20.0),
        ),
        {"off_since": [NOW - 950, NOW - 960]},
    ),
    "of those who had a turn, who began last": (
        (charging(evse(1), waiting_since=0.0), charging(evse(2), waiting_since=10.0)),
        {"on_since": [LONG_AGO, LONG_AGO + 10]},
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_who_is_served_first(name: str) -> None:
    """Each key of the order, where all later ones say otherwise; turned round, too, so that no id decides."""
    (first, second), columns = KEYS[name]
    assert served(snapshot(circuit(63), first, second), **columns) == [2, 1]
    third = replace(first, evse=replace(first.evse, key=evse(3).key))
    assert served(snapshot(circuit(63), third, second), **columns) == [2, 3]


def test_equals_go_by_name() -> None:
    """In whatever order the site names them."""
    states = [charging(evse(number)) for number in (2, 3, 1)]
    assert served(snapshot(circuit(63), *states)) == [1, 2, 3]


def turns(
    site: Snapshot, admitted: list[bool], **columns: list[float]
) -> tuple[list[float | None], list[float | None]]:
    """Since when each has its turn, and when it lost one, after a decision."""
    memory = remembered(site, background=None, **columns)
    assert memory.cars is not None
    wishes = Wishes.of(site.fleet, memory.cars, site.settings, site.now)
    cars = taken(memory.cars, site.fleet, site.plant.grid, wishes, np.array(admitted), site.now)
    return _numbers(cars.on_since), _numbers(cars.off_since)


def _numbers(amounts: Floats) -> list[float | None]:
    return [None if isnan(amount) else amount for amount in amounts.tolist()]


def test_a_turn_begins_when_the_car_has_been_told_its_minimum() -> None:
    """Not while it waits for the room that was promised to it."""
    waiting = snapshot(circuit(63), arrived())
    assert turns(waiting, [True], on_since=[NOW - 50]) == ([NOW], [None])
    told = snapshot(circuit(63), charging(told_a=6))
    assert turns(told, [True], on_since=[NOW - 50]) == ([NOW - 50], [None])
    assert turns(told, [True]) == ([NOW], [None])


def test_a_turn_ends_when_the_car_is_stopped() -> None:
    """From then on it was stopped; one that never ran wasn't."""
    assert turns(snapshot(circuit(63), charging()), [False], on_since=[NOW - 50]) == ([None], [NOW])
    assert turns(snapshot(circuit(63), arrived()), [False], on_since=[NOW - 1]) == ([None], [None])
    off = snapshot(circuit(63), charging(told_a=0, draw_a=0))
    assert turns(off, [False], off_since=[NOW - 50]) == ([None], [NOW - 50])


def test_a_car_that_pauses_gives_its_turn_up() -> None:
    """It wasn't stopped, and needn't rest."""
    asleep = snapshot(circuit(63), charging(told_a=6, draw_a=0, status=PAUSED, paused=True))
    assert turns(asleep, [True], on_since=[NOW - 50]) == ([None], [None])


@pytest.mark.parametrize("reach", [Reach.OFFLINE, Reach.SILENT, Reach.REFUSING, Reach.DISOBEYING])
def test_a_station_out_of_reach_keeps_its_turn(reach: Reach) -> None:
    """And what it had before: it comes back to where it was."""
    away = snapshot(circuit(63), charging(reach=reach))
    assert turns(away, [False], on_since=[NOW - 50]) == ([NOW - 50], [None])
    assert turns(away, [False], off_since=[NOW - 50]) == ([None], [NOW - 50])


def test_whom_a_turn_is_denied() -> None:
    """Those of the lowest rank that charges, and above; those below it wait for room."""
    site = snapshot(circuit(63), *(charging(evse(number, rank=number - 1)) for number in (1, 2, 3)))
    for admitted, expected in (
        ([True, False, False], [False, False, False]),
        ([False, True, False], [True, False, False]),
        ([False, False, True], [True, True, False]),
        ([False, False, False], [False, False, False]),
    ):
        assert waits_for_turn(site.fleet, np.array(admitted)).tolist() == expected
