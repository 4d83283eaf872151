"""Cars that draw more than they may are stopped where that doesn't fit, once others have had time to make room."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edge.allocation.cars import Cars
from edge.allocation.decide import Memory, decide
from edge.allocation.exposure import OBEY_S
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import ControlSettings, IdlePolicy
from edge.units import Amps, Phase, PhaseAmps, Seconds
from tests.site_builders import NOW, charging, circuit, evse, snapshot


def disobeying(number: int = 1, *, draw_a: Amps = 16.0, max_a: Amps = 32.0, at: str = "main") -> EvseState:
    """Told 6 A, draws more."""
    return charging(evse(number, max_a=max_a, circuit=at), told_a=6, draw_a=draw_a, reach=Reach.DISOBEYING)


def told_after(seconds: Seconds, *sites: Snapshot) -> Sequence[tuple[Amps, ...]]:
    """What is told each second; the sites follow each other, each for so many seconds."""
    told, memory, now = [], Memory(), NOW
    for site in sites:
        for _ in range(round(seconds)):
            moved = replace(
                site,
                now=now,
                circuits=tuple(
                    replace(each, measured_at=now if each.measured_a is not None else None) for each in site.circuits
                ),
                evses=tuple(replace(each, drawn_at=now) for each in site.evses),
            )
            decision = decide(moved, memory)
            told.append(decision.told_a)
            memory, now = decision.memory, now + 1.0
    return told


def overloaded(*evses: EvseState, measured_a: float = 28.0) -> Snapshot:
    return snapshot(circuit(20, measured_a=measured_a), *evses)


def test_it_is_stopped_when_others_have_had_their_time() -> None:
    """Not before; and it stays so until it obeys, though the circuit is relieved."""
    told = told_after(OBEY_S + 1, overloaded(disobeying()), overloaded(disobeying(), measured_a=12.0))
    assert [each for (each,) in told] == [6.0] * round(OBEY_S) + [0.0] * round(OBEY_S + 2)


def test_a_moment_is_not_enough() -> None:
    """What others draw for some seconds yet is theirs to mend."""
    busy, calm = overloaded(disobeying()), overloaded(disobeying(), measured_a=18.0)
    assert set(told_after(OBEY_S - 1, busy, calm, busy)) == {(6.0,)}


def test_it_goes_on_where_it_fits() -> None:
    """All that it may draw is kept free, nobody is stopped for a meter that disagrees."""
    fits = snapshot(circuit(40, measured_a=28.0), disobeying())
    assert set(told_after(2 * OBEY_S, fits)) == {(6.0,)}


def test_who_obeys_is_cut_and_not_stopped_for_another() -> None:
    """It has its minimum where that fits beside what the other may draw."""
    beside = snapshot(circuit(40, measured_a=22.0), disobeying(), charging(evse(2), told_a=6, draw_a=6))
    assert told_after(2 * OBEY_S, beside)[-1][0] == 6.0


@pytest.mark.parametrize(
    ("state", "is_stopped"),
    [
        (circuit(14, "garage", parent="main"), True),
        (circuit(20, "garage", parent="main"), False),
        (circuit(20, "garage", parent="main", reserve_a=6), True),
        (circuit(63, "garage", parent="main", limit_w=9000), True),
        (circuit(63, "garage", parent="main", limit_w=12000), False),
    ],
)
def test_without_a_meter_by_what_the_stations_say(state: CircuitState, is_stopped: bool) -> None:
    """And by what the installer says that the building takes; so for a circuit's power."""
    site = snapshot((circuit(63), state), disobeying(at="garage"))
    assert (told_after(2 * OBEY_S, site)[-1] == (0.0,)) is is_stopped


def test_by_whoever_may_limit_the_circuit() -> None:
    """The grid operator's limit counts as a rating does."""
    limit = LimitStated(source=LimitSource.GRID, circuit="main", at=NOW, limit_a=12.0)
    site = replace(snapshot(circuit(63, measured_a=16.0), disobeying()), limits=(limit,))
    assert told_after(2 * OBEY_S, site)[-1] == (0.0,)


def test_on_the_phases_that_it_is_wired_to() -> None:
    """What is too much on another isn't its doing."""
    alone = charging(evse(phases=(Phase.L2,)), told_a=6, draw_a=16, reach=Reach.DISOBEYING)
    for measured_a, told_a in ((PhaseAmps(28.0, 18.0, 5.0), 6.0), (PhaseAmps(5.0, 28.0, 5.0), 0.0)):
        assert told_after(2 * OBEY_S, snapshot(circuit(20, measured_a=measured_a), alone))[-1] == (told_a,)


def test_stations_that_mishandle_0_a_are_stopped_all_the_same() -> None:
    """And stay so for a turn, while their safe current stays free for whoever comes next."""
    settings = ControlSettings(idle=IdlePolicy.SAFE)
    site = snapshot(circuit(20, measured_a=28.0), disobeying(), settings=settings)
    assert told_after(2 * OBEY_S, site)[-1] == (0.0,)
    stopped = replace(charging(told_a=0, draw_a=0), unruly_a=0.0)
    other = charging(evse(2), told_a=6, draw_a=6)
    decision = decide(snapshot(circuit(20), stopped, other, settings=settings), Memory())
    assert decision.told_a[0] == 0.0
    assert decision.shares.amps[decision.snapshot.plant.grid.layout.row_of[1]] <= 14.0


def test_nothing_is_remembered_where_nobody_disobeys() -> None:
    """Nor of a session that is over."""
    site = overloaded(disobeying())
    cars = decide(site, Memory()).memory.cars
    assert isinstance(cars, Cars)
    assert cars.overdrawn_since.tolist() == [NOW]
    obeys = overloaded(charging(told_a=6, draw_a=6), measured_a=18.0)
    cars = decide(replace(obeys, now=NOW + 1), Memory(cars=cars, decided_at=NOW)).memory.cars
    assert isinstance(cars, Cars)
    assert np.isnan(cars.overdrawn_since).all()
