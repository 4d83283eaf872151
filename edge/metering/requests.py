"""From a family's blocks to the reads that are sent. Pure."""

from collections.abc import Sequence

from edge.metering.family import Block, Family
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


def _whole_numbers(block: Block) -> Sequence[int]:
    """The lengths of reads from the block's start that end where a number does."""
    begins = min((register.address for register in block.registers), default=block.address)
    ends = {register.address + register.type.registers - block.address for register in block.registers}
    return sorted({end for end in ends if begins == block.address and end <= block.count} | {block.count})
