"""Registers to quantities, for every layout that the catalogue can name."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MeterImplausible
from edge.metering.decode import decode
from edge.metering.families import FAMILIES, Cadence, Family, Quantity

STRUCTS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}


def family(kind: str, *, word_order: str = "big", byte_order: str = "big", **register: Any) -> Family:
    """A family whose total power is of type ``kind`` at address 8, beside plain currents."""
    quantities: dict[str, dict[str, Any]] = {
        f"current_l{phase}_a": {"address": phase, "type": "int16"} for phase in (1, 2, 3)
    }
    quantities["power_w"] = {"address": 8, "type": kind, **register}
    return Family.model_validate(
        {
            "make": "Test",
            "models": ["T"],
            "confidence": "one source",
            "sources": ["this test"],
            "function": 3,
            "word_order": word_order,
            "byte_order": byte_order,
            "current": "signed",
            "max_registers": 20,
            "block": [{"cadence": "fast", "first": 0, "count": 12}],
            "quantity": quantities,
        }
    )


def registers(raw: bytes, *, word_order: str, byte_order: str) -> list[int]:
    """Twelve registers with ``raw`` (high byte first) laid out at address 8, by a way of its own."""
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if word_order == "little":
        words.reverse()
    if byte_order == "little":
        words = [word[::-1] for word in words]
    found = [0] * 8 + [int.from_bytes(word, "big") for word in words]
    return found + [0] * (12 - len(found))


@given(
    st.sampled_from(sorted(STRUCTS)), st.sampled_from(("big", "little")), st.sampled_from(("big", "little")), st.data()
)
def test_every_type_in_every_order(kind: str, word_order: str, byte_order: str, data: st.DataObject) -> None:
    """What struct packs is read back, whichever word and byte comes first."""
    packing = STRUCTS[kind]
    raw = data.draw(st.binary(min_size=struct.calcsize(packing), max_size=struct.calcsize(packing)))
    (expected,) = struct.unpack(packing, raw)
    tested = family(kind, word_order=word_order, byte_order=byte_order)
    words = registers(raw, word_order=word_order, byte_order=byte_order)
    if math.isfinite(expected):
        assert decode(tested, tested.block[0], words)[Quantity.POWER] == float(expected)
    else:
        with pytest.raises(MeterImplausible, match="power_w reads as"):
            decode(tested, tested.block[0], words)


def test_scale_turns_raw_into_the_unit() -> None:
    """A register in kW with a scale of 1000 is told in W."""
    tested = family("int16", scale=1000.0)
    assert decode(tested, tested.block[0], [0] * 8 + [0xFFFE] + [0] * 3)[Quantity.POWER] == -2000.0


@pytest.mark.parametrize(
    ("kind", "absent", "words"), [("int16", 0x8000, [0x8000]), ("uint32", 0xFFFFFFFF, [0xFFFF] * 2)]
)
def test_marker_for_not_available(kind: str, absent: int, words: list[int]) -> None:
    """The bit pattern that means "not available" is None, not a number."""
    tested = family(kind, absent=[absent])
    raw = [0] * 8 + words + [0] * (4 - len(words))
    assert decode(tested, tested.block[0], raw)[Quantity.POWER] is None


@pytest.mark.parametrize("words", [[], [0] * 11, [0] * 13, [0] * 11 + [0x10000], [0] * 11 + [-1]])
def test_an_answer_of_another_shape_is_refused(words: list[int]) -> None:
    """Too few, too many or too large registers are no reading."""
    tested = family("int16")
    with pytest.raises(MeterImplausible):
        decode(tested, tested.block[0], words)


def test_sdm630_registers() -> None:
    """Each quantity of the SDM630 is read from the address that its manual gives (function 4, high word first)."""
    sdm630 = FAMILIES["eastron_sdm630"]
    manual = {0: 230.5, 2: 231.5, 4: 232.5, 6: 10.25, 8: 11.25, 10: 12.25, 12: 2300.0, 14: -2500.0, 16: 2800.0}
    manual |= {52: 2600.0, 70: 50.02, 72: 1234.5, 74: 6.75}
    memory = [0] * 80
    for address, value in manual.items():
        memory[address : address + 2] = struct.unpack(">HH", struct.pack(">f", value))
    values: dict[Quantity, float | None] = {}
    for block in sdm630.block:
        values |= decode(sdm630, block, memory[block.first : block.first + block.count])
    assert sdm630.function == 4
    assert [values[name] for name in Quantity] == pytest.approx(
        [230.5, 231.5, 232.5, 10.25, 11.25, 12.25, 2300, -2500, 2800, 2600, 50.02, 1_234_500, 6_750]
    )
    assert [block.cadence for block in sdm630.block] == [Cadence.FAST, Cadence.SLOW]
