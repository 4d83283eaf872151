"""Registers to quantities, for every layout that the catalogue can name."""

import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.decode import decode
from edge.metering.family import (
    Block,
    Confidence,
    CurrentSign,
    Family,
    Marker,
    NumberType,
    Order,
    Quantity,
    Register,
    RegisterType,
)

STRUCTS = {
    NumberType.INT16: ">h",
    NumberType.UINT16: ">H",
    NumberType.INT32: ">i",
    NumberType.UINT32: ">I",
    NumberType.INT64: ">q",
    NumberType.UINT64: ">Q",
    NumberType.FLOAT32: ">f",
    NumberType.FLOAT64: ">d",
}
AT = 108  # where the tested number stands, in a block that begins at 100
PLAIN = Register(quantity=Quantity.POWER, address=AT, type=NumberType.INT16)


def family(register: Register, *, word_order: Order = Order.BIG, byte_order: Order = Order.BIG) -> Family:
    """A family with one block of twelve registers and one quantity."""
    block = Block(register_type=RegisterType.INPUT, address=100, count=12, registers=(register,))
    return Family(
        id="tested",
        name="Tested",
        models=("T",),
        sources=("this test",),
        confidence=Confidence.ONE_SOURCE,
        word_order=word_order,
        byte_order=byte_order,
        current_sign=CurrentSign.SIGNED,
        fast=(block,),
    )


def power(tested: Family, words: list[int]) -> float | None:
    """The one quantity, of twelve registers of which ``words`` stand at 8."""
    registers = [0] * 8 + words + [0] * (4 - len(words))
    return decode(tested, tested.fast[0], registers)[Quantity.POWER]


def laid_out(raw: bytes, *, word_order: Order, byte_order: Order) -> list[int]:
    """``raw`` (high byte first) as registers, by a way of its own."""
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if word_order is Order.LITTLE:
        words.reverse()
    if byte_order is Order.LITTLE:
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


@given(st.sampled_from(NumberType), st.sampled_from(Order), st.sampled_from(Order), st.data())
def test_every_type_in_every_order(kind: NumberType, word_order: Order, byte_order: Order, data: st.DataObject) -> None:
    """What struct packs is read back, whichever word and byte comes first; what is no number is None."""
    size = struct.calcsize(STRUCTS[kind])
    raw = data.draw(st.binary(min_size=size, max_size=size))
    (expected,) = struct.unpack(STRUCTS[kind], raw)
    tested = family(replace(PLAIN, type=kind), word_order=word_order, byte_order=byte_order)
    found = power(tested, laid_out(raw, word_order=word_order, byte_order=byte_order))
    assert found == (float(expected) if math.isfinite(expected) else None)


def test_scale_turns_raw_into_the_unit() -> None:
    """A register in kW with a scale of 1000 is told in W."""
    assert power(family(replace(PLAIN, scale=1000.0)), [0xFFFE]) == -2000.0


@pytest.mark.parametrize(
    ("kind", "marker", "words", "expected"),
    [
        (NumberType.INT16, Marker(bits=0x8000, mask=0xFFFF), [0x8000], None),
        (NumberType.INT16, Marker(bits=0x8000, mask=0xFFFF), [0x8001], -32767.0),
        (NumberType.UINT32, Marker(bits=0xFFFF_FFFF, mask=0xFFFF_FFFF), [0xFFFF, 0xFFFF], None),
        (NumberType.UINT32, Marker(bits=0xFFFF_FFFF, mask=0xFFFF_FFFF), [0xFFFF, 0xFFFE], 4294967294.0),
        (NumberType.INT32, Marker(bits=0x7FFF_0000, mask=0xFFFF_0000), [0x7FFF, 0x1234], None),
        (NumberType.INT32, Marker(bits=0x7FFF_0000, mask=0xFFFF_0000), [0x7FFE, 0xFFFF], 2147418111.0),
    ],
)
def test_markers(kind: NumberType, marker: Marker, words: list[int], expected: float | None) -> None:
    """The patterns that mean "not available" or "overflow" are None, their neighbours are numbers."""
    assert power(family(replace(PLAIN, type=kind, absent=(marker,))), words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([3000, 0, 0], 300.0),
        ([0, 1250, 0], -125.0),
        ([3000, 0, 500], 350.0),
        ([0xFFFF, 0, 0], None),
        ([0, 0xFFFF, 0], None),
    ],
)
def test_sums_and_differences(words: list[int], expected: float | None) -> None:
    """Import less export, and tariffs added: None as soon as one part isn't there."""
    register = replace(
        PLAIN,
        type=NumberType.UINT16,
        scale=0.1,
        absent=(Marker(bits=0xFFFF, mask=0xFFFF),),
        minus=(AT + 1,),
        plus=(AT + 2,),
    )
    assert power(family(register), words) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [(0, 2301.0), (0xFFFF, 230.1), (2, 230_100.0), (0xFFF6, 2.301e-7), (0x8000, None), (11, None), (0xFFF5, None)],
)
def test_scale_factor_registers(exponent: int, expected: float | None) -> None:
    """A power of ten in a register of its own, -10 to 10; 0x8000 and what lies outside is no scale."""
    register = replace(PLAIN, exponent_at=AT + 1)
    assert power(family(register), [2301, exponent]) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("words", [[], [7] * 11, [7] * 13, [7] * 11 + [0x10000], [7] * 11 + [-1]])
def test_an_answer_of_another_shape_tells_nothing(words: list[int]) -> None:
    """Too few, too many or too large registers answer something else: every quantity is None."""
    tested = family(PLAIN)
    assert decode(tested, tested.fast[0], words) == {Quantity.POWER: None}
