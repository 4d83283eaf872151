"""The site's copper in virtual time: what flows through every circuit and phase between two changes, exactly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulators.phases import NO_AMPS, Amps3

TOLERANCE_A: Final = 1e-6  # sums of many floats


class Protection(Protocol):
    """A breaker or a fuse."""

    rated_a: float
    tripped: bool

    @property
    def most_heat(self) -> float: ...
    def carry(self, current_a: Amps3, dt_s: float) -> None: ...


@dataclass(slots=True, kw_only=True)
class Run:
    """One circuit: what flows, and the account of it. Currents are positive from the grid into the circuit."""

    id: str
    parent: str | None
    fuse_a: float
    protection: Protection
    ev_a: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    other_a: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # the building's, less what the sun gives
    most_a: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    over_s: float = 0.0
    over_since: float | None = None  # the moment from which some phase has been above the rating
    import_wh: float = 0.0
    export_wh: float = 0.0

    @property
    def total_a(self) -> Amps3:
        (a1, a2, a3), (b1, b2, b3) = self.ev_a, self.other_a
        return (a1 + b1, a2 + b2, a3 + b3)

    @property
    def is_over(self) -> bool:
        return max(abs(amps) for amps in self.total_a) > self.fuse_a + TOLERANCE_A

    @property
    def is_over_without_cars(self) -> bool:
        """Whether the building alone takes more than the rating."""
        return max(abs(amps) for amps in self.other_a) > self.fuse_a + TOLERANCE_A


class Copper:
    """All circuits. `overloads` hears of each one that has ended: its circuit, when it began, how long it lasted."""

    def __init__(self, runs: Sequence[Run], *, volts: float, now: Callable[[], float]) -> None:
        self.runs: Mapping[str, Run] = {run.id: run for run in runs}
        self._paths: dict[str, tuple[Run, ...]] = {run.id: self._path(run) for run in runs}
        self._volts = volts
        self._now = now
        self._at = now()
        self._draws: dict[tuple[str, int], Amps3] = {}
        self._loads: dict[tuple[str, str], Amps3] = {}
        self.overloads: list[tuple[str, float, float]] = []

    def path(self, circuit: str) -> tuple[Run, ...]:
        """The circuit and those above it."""
        return self._paths[circuit]

    def draw(self, key: tuple[str, int], circuit: str, grid_a: Amps3) -> None:
        """From now on the EVSE draws so much of the grid's L1, L2, L3."""
        before = self._draws.get(key, NO_AMPS)
        if before != grid_a:
            self.advance()
            self._draws[key] = grid_a
            self._add([run.ev_a for run in self._paths[circuit]], before, grid_a)
            self._judge(self._paths[circuit])

    def drawn_a(self, key: tuple[str, int]) -> Amps3:
        """What the EVSE draws now."""
        return self._draws.get(key, NO_AMPS)

    def load(self, name: str, circuit: str, amps: Amps3) -> None:
        """From now on the load of that name takes so much; negative: it gives."""
        before = self._loads.get((name, circuit), NO_AMPS)
        if before != amps:
            self.advance()
            self._loads[name, circuit] = amps
            self._add([run.other_a for run in self._paths[circuit]], before, amps)
            self._judge(self._paths[circuit])

    def advance(self) -> None:
        """Account for the time since the last change, in which everything was constant."""
        now = self._now()
        dt_s = now - self._at
        if dt_s <= 0:
            return
        self._at = now
        hours = dt_s / 3600.0
        for run in self.runs.values():
            amps = run.total_a
            run.protection.carry((abs(amps[0]), abs(amps[1]), abs(amps[2])), dt_s)
            watts = sum(amps) * self._volts
            if watts >= 0:
                run.import_wh += watts * hours
            else:
                run.export_wh -= watts * hours
            if run.over_since is not None:
                run.over_s += dt_s

    def _judge(self, path: Sequence[Run]) -> None:
        for run in path:
            amps = run.total_a
            for phase in range(3):
                run.most_a[phase] = max(run.most_a[phase], abs(amps[phase]))
            if run.is_over and run.over_since is None:
                run.over_since = self._at
            elif run.over_since is not None and not run.is_over:
                self.overloads.append((run.id, run.over_since, self._at - run.over_since))
                run.over_since = None

    @staticmethod
    def _add(sums: Sequence[list[float]], before: Amps3, after: Amps3) -> None:
        for each in sums:
            for phase in range(3):
                each[phase] += after[phase] - before[phase]

    def _path(self, run: Run) -> tuple[Run, ...]:
        path = [run]
        while path[-1].parent is not None:
            path.append(self.runs[path[-1].parent])
        return tuple(path)
