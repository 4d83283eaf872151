"""Each ready scenario, at an hour at which cars come; `make soak` plays their whole days."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from simulators.world.building import HOURS, LoadSpec
from simulators.world.run import Conduct, run_world
from simulators.world.scenario import FaultSpec
from simulators.world.scenario_file import load_world, ready_worlds
from simulators.world.world import World
from tests.world.worlds import BMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a scenario's day: from its beginning, and how long. In its midst the building limits as it does at
    another hour.
    """

    after_h: float
    minutes: float


PARTS = {
    "apartment-40": Part(after_h=6.0, minutes=20.0),
    "bakery-3": Part(after_h=10.0, minutes=30.0),
    "controllers-2": Part(after_h=3.0, minutes=30.0),
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
    begins_at, for_s = scenario.begins_at + timedelta(hours=part.after_h), 60.0 * part.minutes
    limits = tuple(replace(each, from_s=0.4 * for_s, to_s=0.8 * for_s) for each in scenario.limits)
    result = run_world(replace(scenario, begins_at=begins_at, for_s=for_s, limits=limits), seed=2).result
    assert result.verdicts == ()
    assert result.sessions > 0
    assert (result.transactions_lost, result.transactions_doubled) == (0, 0)


def test_a_roof_has_a_meter_of_its_own() -> None:
    """While the sun gives more than the house takes, the yard's meter shows more than the house's: both are right."""
    scenario = load_world("nested-4")
    loads = (*scenario.loads, LoadSpec(circuit="yard", hourly_a=(8.0,) * HOURS))
    scenario = replace(scenario, begins_at=scenario.begins_at + timedelta(hours=8.0), for_s=240.0, loads=loads)
    scenario = replace(scenario, site_head=scenario.site_head + BMS)
    assert run_world(scenario, seed=603, conduct=Conduct(drain_s=10.0)).result.verdicts == ()


def test_a_gateway_above_holds_the_fuse_of_both_by_the_one_below() -> None:
    """Many cars come to a yard whose estate has little left for them; left alone, the yard overloads the estate."""
    scenario = load_world("controllers-2")
    crowd = tuple(replace(each, per_day=60, phases=(3,), max_a=(32.0,)) for each in scenario.drivers)
    begins_at = scenario.begins_at + timedelta(hours=3.0)
    scenario = replace(scenario, begins_at=begins_at, for_s=1500.0, drivers=crowd)

    def leave_alone(world: World) -> None:
        assert world.upper is not None
        world.upper.start = lambda: None  # type: ignore[method-assign]

    both = run_world(scenario, seed=2).result
    alone = run_world(scenario, seed=2, conduct=Conduct(meddle=leave_alone)).result
    assert both.verdicts == ()
    assert "rating" in {verdict.oracle for verdict in alone.verdicts}


@pytest.mark.parametrize("meter", ["yard", "estate"])
def test_a_silent_meter_is_told_by_the_gateway_that_reads_it(meter: str) -> None:
    """Not by the other one of the two."""
    scenario = replace(load_world("controllers-2"), for_s=150.0)
    silent = FaultSpec(number=30, at_s=30.0, for_s=90.0, target=meter)
    assert run_world(scenario, seed=7, faults=[silent]).result.verdicts == ()
