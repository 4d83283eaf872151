"""Any registers at all, for every family: nothing raises, nothing infinite comes out, and nothing for another's."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.metering.catalogue import FAMILIES
from edge.metering.decode import decode
from edge.metering.family import Block, Family, Register
from simulators.meter.maps import MAPS
from tests.meter_families import FEEDING_ON_L2
from tests.register_reads import family_of

# Each with the blocks of its simulated device, where the device says which they are.
DEVICES = {name: family_of(FAMILIES[name], device, FEEDING_ON_L2) for name, device in MAPS.items()}
BLOCKS = [(family, block) for family in DEVICES.values() for block in (*family.fast, *family.slow)]

blocks = st.sampled_from(BLOCKS)
# Zeros, all ones and the edges of signed numbers more often than chance would have them.
words = st.integers(0, 0xFFFF) | st.sampled_from((0, 1, 0x7F80, 0x7FC0, 0x7FFF, 0x8000, 0xFF80, 0xFFFF))


def own_addresses(register: Register) -> set[int]:
    """All that the quantity may depend on."""
    starts = (register.address, *register.plus, *register.minus)
    own = {at for start in starts for at in range(start, start + register.type.registers)}
    return own if register.exponent_at is None else own | {register.exponent_at}


@given(st.data())
def test_any_registers_give_finite_numbers_or_none(data: st.DataObject) -> None:
    """Every quantity of the block is told, each a finite number or None, whatever the device sends."""
    family, block = data.draw(blocks)
    registers = data.draw(st.lists(words, min_size=block.count, max_size=block.count))
    found = decode(family, block, registers)
    assert set(found) == set(block.quantities)
    assert all(value is None or math.isfinite(value) for value in found.values())


@given(blocks, st.lists(st.integers(-70_000, 140_000), max_size=130))
def test_an_answer_of_any_shape_raises_nothing(chosen: tuple[Family, Block], registers: list[int]) -> None:
    """Truncated, overlong and impossible answers tell nothing instead of something wrong."""
    family, block = chosen
    found = decode(family, block, registers)
    assert set(found) == set(block.quantities)
    if len(registers) != block.count or any(not 0 <= word <= 0xFFFF for word in registers):
        assert set(found.values()) == {None}


@given(st.data())
def test_a_value_rests_on_its_own_registers(data: st.DataObject) -> None:
    """Whatever else changes in the block, a quantity stays what its own registers say."""
    family, block = data.draw(blocks)
    register = data.draw(st.sampled_from(block.registers))
    one, other = (data.draw(st.lists(words, min_size=block.count, max_size=block.count)) for _ in range(2))
    own = own_addresses(register)
    mixed = [one[at] if block.address + at in own else other[at] for at in range(block.count)]
    assert decode(family, block, mixed)[register.quantity] == decode(family, block, one)[register.quantity]


@given(st.data())
def test_marked_registers_are_none(data: st.DataObject) -> None:
    """Wherever one of a family's markers stands, the quantity is None, whatever is around it."""
    family, block = data.draw(st.sampled_from([(f, b) for f, b in BLOCKS if any(r.absent for r in b.registers)]))
    register = data.draw(st.sampled_from([each for each in block.registers if each.absent]))
    marker = data.draw(st.sampled_from(register.absent))
    size = register.type.registers
    pattern = marker.bits | data.draw(st.integers(0, (1 << 16 * size) - 1)) & ~marker.mask
    high_first = [pattern >> 16 * place & 0xFFFF for place in reversed(range(size))]
    laid = high_first if family.word_order == "big" else high_first[::-1]
    registers = data.draw(st.lists(words, min_size=block.count, max_size=block.count))
    start = register.address - block.address
    registers[start : start + size] = laid
    assert decode(family, block, registers)[register.quantity] is None
