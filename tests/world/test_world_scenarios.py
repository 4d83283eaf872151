"""Each ready scenario, at an hour at which cars come; `make soak` plays their whole days."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from simulators.world.run import run_world
from simulators.world.scenario import load_world, ready_worlds


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a scenario's day: from its beginning, and how long."""

    after_h: float
    minutes: float


PARTS = {
    "apartment-40": Part(after_h=6.0, minutes=20.0),
    "depot-50": Part(after_h=2.5, minutes=20.0),
    "garage-200": Part(after_h=2.7, minutes=10.0),
    "motorway-6": Part(after_h=5.0, minutes=30.0),
    "nested-4": Part(after_h=4.0, minutes=30.0),
    "office-8": Part(after_h=2.5, minutes=30.0),
}


def test_each_ready_scenario_has_its_part() -> None:
    """A scenario that is added is played."""
    assert set(PARTS) == set(ready_worlds())


@pytest.mark.parametrize("name", PARTS)
def test_a_ready_scenario_is_sound(name: str) -> None:
    """Cars charge, every oracle holds, and the cloud has each transaction once."""
    part, scenario = PARTS[name], load_world(name)
    begins_at = scenario.begins_at + timedelta(hours=part.after_h)
    result = run_world(replace(scenario, begins_at=begins_at, for_s=60.0 * part.minutes), seed=2).result
    assert result.verdicts == ()
    assert result.sessions > 0
    assert (result.transactions_lost, result.transactions_doubled) == (0, 0)
