"""Registers to quantities: pure, for every family of the catalogue."""

import math
import struct
from collections.abc import Mapping, Sequence

from edge.errors import MeterImplausible
from edge.metering.families import Block, Family, NumberType, Order, Quantity, Register

Values = Mapping[Quantity, float | None]

_FLOAT_FORMATS = {NumberType.FLOAT32: ">f", NumberType.FLOAT64: ">d"}
_SIGNED = frozenset({NumberType.INT16, NumberType.INT32, NumberType.INT64})
_WORD = 0xFFFF


def decode(family: Family, block: Block, registers: Sequence[int]) -> dict[Quantity, float | None]:
    """The quantities of ``block`` in their units; None for what the meter marks as not available.

    :raises MeterImplausible: when the answer hasn't as many registers as were asked for, or a number isn't finite.
    """
    if len(registers) != block.count or any(not 0 <= word <= _WORD for word in registers):
        raise MeterImplausible(f"{len(registers)} registers came where {block.count} were asked for")
    values: dict[Quantity, float | None] = {}
    for name, register in family.quantities(block).items():
        start = register.address - block.first
        words = registers[start : start + register.type.registers]
        values[name] = _number(name, register, bits(words, family.word_order, family.byte_order))
    return values


def bits(words: Sequence[int], word_order: Order, byte_order: Order) -> int:
    """The words as one unsigned number, high part first."""
    ordered = words if word_order is Order.BIG else tuple(reversed(words))
    number = 0
    for word in ordered:
        upright = word if byte_order is Order.BIG else (word & 0xFF) << 8 | word >> 8
        number = number << 16 | upright
    return number


def _number(name: Quantity, register: Register, pattern: int) -> float | None:
    if pattern in register.absent:
        return None
    size = register.type.registers * 16
    if register.type in _FLOAT_FORMATS:
        raw: float = struct.unpack(_FLOAT_FORMATS[register.type], pattern.to_bytes(size // 8, "big"))[0]
    elif register.type in _SIGNED and pattern >> (size - 1):
        raw = pattern - (1 << size)
    else:
        raw = pattern
    value = float(raw) * register.scale
    if not math.isfinite(value):
        raise MeterImplausible(
            f"{name} reads as {value:g}", remedy="check the meter's model and its register order setting"
        )
    return value
