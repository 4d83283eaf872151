"""Same seed, same history: to the byte, in this process and in another."""

import os
import subprocess
import sys
from pathlib import Path

from simulators.world.scenario import FaultSpec
from tests.world.worlds import played

ROOT = Path(__file__).parents[2]
FAULTS = (
    FaultSpec(number=47, at_s=200.0, for_s=30.0),
    FaultSpec(number=14, at_s=300.0, for_s=60.0),
    FaultSpec(number=36, at_s=400.0, for_s=60.0),
)
ELSEWHERE = """
from tests.world.test_world_determinism import FAULTS
from tests.world.worlds import played
print(played(seed=5, faults=FAULTS).result.digest)
"""


def test_the_same_seed_writes_the_same_bytes() -> None:
    """Every frame, draw and fault at the same moment, after a kill, a partition and noise on the meter's line."""
    one, other = (played(seed=5, faults=FAULTS, keeps_history=True) for _ in range(2))
    assert one.history == other.history
    assert len(one.history.splitlines()) == one.result.events > 300
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.strip() == one.result.digest


def test_another_seed_is_another_day() -> None:
    """Chance is the seed's, not the world's."""
    assert played(seed=1).result.digest != played(seed=2).result.digest
