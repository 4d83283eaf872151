"""Worlds small enough for a unit test."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from simulators.world.building import HOURS, LoadSpec
from simulators.world.faults.base import Fault
from simulators.world.limits import LimitSpec
from simulators.world.oracles.base import Oracle
from simulators.world.run import DRAIN_S, Conduct, Outcome, run_world
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.scenario_file import load_world
from simulators.world.watch import Tamper
from simulators.world.world import World

SMALL = Path(__file__).parent / "small.toml"


def small(*, minutes: float = 12.0, period_s: float = 5.0) -> WorldScenario:
    """Three posts, three cars, a restless building; with a slow control period, which is cheap."""
    scenario = load_world(str(SMALL))
    head = scenario.site_head.replace("period_s = 2.0", f"period_s = {period_s:g}\nmeter_stale_s = 15")
    return replace(scenario, for_s=minutes * 60.0, site_head=head)


def played(
    scenario: WorldScenario | None = None,
    *,
    seed: int = 1,
    faults: Sequence[FaultSpec] | None = None,
    tamper: Tamper | None = None,
    meddle: Callable[[World], None] | None = None,
    keeps_history: bool = False,
    drain_s: float = DRAIN_S,
) -> Outcome:
    """A run of it; with its own faults, and those that its rate brings, where none are given."""
    conduct = Conduct(keeps_history=keeps_history, tamper=tamper, meddle=meddle, drain_s=drain_s)
    return run_world(scenario or small(), seed=seed, faults=faults, conduct=conduct)


class _Seen(Exception):
    """The run has shown what it was to show."""


def is_caught(
    oracle: str,
    scenario: WorldScenario | None = None,
    *,
    seed: int = 1,
    faults: Sequence[FaultSpec] = (),
    tamper: Tamper | None = None,
    meddle: Callable[[World], None] | None = None,
    drain_s: float = DRAIN_S,
) -> bool:
    """Whether a run of it fails by this oracle, or by this fault's own outcome (``fault 11``). It ends as soon as it
    does; what only the end shows is looked for there.
    """
    worlds: list[World] = []

    def begin(world: World) -> None:
        worlds.append(world)
        if meddle is not None:
            meddle(world)

    def look(_share: float) -> None:
        said = {each.name for each in worlds[0].frames.ears if isinstance(each, Oracle) and each.verdicts}
        failed = {f"fault {each.spec.number}" for each in worlds[0].faults if isinstance(each, Fault) and each.failure}
        if oracle in said | failed:
            raise _Seen

    conduct = Conduct(tamper=tamper, meddle=begin, drain_s=drain_s, progress=look)
    try:
        outcome = run_world(scenario or small(), seed=seed, faults=faults, conduct=conduct)
    except _Seen:
        return True
    return oracle in failed_oracles(outcome)


def played_beside_a_rise(*, minutes: float) -> Outcome:
    """A run with one car, which takes 8 A more than it is offered from the third minute on; its building rises by an
    ampere a minute.
    """
    scenario = small(minutes=minutes)
    load = LoadSpec(circuit="main", hourly_a=(*[4.0] * 9, *[64.0] * 15))  # begins at eight
    scenario = replace(scenario, loads=(load,), drivers=(replace(scenario.drivers[0], per_day=1),))

    def draws_more(world: World) -> None:
        (stay,) = world.parking.here.values()
        stay.ev.excess_a = 8.0
        world.stations[stay.evse.station].settle()

    def meddle(world: World) -> None:
        asyncio.get_running_loop().call_at(180.0, draws_more, world)

    return played(scenario, meddle=meddle)


def failed_oracles(outcome: Outcome) -> set[str]:
    """Which oracles have seen something."""
    return {verdict.oracle for verdict in outcome.result.verdicts}


CLASSES = """
[[class]]
id = "staff"
rank = 0
[[class]]
id = "visitor"
rank = 1
"""
PEERS = CLASSES.replace("rank = 0", "rank = 0\nweight = 2.0").replace("rank = 1", "rank = 0")


def of_classes(*, building_a: float = 3.0, classes: str = CLASSES) -> WorldScenario:
    """The first of three posts is the staff's, and all three cars want more than there is."""
    scenario = small(minutes=14.0)
    posts = tuple(
        replace(scenario.posts[0], count=1, first=number, class_id="staff" if number == 1 else "visitor")
        for number in (1, 2, 3)
    )
    load = LoadSpec(circuit="main", hourly_a=(building_a,) * HOURS, noise_a=0.3)
    drivers = tuple(replace(each, stay_h=(0.9, 0.95), energy_wh=(4e4, 5e4)) for each in scenario.drivers)
    return replace(scenario, site_head=scenario.site_head + classes, posts=posts, loads=(load,), drivers=drivers)


BMS = """
[bms.modbus]
listen = "10.1.0.1:5502"
writable = true
fallback_a = 31
[bms.mqtt]
broker = "mqtt://10.1.0.30:1883"
writable = true
fallback_a = 31
"""
LOWER = LimitSpec(over="modbus", from_s=150.0, to_s=500.0, max_a=22.0)
DIMMED = LimitSpec(over="mqtt", from_s=300.0, to_s=600.0, max_w=16.0 * 690.0)


def limited_twice() -> WorldScenario:
    """Cars on one and on three phases, and a building that allows them less for a while, over either way."""
    scenario = small(minutes=10.0)
    drivers = tuple(replace(each, phases=(1, 3)) for each in scenario.drivers)
    return replace(scenario, site_head=scenario.site_head + BMS, limits=(LOWER, DIMMED), drivers=drivers)
