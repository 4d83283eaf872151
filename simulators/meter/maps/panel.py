"""Panel meters of Siemens, Janitza, Socomec, Phoenix Contact and Lovato."""

from typing import Final

from simulators.meter.maps.layout import (
    BOTH,
    HOLDING,
    INPUT,
    Kind,
    Layout,
    amps,
    exported,
    hertz,
    imported,
    one,
    part,
    total,
    volts,
    watts,
)
from simulators.meter.state import LineState

F32, F64, I32, U32, U64 = Kind.F32, Kind.F64, Kind.I32, Kind.U32, Kind.U64
NIGHT_SHARE: Final = 0.25  # of the energy is counted in the second tariff


def _net(state: LineState) -> float | None:
    if state.import_wh is None or state.export_wh is None:
        return None
    return state.import_wh - state.export_wh


PANEL_MAPS: Final = {
    "siemens_pac2200_3200": Layout(
        tables=BOTH,
        whole_values=True,
        cells=(
            *volts(1, F32),
            *amps(13, F32),
            *watts(25, F32),
            *one(55, F32, hertz),
            *one(65, F32, total),
            *one(801, F64, part(imported, 1 - NIGHT_SHARE)),
            *one(805, F64, part(imported, NIGHT_SHARE)),
            *one(809, F64, part(exported, 1 - NIGHT_SHARE)),
            *one(813, F64, part(exported, NIGHT_SHARE)),
        ),
    ),
    "siemens_7kt1665": Layout(  # the manual's addresses less 1
        tables=BOTH,
        filled=(range(0x000D, 0x0013), range(0x0033, 0x0039), range(0x1A29, 0x1A31)),
        cells=(
            *volts(0x0002 - 1, U32, 0.01),
            *amps(0x0008 - 1, U32, 0.0001),
            *watts(0x0014 - 1, I32, 0.01),
            *one(0x0032 - 1, U32, hertz, 0.01),
            *one(0x003A - 1, I32, total, 0.01),
            *one(0x1A20 - 1, U32, imported),
            *one(0x1A22 - 1, U32, exported),
        ),
    ),
    "lovato_dmg610": Layout(
        tables=INPUT,
        cells=(
            *volts(0x0001, U32, 0.01),
            *amps(0x0007, U32, 0.0001),
            *watts(0x0013, I32, 0.01),
            *one(0x0031, U32, hertz, 0.001),
            *one(0x0039, I32, total, 0.01),
            *one(0x1B1F, U64, imported, 10.0),
            *one(0x1B23, U64, exported, 10.0),
        ),
    ),
    "janitza_umg": Layout(
        tables=BOTH,
        filled=(range(19000, 19122),),
        cells=(
            *volts(19000, F32),
            *amps(19012, F32),
            *watts(19020, F32),
            *one(19026, F32, total),
            *one(19050, F32, hertz),
            *one(19060, F32, _net),  # not what was drawn
            *one(19068, F32, imported),
            *one(19076, F32, exported),
        ),
    ),
    "socomec_countis_e24_e44": Layout(
        tables=HOLDING,
        filled=(range(0xC566, 0xC568), range(0xC56A, 0xC570)),
        absent={U32: 0xFFFF_FFFF},
        cells=(
            *volts(0xC558, U32, 0.01),
            *one(0xC55E, U32, hertz, 0.01),
            *amps(0xC560, U32, 0.001),
            *one(0xC568, I32, total, 10.0),
            *watts(0xC570, I32, 10.0),
            *one(0xC702, U32, imported, 10.0),
            *one(0xC708, U32, exported, 10.0),
        ),
    ),
    "socomec_diris_b30": Layout(
        tables=HOLDING,
        cells=(
            *volts(0x480C, U32, 0.01),
            *amps(0x481A, U32, 0.001),
            *one(0x482C, I32, total),
            *watts(0x4838, I32),
            *one(0x4D83, U32, imported, 1000.0),
            *one(0x4D86, U32, exported, 1000.0),
        ),
    ),
    "phoenix_eem_ma": Layout(
        tables=BOTH,
        low_word_first=True,
        cells=(
            *volts(0x8006, F32),
            *one(0x800C, F32, hertz),
            *amps(0x800E, F32),
            *one(0x8016, F32, total),
            *watts(0x801E, F32),
            *one(0x8100, F32, imported),
            *one(0x8106, F32, exported),
        ),
    ),
    "phoenix_eem_em3xx": Layout(tables=HOLDING, cells=volts(0x1000, F32)),
}
"""Registers as their makers' tables (or the one driver known) give them."""
