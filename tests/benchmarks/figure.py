"""One measured figure, and how it is printed."""

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row of the table: what was measured, and the value with its unit."""

    what: str
    value: str


class Stopwatch:
    """How long something took, again and again: by the wall clock, and in time of the processor, which leaves out how
    long other programs had it."""

    def __init__(self) -> None:
        self.wall_s: list[Seconds] = []
        self.processor_s: list[Seconds] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Once."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.processor_s.append(time.process_time() - processor)
        self.wall_s.append(time.perf_counter() - wall)

    def figures(self, what: str) -> list[Figure]:
        """Median and 99th percentile of both."""
        return [*milliseconds(what, self.wall_s), *milliseconds(f"{what}, of processor time", self.processor_s)]


def milliseconds(what: str, seconds: Sequence[Seconds]) -> list[Figure]:
    """Median and 99th percentile of a series of durations."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return [
        Figure(what=f"{what}, median", value=f"{statistics.median(ordered) * 1e3:.3f} ms"),
        Figure(what=f"{what}, p99", value=f"{p99 * 1e3:.3f} ms"),
    ]
