"""Register tables of simulated meters: which value stands where, and which reads the meter answers.

A table is strict: what isn't in it is refused, so that a client that reads across a hole finds out here.
"""

import enum
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from simulators.meter.state import ALL, LineState, Word
from simulators.meter.state import Kind as Table

MOST_REGISTERS = 125  # Modbus Application Protocol V1.1b3, section 6.3
HOLDING: tuple[Table, ...] = ("holding",)
INPUT: tuple[Table, ...] = ("input",)
BOTH: tuple[Table, ...] = ("holding", "input")

Value = Callable[[LineState], float | None]


class Kind(enum.Enum):
    """How a value is packed, high byte first."""

    I16 = ">h"
    U16 = ">H"
    I32 = ">i"
    U32 = ">I"
    I64 = ">q"
    U64 = ">Q"
    F32 = ">f"
    F64 = ">d"

    @property
    def words(self) -> int:
        return struct.calcsize(self.value) // 2

    @property
    def is_float(self) -> bool:
        return self in (Kind.F32, Kind.F64)

    def clamped(self, count: int) -> int:
        """The nearest that a whole number of this kind can be."""
        bits = 16 * self.words
        least, most = (0, (1 << bits) - 1) if self.value.isupper() else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        return min(max(count, least), most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value in the table. ``unit`` is what one count is worth, in V, A, W, Wh or Hz."""

    address: int
    kind: Kind
    value: Value
    unit: float = 1.0

    def pack(self, state: LineState, absent: Mapping[Kind, int], *, low_word_first: bool) -> Iterator[tuple[int, Word]]:
        """Address and word of each register. What isn't there is no number, or the family's marker, or 0."""
        value = self.value(state)
        count: float
        if self.kind.is_float:
            count = math.nan if value is None else value / self.unit
        else:
            count = absent.get(self.kind, 0) if value is None else self.kind.clamped(round(value / self.unit))
        raw = struct.pack(self.kind.value, count)
        words: list[int] = [word for (word,) in struct.iter_unpack(">H", raw)]
        if low_word_first:
            words.reverse()
        yield from enumerate(words, self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The register table of a family; implements :class:`simulators.meter.state.RegisterMap`."""

    tables: tuple[Table, ...]  # in which the measured values stand
    cells: tuple[Cell, ...]
    low_word_first: bool = False
    max_registers: int = MOST_REGISTERS
    even_only: bool = False
    whole_values: bool = False  # a read that begins or ends inside a value is refused
    filled: tuple[range, ...] = ()  # registers of values that aren't simulated: they read as 0
    # Registers beside the measured values whose words never change; then holding registers that are there besides.
    fixed: Mapping[int, Word] = field(default_factory=dict)
    holding: Mapping[int, Word] = field(default_factory=dict)
    absent: Mapping[Kind, int] = field(default_factory=dict)  # what an integer says that isn't available

    def words(self, state: LineState, asked: range = ALL) -> Mapping[Table, Mapping[int, Word]]:
        """See :meth:`simulators.meter.state.RegisterMap.words`."""
        measured: dict[int, Word] = {}
        for filled in self.filled:
            measured |= dict.fromkeys(range(max(filled.start, asked.start), min(filled.stop, asked.stop)), 0)
        measured |= self.fixed
        for cell in self.cells:
            if cell.address < asked.stop and cell.address + cell.kind.words > asked.start:
                measured.update(cell.pack(state, self.absent, low_word_first=self.low_word_first))
        found: dict[Table, dict[int, Word]] = dict.fromkeys(self.tables, measured)
        if self.holding:
            found["holding"] = found.get("holding", {}) | dict(self.holding)
        return found

    def may_read(self, kind: Table, start: int, count: int) -> bool:  # noqa: ARG002 - the same in both tables
        """See :meth:`simulators.meter.state.RegisterMap.may_read`."""
        if self.even_only and (start % 2 or count % 2):
            return False
        return not (self.whole_values and self._cuts_a_value(start, start + count))

    def _cuts_a_value(self, *edges: int) -> bool:
        return any(cell.address < edge < cell.address + cell.kind.words for cell in self.cells for edge in edges)


def volts(first: int, kind: Kind, unit: float = 1.0, *, step: int | None = None, phases: int = 3) -> tuple[Cell, ...]:
    """Voltages to neutral of the phases, one after the other; ``step`` registers apart if not adjacent."""
    return _phases(first, kind, unit, step, phases, lambda state, index: state.voltage_v[index])


def amps(first: int, kind: Kind, unit: float = 1.0, *, step: int | None = None, phases: int = 3) -> tuple[Cell, ...]:
    """Magnitudes of the phases' currents."""
    return _phases(first, kind, unit, step, phases, _magnitude)


def watts(first: int, kind: Kind, unit: float = 1.0, *, step: int | None = None, phases: int = 3) -> tuple[Cell, ...]:
    """Powers of the phases, negative while a phase feeds in."""
    return _phases(first, kind, unit, step, phases, lambda state, index: state.power_w[index])


def one(address: int, kind: Kind, value: Value, unit: float = 1.0) -> tuple[Cell, ...]:
    """A single value."""
    return (Cell(address=address, kind=kind, value=value, unit=unit),)


def _phases(
    first: int, kind: Kind, unit: float, step: int | None, phases: int, value: Callable[[LineState, int], float | None]
) -> tuple[Cell, ...]:
    apart = kind.words if step is None else step

    def of(index: int) -> Value:
        return lambda state: value(state, index)

    return tuple(Cell(address=first + index * apart, kind=kind, value=of(index), unit=unit) for index in range(phases))


def _magnitude(state: LineState, index: int) -> float | None:
    current_a = state.current_a[index]
    return None if current_a is None else abs(current_a)


def total(state: LineState) -> float | None:
    """The power of all phases."""
    return state.total_w


def hertz(state: LineState) -> float | None:
    """The frequency."""
    return state.frequency_hz


def imported(state: LineState) -> float | None:
    """The energy drawn."""
    return state.import_wh


def exported(state: LineState) -> float | None:
    """The energy fed in."""
    return state.export_wh


def drawn(index: int | None) -> Value:
    """The power of a phase (or of all) while it is drawn, else 0."""
    return _one_way(index, 1.0)


def fed(index: int | None) -> Value:
    """The power of a phase (or of all) while it is fed in, as a magnitude, else 0."""
    return _one_way(index, -1.0)


def _one_way(index: int | None, sign: float) -> Value:
    def value(state: LineState) -> float | None:
        power_w = state.total_w if index is None else state.power_w[index]
        return None if power_w is None else max(0.0, sign * power_w)

    return value


def part(of: Value, share: float) -> Value:
    """A share of another value."""

    def value(state: LineState) -> float | None:
        whole = of(state)
        return None if whole is None else whole * share

    return value
