"""What the figures are held against: the targets of the design, each with the figures that it judges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A figure as it is printed: "5.9 / 15.3 ms", "1,234 messages/s", "1.21 ms / 1.25 ms / 1.03".
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A row of the table of targets.

    ``figures`` are those of ``benchmark`` that it judges, each by what it is called in the row; of each the number in
    the place ``judged``, counted from 0, which may be ``at_most`` or ``at_least`` so much. ``how`` says what was done.
    """

    what: str
    benchmark: str
    figures: Mapping[str, str] = field(hash=False)
    how: str
    judged: int = 0
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    @property
    def wanted(self) -> str:
        if self.at_most is not None:
            return f"<= {self.at_most:g}{self.unit}"
        return f">= {self.at_least:g}{self.unit}" if self.at_least is not None else "none set"

    def measured(self, book: Mapping[str, Any]) -> str:
        """The figures in a cell."""
        found = self._found(book)
        if not found:
            return "not measured"
        return "; ".join(f"{label}: {value}" if label else value for label, value in found.items())

    def verdict(self, book: Mapping[str, Any]) -> str:
        found = self._found(book)
        if not found or (self.at_most is None and self.at_least is None):
            return ""
        missed = [label for label, value in found.items() if not self._is_met(value)]
        if not missed:
            return "met"
        return f"**missed** ({', '.join(missed)})" if all(missed) and len(missed) < len(found) else "**missed**"

    def _found(self, book: Mapping[str, Any]) -> dict[str, str]:
        there = book.get(self.benchmark, {}).get("figures", {})
        return {label: there[key] for label, key in self.figures.items() if key in there}

    def _is_met(self, value: str) -> bool:
        numbers = [float(text.replace(",", "")) for text in _NUMBER.findall(value)]
        if len(numbers) <= self.judged:
            return False
        number = numbers[self.judged]
        return (self.at_most is None or number <= self.at_most) and (self.at_least is None or number >= self.at_least)


_STATIONS = {"1 station": "1 station", "50": "50 stations", "200": "200 stations"}
_RELAY_HOW = (
    "bare `websockets` relay / gateway / ratio: CALLs by turns in one run, medians of nine rounds and of their ratios"
)
_SOCKETS_HOW = "over real sockets, all charging, a sample of each every 10 s; p50 / p99 of 60 ticks"


def _relay(mode: str, figure: str) -> dict[str, str]:
    return {label: f"{who}, {mode}: {figure} (bare / gateway / ratio)" for label, who in _STATIONS.items()}


TARGETS: tuple[Target, ...] = (
    Target(
        what="round trip of a CALL, observe",
        benchmark="relay",
        figures=_relay("observe", "CALL round trip, p50"),
        how=_RELAY_HOW,
        judged=2,
        at_most=1.25,
    ),
    Target(
        what="CALLs a second, observe",
        benchmark="relay",
        figures=_relay("observe", "throughput"),
        how="the same",
        judged=2,
        at_least=0.8,
    ),
    Target(
        what="round trip of a CALL, control",
        benchmark="relay",
        figures=_relay("control", "CALL round trip, p50"),
        how="the same, with the control running",
        judged=2,
        at_most=1.25,
    ),
    Target(
        what="CALLs a second, control",
        benchmark="relay",
        figures=_relay("control", "throughput"),
        how="the same",
        judged=2,
        at_least=0.8,
    ),
    Target(
        what="exact allocation, 1,000 EVSEs in 100 circuits, p99",
        benchmark="solve",
        figures={
            "steps of 0.1 A": "solve, 1000 EVSEs, 100 circuits, 55%, steps of 0.1 A, p99",
            "little room": "solve, 1000 EVSEs, 100 circuits, 25%, steps of 0.1 A, p99",
            "continuous": "solve, 1000 EVSEs, 100 circuits, 55%, continuous, p99",
        },
        how="200 times each, in this process",
        at_most=5.0,
        unit=" ms",
    ),
    Target(
        what="the loop's own tick, 500 stations in 50 circuits, p99 of processor time",
        benchmark="tick",
        figures={"": "tick, 500 stations in 50 circuits, of processor time, p99"},
        how="board to commands, without sockets",
        at_most=20.0,
        unit=" ms",
    ),
    Target(
        what="whole tick, 500 stations, p99",
        benchmark="ticking",
        figures={"": "500 stations: tick, from the meter's first request to its end, p50 / p99"},
        how=_SOCKETS_HOW,
        judged=1,
        at_most=20.0,
        unit=" ms",
    ),
    Target(
        what="jitter of its begin, p99",
        benchmark="ticking",
        figures={"": "500 stations: jitter of the tick's begin, p50 / p99"},
        how="the same run",
        judged=1,
        at_most=20.0,
        unit=" ms",
    ),
    Target(
        what="ticks missed",
        benchmark="ticking",
        figures={"": "500 stations: ticks missed"},
        how="the same run",
        at_most=0.0,
    ),
    Target(
        what="share of one core",
        benchmark="ticking",
        figures={"": "500 stations: share of one core"},
        how="the same run",
        at_most=25.0,
        unit=" %",
    ),
    Target(
        what="memory",
        benchmark="ticking",
        figures={"": "500 stations: memory"},
        how="the same run",
        at_most=200.0,
        unit=" MB",
    ),
    Target(
        what="meter's sample to the frame on a station's socket, 200 stations, p99",
        benchmark="latency",
        figures={"first station": "200 stations: meter's answer to the first station's lower limit, p50 / p99"},
        how="the load steps up by a fifth of the fuse; from the answer to the tick's poll to the cut's arrival",
        judged=1,
        at_most=100.0,
        unit=" ms",
    ),
    Target(
        what="building's load steps up, until the site is back under its fuse, p95",
        benchmark="steps",
        figures={"": "back under the fuse, p50 / p95 / worst, each of the seed with the longest"},
        how="six hours in virtual time, twelve cars that obey within 5 s, steps of up to 40 A each two minutes",
        judged=1,
        at_most=8.0,
        unit=" s",
    ),
    Target(
        what="headroom used while cars want more",
        benchmark="steps",
        figures={"": "room used while cars want more, mean / least"},
        how="the same",
        at_least=98.0,
        unit=" %",
    ),
    Target(
        what="kill -9 to controlling again, worst of five",
        benchmark="restart",
        figures={"": "kill -9 to the first tick, 5 times, median / worst"},
        how="20 stations in sessions, until the first tick is complete",
        judged=1,
        at_most=5.0,
        unit=" s",
    ),
    Target(
        what="kill -9 to a new limit on each of 20 stations",
        benchmark="restart",
        figures={"": "kill -9 to a limit on all of 20 stations, median / worst"},
        how="the same",
    ),
    Target(
        what="200 stations at once, the last one served",
        benchmark="storm",
        figures={"": "200 stations at once: session begun and its limit there, median / last"},
        how="first dial to the limit of a session that began",
        judged=1,
        at_most=30.0,
        unit=" s",
    ),
    Target(
        what="500 stations at once, the last one served",
        benchmark="storm",
        figures={"": "500 stations at once: session begun and its limit there, median / last"},
        how="the same",
    ),
    Target(
        what="memory over time, slope of the second half",
        benchmark="memory",
        figures={"": "200 stations for 20 min: slope of the second half"},
        how="200 stations in sessions for 20 minutes, resident memory each 5 s",
    ),
    Target(
        what="a day of 50 stations in virtual time, processor time",
        benchmark="world",
        figures={"": "processor time"},
        how="24 h of `depot-50`, 50 sessions, one process on one core",
        at_most=60.0,
        unit=" s",
    ),
)
