"""Worlds small enough for a unit test."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

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


def failed_oracles(outcome: Outcome) -> set[str]:
    """Which oracles have seen something."""
    return {verdict.oracle for verdict in outcome.result.verdicts}
