"""Who gets how much: each defect of the shares is seen by its oracle, in a sound site beside a restless building."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.allocation import turns
from edge.allocation.columns import Columns
from edge.allocation.fill import FREE, Rows
from edge.allocation.fleet import Fleet
from edge.allocation.layout import Floats, Ints
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.world import World
from tests.world.worlds import PEERS, failed_oracles, is_caught, of_classes, played


def _columns_of(**fixed: float) -> Callable[..., Columns]:
    """Columns in which these are alike for all rows."""

    def make(**columns: Any) -> Columns:
        return Columns(**(columns | {name: np.full_like(columns[name], value) for name, value in fixed.items()}))

    return make


def _first_come(rows: Rows, room_a: Floats) -> tuple[Floats, Ints]:
    """The first takes all that it can use, and so on."""
    amps, left = rows.lower_a.copy(), room_a.copy()
    np.subtract.at(left, rows.lines, rows.uses * rows.lower_a[:, None])
    for row in range(len(amps)):
        used = rows.uses[row] > 0
        more = max(0.0, min(rows.upper_a[row] - amps[row], float(left[rows.lines[row]][used].min())))
        amps[row] += more
        np.subtract.at(left, rows.lines[row], rows.uses[row] * more)
    return amps, np.full(len(amps), FREE, dtype=np.int64)


def _turned_round(fleet: Fleet) -> Fleet:
    return replace(fleet, rank=-fleet.rank)


DEFECTS: dict[str, tuple[WorldScenario, str, object]] = {
    "a class counts for nothing": (of_classes(), "edge.allocation.share.Columns", _columns_of(rank=0)),
    "a weight counts for nothing": (
        of_classes(classes=PEERS),
        "edge.allocation.share.Columns",
        _columns_of(weight=1.0),
    ),
    "the first takes all": (of_classes(classes=PEERS), "edge.allocation.ranks.fill", _first_come),
    # Room for two minima: the staff's, and one more.
    "the lowest class comes first": (
        of_classes(building_a=16.0),
        "edge.allocation.decide.precedence",
        lambda grid, fleet, *rest: turns.precedence(grid, _turned_round(fleet), *rest),
    ),
}


def in_need() -> WorldScenario:
    """The first driver says that the car needs more than its share would give it; nobody else says anything."""
    scenario = of_classes(classes=PEERS.replace("weight = 2.0", "weight = 1.0"))
    (kind,) = scenario.drivers
    hurried = replace(kind, name="hurried", per_day=1, posts=frozenset({"CP-1"}), tells=1.0, stay_h=(0.5, 0.5))
    others = replace(kind, per_day=2, posts=frozenset({"CP-2", "CP-3"}))
    return replace(scenario, drivers=(replace(hurried, energy_wh=(7e3, 7e3)), others))


def test_a_need_that_counts_for_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't ready in time, and others that are in no hurry have more than their minima. Sound, it is given more."""
    assert failed_oracles(played(in_need())) == set()
    monkeypatch.setattr("edge.allocation.share.Columns", _columns_of(has_need=0.0))
    assert is_caught("shares", in_need())


def test_a_need_ends_with_its_session() -> None:
    """Who plugs in again has told nothing of the session that begins then: its car shares like the others."""

    def plug_again(world: World) -> None:
        (stay,) = (each for each in world.parking.here.values() if each.need is not None)
        world.parking.plug_again(stay)

    def meddle(world: World) -> None:
        asyncio.get_running_loop().call_at(250.0, plug_again, world)

    assert failed_oracles(played(in_need(), meddle=meddle)) == set()


def test_the_share_of_a_car_that_no_limit_bound_is_not_judged() -> None:
    """Row 22 is over, and the gateway holds it to its safe current for a turn: it has drawn what it liked."""
    scenario = replace(of_classes(classes=PEERS.replace("weight = 2.0", "weight = 1.0")), for_s=780.0)
    ignored = FaultSpec(number=22, at_s=180.0, for_s=60.0, target="CP-1")
    assert failed_oracles(played(scenario, seed=2, faults=[ignored])) == set()


@pytest.mark.parametrize("defect", DEFECTS)
def test_shares_that_are_not_fair_are_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the cars were offered and drew. Sound, the same site passes."""
    scenario, where, what = DEFECTS[defect]
    assert failed_oracles(played(scenario)) == set()
    monkeypatch.setattr(where, what)
    assert is_caught("shares", scenario)
