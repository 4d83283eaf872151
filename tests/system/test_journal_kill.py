"""kill -9 of a real process at random instants: everything that it was told is kept is there."""

import random
import subprocess
import sys
from pathlib import Path

from edge.storage.reading import entries
from edge.storage.store import Store
from tests.unit.storage.storage_bench import put

KILLS = 12
LOAD = Path(__file__).with_name("journal_load.py")
ROOT = Path(__file__).parents[2]


def test_kill_9_at_any_moment_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Fault 47, for the journal alone: the same folder is killed again and again under load."""
    dice = random.Random(47)
    kept: set[int] = set()
    first = 1
    for _ in range(KILLS):
        said = _run(tmp_path, first, lines=dice.randint(1, 600))
        store = Store(tmp_path, reserve_bytes=1)
        store.open()
        found = {entry.seq: entry.text for entry in entries(store)}
        store.close()
        assert store.healed == ()
        assert (kept | said["+"]) - said["?"] <= set(found)
        assert not said["-"] & set(found)
        assert all(text == put(seq, size=seq % 900).entry.text for seq, text in found.items())
        kept = set(found)
        first = max(found, default=first) + 1


def _run(folder: Path, first: int, *, lines: int) -> dict[str, set[int]]:
    """Load until so many lines were read, then kill; the numbers that were said, by what was said of them."""
    with subprocess.Popen(
        [sys.executable, str(LOAD), str(folder), str(first)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    whole = [line.strip() for line in said if line.endswith("\n")]
    return {sign: {int(line[1:]) for line in whole if line[0] == sign} for sign in "+?-"}
