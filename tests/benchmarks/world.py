"""How fast virtual time passes: a day of fifty stations."""

import os
import resource
import time
from dataclasses import replace

from simulators.world.run import run_world
from simulators.world.scenario import Expectations
from simulators.world.scenario_file import load_world
from tests.benchmarks.figure import Figure

SCENARIO = "depot-50"
DAY_H = 24.0


def figures() -> list[Figure]:
    """Wall and processor time of a day from the scenario's beginning on (EDGE_BENCH_WORLD_H: less of it)."""
    hours = float(os.environ.get("EDGE_BENCH_WORLD_H", DAY_H))
    scenario = replace(load_world(SCENARIO), for_s=3600.0 * hours, expect=Expectations())
    wall, processor = time.perf_counter(), time.process_time()
    result = run_world(scenario, seed=1).result
    wall_s, processor_s = time.perf_counter() - wall, time.process_time() - processor
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return [
        Figure(what=f"{hours:g} h of {SCENARIO}, {result.sessions} sessions, wall time", value=f"{wall_s:.1f} s"),
        Figure(what="processor time", value=f"{processor_s:.1f} s"),
        Figure(what="faster than life", value=f"{3600.0 * hours / wall_s:.0f} times"),
        Figure(what="memory at most", value=f"{most_mb:.0f} MB"),
    ]
