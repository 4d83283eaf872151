"""What must hold between the keys of a family file, so that no read is refused and no value is taken for another's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.metering.family import CURRENTS, POWERS, VOLTAGES, Quantity
from edge.metering.family_file import BlockTable, Cadence, FamilyFile, QuantityTable
from edge.units import PHASES

Path = tuple[str | int, ...]

_BY_PHASE: Mapping[Quantity, int] = MappingProxyType(
    {name: index for names in (VOLTAGES, CURRENTS, POWERS) for index, name in enumerate(names)}
)
_TOTALS = frozenset({Quantity.POWER, Quantity.POWER_DRAWN, Quantity.POWER_FED})
_WORD_DIGITS = 4  # hexadecimal digits of a register


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFault:
    """What is wrong with the key at ``path``, and what would be right. ``problem`` begins with a verb."""

    path: Path
    problem: str
    remedy: str


def check(file: FamilyFile) -> list[FileFault]:
    """All that is wrong with a file that fits the schema."""
    return [fault for rule in _RULES for fault in rule(file)]


def spans(table: QuantityTable) -> list[range]:
    """The addresses that the quantity rests on: its number, those added and taken off, its scale factor."""
    size = table.type.registers
    found = [range(at, at + size) for at in (table.address, *table.plus, *table.minus)]
    return found if table.exponent is None else [*found, range(table.exponent, table.exponent + 1)]


def holders(file: FamilyFile, table: QuantityTable) -> list[BlockTable]:
    """The blocks that hold all the quantity's registers whole."""
    needed = spans(table)
    first, end = min(span.start for span in needed), max(span.stop for span in needed)
    return [block for block in file.block if block.address <= first and end <= block.address + block.count]


def _blocks_fit(file: FamilyFile) -> Iterator[FileFault]:
    for index, block in enumerate(file.block):
        most = file.limits.max_registers
        if block.count > most:
            yield FileFault(
                path=("block", index, "count"),
                problem=f"is {block.count}, more than limits.max_registers allows",
                remedy=f"read at most {most} and add another [[block]]",
            )
        if block.address + block.count > 0x10000:
            yield FileFault(
                path=("block", index, "count"),
                problem=f"is {block.count}, which from address {block.address} goes beyond 65535",
                remedy=f"give at most {0x10000 - block.address}",
            )
        for key, value in (("address", block.address), ("count", block.count)):
            if file.limits.even_only and value % 2:
                yield FileFault(
                    path=("block", index, key),
                    problem=f"is {value}, and limits.even_only is true",
                    remedy="give an even number",
                )
        if not any(block in holders(file, table) for table in file.quantity.values()):
            yield FileFault(
                path=("block", index),
                problem="holds no quantity",
                remedy="leave it out, or make it hold the quantities that it is for",
            )


def _quantities_in_blocks(file: FamilyFile) -> Iterator[FileFault]:
    """A reading is made of the fast blocks; of the slow ones it takes the energies and the frequency."""
    sums_up = {POWERS[PHASES.index(phase)] for phase in file.phases} <= file.quantity.keys()
    for name, table in file.quantity.items():
        found = holders(file, table)
        if len(found) == 1:
            if name in _BY_PHASE and found[0].read is Cadence.SLOW:
                yield FileFault(
                    path=("quantity", name.value),
                    problem="is in a slow block",
                    remedy="put currents, voltages and the phases' powers into a fast one",
                )
            elif name in _TOTALS and found[0].read is Cadence.SLOW and not sums_up:
                yield FileFault(
                    path=("quantity", name.value),
                    problem="is in a slow block, and the power of each phase isn't told",
                    remedy="put it into a fast one",
                )
            continue
        whole = " and ".join(f"{span.start} to {span.stop - 1}" for span in spans(table))
        yield FileFault(
            path=("quantity", name.value, "address"),
            problem=f"puts registers {whole} whole into {len(found)} blocks"
            if found
            else f"needs registers {whole}, which no block holds whole",
            remedy="make exactly one [[block]] hold them",
        )


def _phases_measured(file: FamilyFile) -> Iterator[FileFault]:
    if len(set(file.phases)) != len(file.phases):
        yield FileFault(path=("phases",), problem="names a phase twice", remedy="name each phase once")
    for name in file.quantity:
        if name in _BY_PHASE and PHASES[_BY_PHASE[name]] not in file.phases:
            yield FileFault(
                path=("quantity", name.value),
                problem=f"is of {PHASES[_BY_PHASE[name]]}, which is not among the file's phases",
                remedy="leave it out, or add the phase to phases",
            )


def _no_register_twice(file: FamilyFile) -> Iterator[FileFault]:
    """One register isn't two quantities. Where a meter has one phase, its total power may be that phase's."""
    taken: dict[tuple[int, int], Quantity] = {}  # block and address
    for name, table in file.quantity.items():
        found = holders(file, table)
        if len(found) != 1:
            continue
        block = file.block.index(found[0])
        size = table.type.registers
        own = [at for start in (table.address, *table.plus, *table.minus) for at in range(start, start + size)]
        others = {taken[block, at] for at in own if (block, at) in taken}
        others -= (
            {Quantity.POWER} | set(POWERS) if len(file.phases) == 1 and name in (Quantity.POWER, *POWERS) else set()
        )
        if others:
            yield FileFault(
                path=("quantity", name.value, "address"),
                problem=f"is {table.address}, whose registers {min(others)} has already",
                remedy="give each quantity its own registers",
            )
        taken |= {(block, at): name for at in own}


def _scales_count(file: FamilyFile) -> Iterator[FileFault]:
    for name, table in file.quantity.items():
        if table.scale == 0:
            yield FileFault(
                path=("quantity", name.value, "scale"),
                problem="is 0, which makes every value 0",
                remedy="give what turns the raw number into the unit that the quantity's name ends with",
            )


def _markers_fit(file: FamilyFile) -> Iterator[FileFault]:
    for kind, markers in file.absent.items():
        digits = kind.registers * _WORD_DIGITS
        for index, marker in enumerate(markers):
            if len(marker) != digits:
                yield FileFault(
                    path=("absent", kind.value, index),
                    problem=f'is "{marker}", with {len(marker)} digits',
                    remedy=f"give {digits} hexadecimal digits, a dot for any",
                )


_RULES: tuple[Callable[[FamilyFile], Iterator[FileFault]], ...] = (
    _blocks_fit,
    _quantities_in_blocks,
    _phases_measured,
    _no_register_twice,
    _scales_count,
    _markers_fit,
)
