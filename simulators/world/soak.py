"""Many worlds with faults at random, and one table of them all.

Each run is one line of JSON in a file, so that what was played stays when the rest is left out.
"""

import fcntl
import gc
import hashlib
import math
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import orjson

from simulators.errors import ScenarioError
from simulators.world.part import any_part_h, part_of
from simulators.world.result import WorldResult
from simulators.world.run import run_world, with_random_faults
from simulators.world.scenario import Expectations, WorldScenario

DAY_H: Final = 24.0
CODE: Final = frozenset({".py", ".toml", ".sql", ".json"})
HEAD: Final = (
    "scenario",
    "runs",
    "site-days",
    "faults",
    "sessions",
    "transactions",
    "lost",
    "doubled",
    "trips",
    "failed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the table needs of one run, which began at hour `from_h` of its scenario, with `per_h` faults an hour, by
    that version of the :func:`program`. `processor_s` is what it took.
    """

    scenario: str
    seed: int
    hours: float
    faults: tuple[int, ...]
    sessions: int
    transactions: int
    lost: int
    doubled: int
    trips: int
    failures: tuple[str, ...]
    digest: str
    processor_s: float
    from_h: float = 0.0
    per_h: float = 3.0
    program: str = ""

    @classmethod
    def of(cls, run: "_Run", result: WorldResult, *, from_h: float, processor_s: float) -> "Played":
        return cls(
            scenario=result.scenario,
            seed=result.seed,
            hours=result.hours,
            faults=tuple(fault.number for fault in result.faults),
            sessions=result.sessions,
            transactions=result.transactions,
            lost=result.transactions_lost,
            doubled=result.transactions_doubled,
            trips=sum(circuit.tripped for circuit in result.circuits),
            failures=tuple(f"{each.at_s:.0f} s {each.oracle}: {each.text}" for each in result.verdicts),
            digest=result.digest,
            processor_s=round(processor_s, 1),
            from_h=from_h,
            per_h=run.per_h,
            program=program(),
        )

    @classmethod
    def broken(cls, run: "_Run", cause: Exception, *, from_h: float, processor_s: float) -> "Played":
        """Of a world that didn't come to its end: no site-day, and played again when the soak goes on."""
        return cls(
            scenario=run.scenario.name,
            seed=run.seed,
            hours=0.0,
            faults=(),
            sessions=0,
            transactions=0,
            lost=0,
            doubled=0,
            trips=0,
            failures=(f"the world broke: {cause!r}",),
            digest="",
            processor_s=round(processor_s, 1),
            from_h=from_h,
            per_h=run.per_h,
            program=program(),
        )

    @property
    def is_broken(self) -> bool:
        return self.hours == 0.0

    def is_of(self, other: "Played") -> bool:
        """Whether that is the same run."""
        return (self.scenario, self.seed, self.from_h, self.per_h) == (
            other.scenario,
            other.seed,
            other.from_h,
            other.per_h,
        )


def soaked(
    scenarios: Sequence[WorldScenario],
    seeds: Sequence[int],
    *,
    per_h: float,
    into: Path,
    until: float | None,
    hours: float | None = None,
    jobs: int = 1,
) -> Iterator[Played]:
    """Play each scenario with each seed, the next seed when all have begun one, so many at a time, each in a process of
    its own; what is in `into` isn't played again. They come as they end.

    `hours`: so many of each that is longer, from an hour on that the seed decides. The expectations of a scenario are
    those of a day without faults, so the oracles judge alone. `until` is a moment of :func:`time.monotonic` after which
    no further run begins.

    Raises ScenarioError if `into` is no such file, or another soak is writing it.
    """
    with into.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScenarioError(f"{into}: another soak is writing it: wait for its end, or give another file") from None
        whole = _whole_lines(into.read_bytes())
        stream.truncate(len(whole))
        done = {(each.scenario, each.seed, each.hours, each.per_h) for each in current(read(into))}
        wanted = (
            _Run(scenario=replace(scenario, expect=Expectations()), seed=seed, hours=played_h, per_h=per_h, until=until)
            for seed in seeds
            for scenario in scenarios
            for played_h in [_hours(scenario, hours)]
            if (scenario.name, seed, played_h, per_h) not in done
        )
        with multiprocessing.get_context("spawn").Pool(jobs, initializer=_obey_the_pool) as processes:
            for line in processes.imap_unordered(_play, wanted):
                if line is not None:
                    stream.write(orjson.dumps(asdict(line)) + b"\n")
                    stream.flush()
                    yield line


def _obey_the_pool() -> None:
    """What interrupts a soak ends its processes as their pool is left, each in order: its world's disk is in memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _whole_lines(content: bytes) -> bytes:
    """Without what a power cut, or a full disk, has left of the last line."""
    return content[: content.rfind(b"\n") + 1]


@cache
def program() -> str:
    """The version of the gateway and its world: a digest of their code and tables."""
    digest = hashlib.sha256()
    for package in ("edge", "simulators"):
        folder = Path(str(resources.files(package)))
        for file in sorted(each for each in folder.rglob("*") if each.suffix in CODE):
            digest.update(f"{file.relative_to(folder.parent)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def current(runs: Sequence[Played]) -> tuple[Played, ...]:
    """Those of this version of the program; of a world that broke, and was played again, that."""
    ours = [each for each in runs if each.program == program()]
    return tuple(
        each
        for number, each in enumerate(ours)
        if not (each.is_broken and any(each.is_of(later) for later in ours[number + 1 :]))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    scenario: WorldScenario
    seed: int
    hours: float
    per_h: float
    until: float | None


def _play(run: _Run) -> Played | None:
    """None: it was too late to begin. Linux counts monotonic time alike in all processes."""
    if run.until is not None and time.monotonic() >= run.until:
        return None
    gc.collect()  # what the world before has left: it looks for that seldom, and 35 left 2.5 GB
    began = time.process_time()
    from_h = any_part_h(run.scenario, seed=run.seed, hours=run.hours)
    part = part_of(run.scenario, from_s=from_h * 3600.0, for_s=run.hours * 3600.0)
    try:
        result = run_world(with_random_faults(part, run.per_h), seed=run.seed).result
    except Exception as exc:  # whatever it is, the others are played all the same
        return Played.broken(run, exc, from_h=from_h, processor_s=time.process_time() - began)
    return Played.of(run, result, from_h=from_h, processor_s=time.process_time() - began)


def _hours(scenario: WorldScenario, hours: float | None) -> float:
    whole_h = scenario.for_s / 3600.0
    return whole_h if hours is None else min(hours, whole_h)


def read(into: Path) -> tuple[Played, ...]:
    """What was played into this file. Raises ScenarioError."""
    if not into.exists():
        return ()
    played: list[Played] = []
    try:
        played.extend(_line(orjson.loads(line)) for line in _whole_lines(into.read_bytes()).splitlines())
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ScenarioError(f"{into}: line {len(played) + 1}: isn't what a soak writes: {exc}") from exc
    return tuple(played)


def _line(found: Mapping[str, Any]) -> Played:
    return Played(**{**found, "faults": tuple(found["faults"]), "failures": tuple(found["failures"])})


def table(runs: Sequence[Played]) -> str:
    """All of them in Markdown: a row for each scenario, and one for all."""
    names = sorted({each.scenario for each in runs})
    rows = [_row(name, [each for each in runs if each.scenario == name]) for name in names]
    rows.append(_row("**all**", runs))
    ruler = "|".join(["---"] * len(HEAD))
    return "\n".join([f"| {' | '.join(HEAD)} |", f"|{ruler}|", *rows])


def _row(name: str, runs: Sequence[Played]) -> str:
    days = sum(each.hours for each in runs) / DAY_H
    sums = [
        sum(len(each.faults) for each in runs),
        *(
            sum(getattr(each, field) for each in runs)
            for field in ("sessions", "transactions", "lost", "doubled", "trips")
        ),
        sum(bool(each.failures) for each in runs),
    ]
    return f"| {name} | {len(runs)} | {days:.1f} | {' | '.join(str(each) for each in sums)} |"


def whole_takes_h(runs: Sequence[Played], site_days: float) -> float:
    """How many hours of one core so many site-days would take at the pace of these; infinite where none was played."""
    days = sum(each.hours for each in runs) / DAY_H
    return sum(each.processor_s for each in runs) / days * site_days / 3600.0 if days else math.inf
