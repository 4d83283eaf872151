"""Reads of a simulated device's registers without a wire: answered, refused, or walked by a discovery."""

from collections.abc import Generator

from edge.metering.decode import decode
from edge.metering.family import Block, Family, Quantity, Read, RegisterType
from simulators.meter.state import Kind, LineState, RegisterMap

_TABLES: dict[RegisterType, Kind] = {RegisterType.HOLDING: "holding", RegisterType.INPUT: "input"}


def answer(device: RegisterMap, state: LineState, read: Read | Block) -> tuple[int, ...] | None:
    """The registers, or None where the device refuses."""
    table = _TABLES[read.register_type]
    words = device.words(state).get(table, {})
    wanted = range(read.address, read.address + read.count)
    if read.count > device.max_registers or not device.may_read(table, read.address, read.count):
        return None
    return tuple(words[at] for at in wanted) if all(at in words for at in wanted) else None


def walked(steps: Generator[Read, tuple[int, ...] | None, Family], device: RegisterMap, state: LineState) -> Family:
    """What a discovery finds in the device. Raises what the discovery raises."""
    read = next(steps)
    while True:
        try:
            read = steps.send(answer(device, state, read))
        except StopIteration as stop:
            found: Family = stop.value
            return found


def family_of(family: Family, device: RegisterMap, state: LineState) -> Family:
    """The family itself, or the one that its discovery finds."""
    return family if family.discovery is None else walked(family.discovery(), device, state)


def read_all(family: Family, device: RegisterMap, state: LineState) -> dict[Quantity, float | None]:
    """Every block of the family read and decoded; no read may be refused."""
    values: dict[Quantity, float | None] = {}
    for block in (*family.fast, *family.slow):
        registers = answer(device, state, block)
        assert registers is not None, f"{family.id} is refused registers {block.address} + {block.count}"
        values |= decode(family, block, registers)
    return values
