"""One measured figure, and how it is printed."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row of the table: what was measured, and the value with its unit."""

    what: str
    value: str


def milliseconds(what: str, seconds: Sequence[float]) -> list[Figure]:
    """Median and 99th percentile of a series of durations."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return [
        Figure(what=f"{what}, median", value=f"{statistics.median(ordered) * 1e3:.3f} ms"),
        Figure(what=f"{what}, p99", value=f"{p99 * 1e3:.3f} ms"),
    ]
