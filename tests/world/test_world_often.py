"""Too much for a moment is within the budget; again and again it isn't."""

import asyncio
from dataclasses import replace

import pytest

from edge.allocation.background import Background
from edge.control.records import EvseRecord
from simulators.world.world import World
from tests.world.worlds import of_classes, played

SPELL_S = 25.0


def _takes_more(world: World, excess_a: float = 8.0) -> None:
    """Every other spell, from now on, the car takes so much more than it is offered."""
    (stay,) = world.parking.here.values()
    stay.ev.excess_a = excess_a
    world.stations[stay.evse.station].settle()
    asyncio.get_running_loop().call_later(SPELL_S, _takes_more, world, 8.0 - excess_a)


def _meddle(world: World) -> None:
    asyncio.get_running_loop().call_at(200.0, _takes_more, world)


def test_too_much_again_and_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that sees neither that a car disobeys nor that a circuit carries too much."""
    monkeypatch.setattr(EvseRecord, "judge_draw", lambda *_: None)
    monkeypatch.setattr(Background, "is_over", lambda *_: (False, False, False))
    scenario = of_classes()
    scenario = replace(scenario, drivers=(replace(scenario.drivers[0], per_day=1),))
    verdicts = played(scenario, meddle=_meddle).result.verdicts
    assert any(verdict.oracle == "rating" and "a little at a time" in verdict.text for verdict in verdicts)
