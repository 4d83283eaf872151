"""Worlds small enough for a unit test."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from simulators.world.building import LoadSpec
from simulators.world.run import DRAIN_S, Conduct, Outcome, run_world
from simulators.world.scenario import FaultSpec, WorldScenario, load_world
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
    faults: Sequence[FaultSpec] = (),
    tamper: Tamper | None = None,
    meddle: Callable[[World], None] | None = None,
    keeps_history: bool = False,
    drain_s: float = DRAIN_S,
) -> Outcome:
    """A run of it."""
    conduct = Conduct(keeps_history=keeps_history, tamper=tamper, meddle=meddle, drain_s=drain_s)
    return run_world(scenario or small(), seed=seed, faults=faults, conduct=conduct)


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
