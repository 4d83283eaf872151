"""How the control of the site answers a building whose load steps: in virtual time, over seeds."""

from pathlib import Path

from simulators.world.run import run_world
from simulators.world.scenario_file import load_world
from tests.benchmarks.figure import Figure

SCENARIO = Path(__file__).parents[1] / "world" / "steps.toml"
SEEDS = range(1, 7)


def figures() -> list[Figure]:
    """An hour with each seed: the time from a step over the fuse until the site is back under it, and how much of the
    room that is there twelve cars use that want more."""
    scenario = load_world(str(SCENARIO))
    results = [run_world(scenario, seed=seed).result for seed in SEEDS]
    reactions = [result.reactions_s for result in results if result.reactions_s is not None]
    used = [result.utilisation for result in results if result.utilisation is not None]
    p50, p95, worst = (max(each) for each in zip(*reactions, strict=True))
    over_s = sum(circuit.over_s for result in results for circuit in result.circuits)
    return [
        Figure(
            what="back under the fuse, p50 / p95 / worst, each of the seed with the longest",
            value=f"{p50:.1f} / {p95:.1f} / {worst:.1f} s",
        ),
        Figure(
            what="room used while cars want more, mean / least", value=f"{sum(used) / len(used):.1%} / {min(used):.1%}"
        ),
        Figure(what=f"over the fuse, of {len(results)} hours", value=f"{over_s:.0f} s"),
    ]
