"""Meters of ABB, Schneider, Kostal and Shelly."""

from typing import Final

from simulators.meter.maps.layout import (
    HOLDING,
    INPUT,
    Kind,
    Layout,
    amps,
    drawn,
    exported,
    fed,
    hertz,
    imported,
    one,
    total,
    volts,
    watts,
)

F32, I32, I64, U16, U32, U64 = Kind.F32, Kind.I32, Kind.I64, Kind.U16, Kind.U32, Kind.U64

# Schneider's manuals count from 1: manual register 3000 is 2999 on the wire.
SCHNEIDER: Final = Layout(
    tables=HOLDING,
    cells=(
        *amps(3000 - 1, F32),
        *volts(3028 - 1, F32),
        *watts(3054 - 1, F32, 1000.0),
        *one(3060 - 1, F32, total, 1000.0),
        *one(3110 - 1, F32, hertz),
        *one(3204 - 1, I64, imported),
        *one(3208 - 1, I64, exported),
    ),
)

BUILDING_MAPS: Final = {
    "abb_b23_b24": Layout(
        tables=HOLDING,
        filled=(range(0x5B00, 0x5B2D),),
        # "B23 112-100"
        fixed=dict(enumerate((0x4232, 0x3320, 0x3131, 0x322D, 0x3130, 0x3000), 0x8960)),
        absent={U16: 0xFFFF, U32: 0xFFFF_FFFF, U64: 0xFFFF_FFFF_FFFF_FFFF, I32: 0x7FFF_FFFF},
        cells=(
            *volts(0x5B00, U32, 0.1),
            *amps(0x5B0C, U32, 0.01),
            *one(0x5B14, I32, total, 0.01),
            *watts(0x5B16, I32, 0.01),
            *one(0x5B2C, U16, hertz, 0.01),
            *one(0x5000, U64, imported, 10.0),
            *one(0x5004, U64, exported, 10.0),
        ),
    ),
    "schneider_iem3x55": SCHNEIDER,
    "schneider_pm5110_pm3255": SCHNEIDER,
    "kostal_ksem_tq": Layout(
        tables=HOLDING,
        cells=(
            *one(0, U32, drawn(None), 0.1),
            *one(2, U32, fed(None), 0.1),
            *one(26, U32, hertz, 0.001),
            *(cell for index in range(3) for cell in one(40 + 40 * index, U32, drawn(index), 0.1)),
            *(cell for index in range(3) for cell in one(42 + 40 * index, U32, fed(index), 0.1)),
            *amps(60, U32, 0.001, step=40),
            *volts(62, U32, 0.001, step=40),
            *one(512, U64, imported, 0.1),
            *one(516, U64, exported, 0.1),
        ),
    ),
    "shelly_pro_3em": Layout(
        tables=INPUT,
        low_word_first=True,
        max_registers=70,
        cells=(
            *one(1013, F32, total),
            *volts(1020, F32, step=20),
            *amps(1022, F32, step=20),
            *watts(1024, F32, step=20),
            *one(1033, F32, hertz),
            *one(1162, F32, imported),
            *one(1164, F32, exported),
        ),
    ),
}
"""Registers as their makers' tables give them."""
