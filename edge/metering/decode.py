"""Registers to quantities: pure, total, one way for every family."""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from edge.metering.family import Block, Family, NumberType, Order, Quantity, Register

_FLOAT_FORMATS: Final[Mapping[NumberType, str]] = {NumberType.FLOAT32: ">f", NumberType.FLOAT64: ">d"}
_SIGNED: Final = frozenset({NumberType.INT16, NumberType.INT32, NumberType.INT64})
_WORD: Final = 0xFFFF
# SunSpec information model specification, sunssf: -10 to 10; 0x8000 (not implemented) is outside of it too.
_EXPONENTS: Final = range(-10, 11)


def decode(family: Family, block: Block, registers: Sequence[int]) -> dict[Quantity, float | None]:
    """The quantities of ``block``, each in its unit, each a finite number or None.

    None stands for what the meter marks as not available or overflown, and for a number that isn't finite. Each value
    rests on its own registers alone. Never raises for what is in ``registers``: an answer with more or fewer of them
    than the block has, or with one beyond 16 bits, is an answer to something else, and all its values are None.
    """
    if len(registers) != block.count or any(not 0 <= word <= _WORD for word in registers):
        return dict.fromkeys(block.quantities)
    return {each.quantity: _value(family, block, each, registers) for each in block.registers}


def bits(words: Sequence[int], word_order: Order, byte_order: Order) -> int:
    """The words as one unsigned number, high part first."""
    ordered = words if word_order is Order.BIG else tuple(reversed(words))
    number = 0
    for word in ordered:
        upright = word if byte_order is Order.BIG else (word & 0xFF) << 8 | word >> 8
        number = number << 16 | upright
    return number


def number(pattern: int, kind: NumberType) -> float | int:
    """What the bit pattern, high part first, means as a number of that type. A float may be infinite or no number."""
    size = kind.registers * 16
    if kind in _FLOAT_FORMATS:
        found: float = struct.unpack(_FLOAT_FORMATS[kind], pattern.to_bytes(size // 8, "big"))[0]
        return found
    return pattern - (1 << size) if kind in _SIGNED and pattern >> (size - 1) else pattern


def _value(family: Family, block: Block, register: Register, words: Sequence[int]) -> float | None:
    total: float | int = 0
    for sign, addresses in ((1, (register.address, *register.plus)), (-1, register.minus)):
        for address in addresses:
            pattern = _pattern(family, block, address, register.type.registers, words)
            if any(marker.matches(pattern) for marker in register.absent):
                return None
            total += sign * number(pattern, register.type)
    value = float(total) * register.scale
    if register.exponent_at is not None:
        exponent = number(_pattern(family, block, register.exponent_at, 1, words), NumberType.INT16)
        if exponent not in _EXPONENTS:
            return None
        value *= 10.0**exponent
    return value if math.isfinite(value) else None


def _pattern(family: Family, block: Block, address: int, count: int, words: Sequence[int]) -> int:
    start = address - block.address
    return bits(words[start : start + count], family.word_order, family.byte_order)
