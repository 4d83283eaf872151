"""Too much for a moment is within the budget; again and again it isn't."""

import asyncio
from dataclasses import replace

import pytest

from edge.allocation.background import Background
from edge.control.records import EvseRecord
from edge.units import Amps, Seconds
from simulators.world.building import LoadSpec
from simulators.world.world import World
from tests.world.worlds import played, small


def test_too_much_again_and_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that takes a car for obedient which comes down to another limit: raises it, finds it out, cuts it."""

    def forgives(record: EvseRecord, _before_a: Amps | None, draw_a: Amps, at: Seconds) -> None:
        bound_a = record.holdings.most_a(at, in_session=True, renewable=True)
        record.samples_over_limit = 0 if bound_a is None or draw_a <= bound_a + 1.0 else record.samples_over_limit + 1

    monkeypatch.setattr(EvseRecord, "judge_draw", forgives)
    monkeypatch.setattr(Background, "is_over", lambda *_: (False, False, False))  # else nothing is raised meanwhile
    scenario = small(minutes=14.0)
    load = LoadSpec(circuit="main", hourly_a=(*[4.0] * 9, *[64.0] * 15))  # begins at eight
    scenario = replace(scenario, loads=(load,), drivers=(replace(scenario.drivers[0], per_day=1),))

    def draws_more(world: World) -> None:
        (stay,) = world.parking.here.values()
        stay.ev.excess_a = 8.0
        world.stations[stay.evse.station].settle()

    def meddle(world: World) -> None:
        asyncio.get_running_loop().call_at(180.0, draws_more, world)

    verdicts = played(scenario, meddle=meddle).result.verdicts
    assert any(verdict.oracle == "rating" and "a little at a time" in verdict.text for verdict in verdicts)
