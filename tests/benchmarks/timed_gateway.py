"""``edge`` with a stopwatch on its ticks: from the meters' answer to the last command that was handed over.

Run as ``python -m tests.benchmarks.timed_gateway FILE ...``, the rest as of ``edge``. When it ends, FILE has a line for
each tick: when it began (``perf_counter``), how long it took by the wall clock, and of processor time.
"""

import sys
import time
from pathlib import Path

from edge.allocation.decide import Decision
from edge.cli.main import main
from edge.control.loop import ControlLoop

_ticks: list[tuple[float, float, float]] = []
_tick = ControlLoop.tick


def _timed(self: ControlLoop) -> Decision:
    wall_s, processor_s = time.perf_counter(), time.thread_time()
    decision = _tick(self)
    _ticks.append((wall_s, time.perf_counter() - wall_s, time.thread_time() - processor_s))
    return decision


if __name__ == "__main__":
    file = Path(sys.argv.pop(1))
    ControlLoop.tick = _timed  # type: ignore[method-assign]
    try:
        main()
    finally:
        file.write_text("".join(f"{at} {took} {cpu}\n" for at, took, cpu in _ticks), encoding="ascii")
