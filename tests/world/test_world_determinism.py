"""Same seed, same history: to the byte, in this process and in another."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.world.run import Outcome
from simulators.world.scenario import FaultSpec
from simulators.world.scenario_file import load_world
from tests.world.worlds import played, small

ROOT = Path(__file__).parents[2]
FAULTS = (
    FaultSpec(number=47, at_s=200.0, for_s=30.0),
    FaultSpec(number=14, at_s=300.0, for_s=60.0),
    FaultSpec(number=36, at_s=400.0, for_s=60.0),
)
ELSEWHERE = """
from tests.world.test_world_determinism import {0}
print({0}().result.digest)
"""


def restless() -> Outcome:
    """A kill, a partition and noise on the meter's line."""
    return played(small(minutes=8.0), seed=5, faults=FAULTS, keeps_history=True, drain_s=60.0)


def crowded() -> Outcome:
    """A dozen stations of three editions lose their cloud at once, and their gateway a while later."""
    scenario = replace(load_world("nested-4"), for_s=150.0)
    faults = [FaultSpec(number=1, at_s=60.0, for_s=30.0), FaultSpec(number=53, at_s=110.0, for_s=30.0)]
    return played(scenario, seed=3, faults=faults, drain_s=10.0)


def test_the_same_seed_writes_the_same_bytes() -> None:
    """Every frame, draw and fault at the same moment."""
    one, other = (restless() for _ in range(2))
    assert one.history == other.history
    assert len(one.history.splitlines()) == one.result.events > 300


def test_a_disk_elsewhere_writes_the_same_bytes() -> None:
    """A destroyed file is told by its name, not by the folder that this run's disk was made in."""
    spoilt = [FaultSpec(number=49, at_s=60.0, for_s=30.0)]
    one, other = (
        played(replace(load_world("bakery-3"), for_s=120.0), seed=5, faults=spoilt, keeps_history=True, drain_s=10.0)
        for _ in range(2)
    )
    assert b"set aside" in one.history
    assert one.history == other.history


@pytest.mark.parametrize("world", [restless, crowded])
def test_another_process_writes_the_same_bytes(world: Callable[[], Outcome]) -> None:
    """With other hashes of texts, and of objects: nothing hangs on the order of a set."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(world.__name__)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.strip() == world().result.digest


def test_another_seed_is_another_day() -> None:
    """Chance is the seed's, not the world's."""
    one, other = (played(small(minutes=3.0), seed=seed, drain_s=10.0).result.digest for seed in (1, 2))
    assert one != other
