"""From a family's blocks to the reads that are sent. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from edge.metering.family import Block, Family, Register
from edge.metering.modbus import ReadRequest


def request(unit: int, block: Block) -> ReadRequest:
    """The read of the whole block."""
    return ReadRequest(unit=unit, register_type=block.register_type, address=block.address, count=block.count)


def fences(family: Family, unit: int) -> tuple[ReadRequest, ...]:
    """Reads of different lengths that a device of the family answers, the shortest first.

    Each ends with a whole number, as some devices refuse to read the half of one. See :mod:`edge.metering.modbus_rtu`.
    """
    found: dict[int, ReadRequest] = {}
    for block in (*family.fast, *family.slow):
        for count in _whole_numbers(block):
            found.setdefault(
                count,
                ReadRequest(unit=unit, register_type=block.register_type, address=block.address, count=count),
            )
    return tuple(found[count] for count in sorted(found))


def pieces(block: Block) -> tuple[Block, ...]:
    """The block in smaller reads, for a device that refuses to read it whole: without the registers that hold nothing;
    where there are none, each number alone. Empty when it is one number already."""
    runs: list[tuple[range, list[Register]]] = []
    for register in sorted(block.registers, key=lambda each: _span(each).start):
        span = _span(register)
        if runs and span.start <= runs[-1][0].stop:
            run, registers = runs[-1]
            runs[-1] = (range(run.start, max(run.stop, span.stop)), [*registers, register])
        else:
            runs.append((span, [register]))
    if [run for run, _ in runs] == [range(block.address, block.address + block.count)]:
        alone: dict[range, list[Register]] = {}
        for register in block.registers:
            alone.setdefault(_span(register), []).append(register)
        runs = list(alone.items()) if len(alone) > 1 else []
    return tuple(
        replace(block, address=run.start, count=len(run), registers=tuple(registers)) for run, registers in runs
    )


def _span(register: Register) -> range:
    """From the first of the registers that the quantity rests on to the last."""
    numbers = (register.address, *register.plus, *register.minus)
    touched = [at for start in numbers for at in (start, start + register.type.registers - 1)]
    if register.exponent_at is not None:
        touched.append(register.exponent_at)
    return range(min(touched), max(touched) + 1)


def _whole_numbers(block: Block) -> Sequence[int]:
    """The lengths of reads from the block's start that end where a number does."""
    begins = min((register.address for register in block.registers), default=block.address)
    ends = {register.address + register.type.registers - block.address for register in block.registers}
    return sorted({end for end in ends if begins == block.address and end <= block.count} | {block.count})
