"""The tree as arrays: which EVSE's current flows through which line. Depends on the wiring alone, made once.

A *line* is whatever can be full. Of each circuit four: its three phases and its total power. Of the grid connection six
more, one for each ordered pair of phases: on the line of (p, q) are the EVSEs that use p and not q, for it is they who
raise p above q. One line more, the last, is never full: it fills up the rows.

Rows and circuits are sorted by id, so that the order in which a problem names them can't touch a single bit of the
answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.units import PHASES, Phase

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

POWER = len(PHASES)  # a circuit's fourth line
LINES_PER_CIRCUIT = POWER + 1
PAIRS = tuple((high, low) for high in range(POWER) for low in range(POWER) if high != low)  # numbers of phases
BALANCE_LINES_PER_EVSE = 2  # one phase is ahead of two, two are ahead of one
OPPOSITE = np.array([PAIRS.index((low, high)) for high, low in PAIRS])


def _sides(on: Sequence[int]) -> list[int]:
    """The pairs of phases of which an EVSE on these phases uses the first and not the second."""
    return [pair for pair, (high, low) in enumerate(PAIRS) if high in on and low not in on]


PHASE_BITS = np.array([1 << phase for phase in range(POWER)])
# For each set of phases, as a sum of bits: the pairs that it raises, -1 where there are fewer.
_SIDES = np.full((1 << POWER, BALANCE_LINES_PER_EVSE), -1, dtype=np.int64)
for _bits in range(1 << POWER):
    _raised = _sides([phase for phase in range(POWER) if _bits >> phase & 1])
    _SIDES[_bits, : len(_raised)] = _raised


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """``lines[row]`` are the lines of an EVSE, nearest circuit first, lines of balance last, and ``uses[row]`` how much
    of each it takes for one ampere per phase: 1, and as many as it has phases of a power line (a power line counts
    amperes, too). Columns that a row has no line for hold the line that is never full, with use 0.

    ``rows`` holds the number of the row's EVSE in the wiring, ``circuits`` that of each circuit in the layout's order;
    ``root`` is the grid connection's place in it.
    """

    lines: Ints
    uses: Floats
    phase_count: Ints
    rows: Ints
    row_of: Ints  # the inverse of rows
    circuits: Ints
    root: int
    line_count: int  # without the six of balance and the one that is never full

    @classmethod
    def of(
        cls, branches: Sequence[tuple[str, str | None]], outlets: Sequence[tuple[str, str, tuple[Phase, ...]]]
    ) -> "Layout":
        """From (id, parent) of each circuit and (id, circuit, phases) of each EVSE.

        :raises ValueError: unless the circuits are one tree and everything has its place on it.
        """
        circuits = sorted(range(len(branches)), key=lambda index: branches[index][0])
        rows = sorted(range(len(outlets)), key=lambda index: outlets[index][0])
        paths = _paths(branches, circuits)
        if len({outlet[0] for outlet in outlets}) < len(outlets):
            raise ValueError("two EVSEs have the same id")
        unknown = next((circuit for _, circuit, _ in outlets if circuit not in paths), None)
        if unknown is not None:
            raise ValueError(f"there is no circuit '{unknown}'")
        line_count = LINES_PER_CIRCUIT * len(branches)
        filler = line_count + len(PAIRS)
        depth = max((len(path) for path in paths.values()), default=0)
        width = depth * LINES_PER_CIRCUIT + BALANCE_LINES_PER_EVSE
        lines = np.full((len(rows), width), filler, dtype=np.int64)
        uses = np.zeros((len(rows), width))
        for row, index in enumerate(rows):
            _, circuit, phases = outlets[index]
            for column, line, use in _lines(paths[circuit], phases, line_count, width):
                lines[row, column], uses[row, column] = line, use
        row_of = np.empty(len(rows), dtype=np.int64)
        row_of[rows] = np.arange(len(rows))
        return cls(
            lines=lines,
            uses=uses,
            phase_count=np.array([len(outlets[index][2]) for index in rows], dtype=np.int64),
            rows=np.array(rows, dtype=np.int64),
            row_of=row_of,
            circuits=np.array(circuits, dtype=np.int64),
            root=next(place for place, index in enumerate(circuits) if branches[index][1] is None),
            line_count=line_count,
        )

    def with_phases(self, in_use: Bools, counted: Bools | None = None) -> "Layout":
        """The same wiring with fewer phases in use, ``[row, phase]``: of those that the EVSE is wired to.

        ``counted``: those on which a circuit has to have room, where they are more. What an EVSE unbalances, and the
        power of its car, are of those in use.
        """
        return _with_phases(self, in_use.T.tobytes(), (in_use if counted is None else counted).T.tobytes())

    @property
    def path(self) -> Ints:
        """``[level, row]``: the place of the circuit that the EVSE is on, then of those above it; where there is none,
        as many as there are circuits."""
        of_power = self.lines[:, POWER:-BALANCE_LINES_PER_EVSE:LINES_PER_CIRCUIT]
        return np.ascontiguousarray(np.minimum(of_power // LINES_PER_CIRCUIT, len(self.circuits)).T)

    def by_circuit(self, lines: Floats) -> Floats:
        """The four lines of each circuit, ``[place, line]``, of values that have one entry a line: a view."""
        return lines[: self.line_count].reshape(-1, LINES_PER_CIRCUIT)

    @property
    def balance(self) -> slice:
        """The six lines of balance, in the order of :data:`PAIRS`."""
        return slice(self.line_count, self.line_count + len(PAIRS))

    @property
    def size(self) -> int:
        """How many lines there are in all."""
        return self.line_count + len(PAIRS) + 1


@lru_cache(maxsize=8)  # who uses which phases changes seldom, and three others are tried out at a time
def _with_phases(layout: Layout, in_use: bytes, counted: bytes) -> Layout:
    """:meth:`Layout.with_phases`, with the bytes of ``[phase, row]``: a wiring never changes."""
    on = np.frombuffer(in_use, dtype=np.bool_).reshape(POWER, -1).T
    count = on.sum(axis=1)
    of_room = np.frombuffer(counted, dtype=np.bool_).reshape(POWER, -1).T
    filler = layout.size - 1
    of_circuits = layout.lines[:, :-BALANCE_LINES_PER_EVSE]
    levels = of_circuits.shape[1] // LINES_PER_CIRCUIT
    use = np.concatenate((of_room, of_room.sum(axis=1)[:, None]), axis=1).astype(np.float64)
    sides = _SIDES[on @ PHASE_BITS]
    uses = np.concatenate((np.where(of_circuits == filler, 0.0, np.tile(use, levels)), sides >= 0), axis=1)
    lines = np.where(uses > 0, np.concatenate((of_circuits, layout.line_count + sides), axis=1), filler)
    count = count.astype(np.int64)
    for shared in (lines, uses, count):
        shared.flags.writeable = False
    return replace(layout, lines=lines, uses=uses, phase_count=count)


def used(lines: Ints, uses: Floats, amps: Floats, size: int) -> Floats:
    """What the rows take of each line when they draw ``amps``."""
    total = np.bincount(lines.ravel(), weights=(uses * amps[:, None]).ravel(), minlength=size)
    return np.asarray(total, dtype=np.float64)


def sorted_by(line: Ints, size: int) -> Ints:
    """What sorts entries by their line, one of ``size``; those of one line stay in their order."""
    # Short integers are sorted by radix, twenty times as fast.
    return np.argsort(line.astype(np.min_scalar_type(size)), kind="stable")


def runs(line: Ints) -> tuple[Ints, Ints, Ints]:
    """Of entries that are sorted by their line: the lines that have any, where each one's begin, how many it has."""
    counts = np.bincount(line)
    lines = np.flatnonzero(counts)
    lengths = counts[lines]
    return lines, np.cumsum(lengths) - lengths, lengths


def _paths(branches: Sequence[tuple[str, str | None]], circuits: Sequence[int]) -> dict[str, list[int]]:
    """For each circuit the numbers (in the layout's order) of itself and all above it."""
    number = {branches[index][0]: place for place, index in enumerate(circuits)}
    parent = dict(branches)
    if len(parent) < len(branches):
        raise ValueError("two circuits have the same id")
    if sum(above is None for above in parent.values()) != 1:
        raise ValueError("not exactly one circuit has no parent")
    paths: dict[str, list[int]] = {}
    for circuit in parent:
        path: list[int] = []
        step: str | None = circuit
        while step is not None:
            if step not in parent or len(path) > len(parent):
                raise ValueError(f"circuit '{circuit}' doesn't lead to the grid connection")
            path.append(number[step])
            step = parent[step]
        paths[circuit] = path
    return paths


def _lines(
    path: Sequence[int], phases: Sequence[Phase], line_count: int, width: int
) -> Iterator[tuple[int, int, float]]:
    """The lines of an EVSE: column in its row, line, how much it takes of it. Lines of a kind share a column."""
    on = sorted(PHASES.index(phase) for phase in phases)
    for level, circuit in enumerate(path):
        first, column = circuit * LINES_PER_CIRCUIT, level * LINES_PER_CIRCUIT
        yield from ((column + phase, first + phase, 1.0) for phase in on)
        yield column + POWER, first + POWER, float(len(on))
    sides = _sides(on)
    yield from ((width - BALANCE_LINES_PER_EVSE + place, line_count + pair, 1.0) for place, pair in enumerate(sides))
