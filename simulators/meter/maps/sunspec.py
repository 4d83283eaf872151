"""SunSpec devices: the common model, then one that measures.

Offsets count from the register of the model's id (SunSpec Alliance, model definitions). In meters export stands before
import. Scale factors are powers of ten in registers of their own.
"""

from collections.abc import Mapping
from typing import Final

from simulators.meter.maps.layout import (
    HOLDING,
    Cell,
    Kind,
    Layout,
    amps,
    exported,
    hertz,
    imported,
    one,
    total,
    volts,
    watts,
)
from simulators.meter.state import LineState

F32, I16, U16, U32 = Kind.F32, Kind.I16, Kind.U16, Kind.U32
MARK: Final = (0x5375, 0x6E53)  # "SunS"
COMMON: Final = 1
COMMON_LENGTH: Final = 66
END: Final = (0xFFFF, 0)
NOT_IMPLEMENTED: Final = {I16: -0x8000, U16: 0xFFFF, U32: 0}


def _fed_in(state: LineState) -> float | None:
    return None if state.total_w is None else -state.total_w


def device(model: int, length: int, cells: tuple[Cell, ...], factors: Mapping[int, int], *, base: int) -> Layout:
    """A map at ``base`` with a model of ``length`` registers after its header; ``factors`` by offset."""
    at = base + 2 + 2 + COMMON_LENGTH
    end = at + 2 + length
    fixed = dict(zip((base, base + 1, base + 2, base + 3), (*MARK, COMMON, COMMON_LENGTH), strict=True))
    fixed |= {at: model, at + 1: length, end: END[0], end + 1: END[1]}
    fixed |= {at + offset: power & 0xFFFF for offset, power in factors.items()}
    return Layout(
        tables=HOLDING,
        filled=(range(base + 4, at), range(at + 2, end)),
        fixed=fixed,
        absent=NOT_IMPLEMENTED,
        cells=tuple(
            Cell(address=at + cell.address, kind=cell.kind, value=cell.value, unit=cell.unit) for cell in cells
        ),
    )


def meter_with_integers(model: int, *, base: int = 40000, phases: int = 3) -> Layout:
    """Models 201 to 204."""
    cells = (
        *amps(3, I16, 0.01, phases=phases),
        *volts(8, I16, 0.1, phases=phases),
        *one(16, I16, hertz, 0.01),
        *one(18, I16, total, 10.0),
        *watts(19, I16, 10.0, phases=phases),
        *one(38, U32, exported, 10.0),
        *one(46, U32, imported, 10.0),
    )
    return device(model, 105, cells, {6: -2, 15: -1, 17: -2, 22: 1, 54: 1}, base=base)


def meter_with_floats(model: int, *, base: int = 40000) -> Layout:
    """Models 211 to 214."""
    cells = (
        *amps(4, F32),
        *volts(12, F32),
        *one(26, F32, hertz),
        *one(28, F32, total),
        *watts(30, F32),
        *one(60, F32, exported),
        *one(68, F32, imported),
    )
    return device(model, 124, cells, {}, base=base)


def inverter_with_integers(model: int, *, base: int = 40000) -> Layout:
    """Models 101 to 103: what it feeds into the circuit is positive, and counted as its yield."""
    cells = (
        *amps(3, U16, 0.01),
        *volts(10, U16, 0.1),
        *one(14, I16, _fed_in, 10.0),
        *one(16, U16, hertz, 0.01),
        *one(24, U32, exported),
    )
    return device(model, 50, cells, {6: -2, 13: -1, 15: 1, 17: -2, 26: 0}, base=base)


def inverter_with_floats(model: int, *, base: int = 40000) -> Layout:
    """Models 111 to 113."""
    cells = (*amps(4, F32), *volts(16, F32), *one(22, F32, _fed_in), *one(24, F32, hertz), *one(32, F32, exported))
    return device(model, 60, cells, {}, base=base)


SUNSPEC_MAPS: Final = {
    "sunspec_meter": meter_with_integers(203),
    "sunspec_inverter": inverter_with_integers(103),
}
"""The usual devices; the others are made with the functions above."""
