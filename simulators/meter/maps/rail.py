"""DIN rail meters of Eastron, Carlo Gavazzi, Inepro, ORNO, DZG, Acrel and Chint."""

from typing import Final

from simulators.meter.maps.layout import (
    BOTH,
    HOLDING,
    INPUT,
    Cell,
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

F32, I16, I32, U16, U32 = Kind.F32, Kind.I16, Kind.I32, Kind.U16, Kind.U32
KILO: Final = 1000.0

# Eastron: input registers, floats, energies in kWh.
EASTRON_ENERGIES: Final = (*one(0x0048, F32, imported, KILO), *one(0x004A, F32, exported, KILO))
EASTRON_SERIAL: Final = {0xFC00: 0x0114, 0xFC01: 0x571A}  # 18,110,234, in holding registers


def gavazzi(*, frequency: int, energy_in: int, energy_out: int) -> tuple[Cell, ...]:
    """The three-phase table of Carlo Gavazzi; two addresses of it differ between models."""
    return (
        *volts(0x0000, I32, 0.1),
        *amps(0x000C, I32, 0.001),
        *watts(0x0012, I32, 0.1),
        *one(0x0028, I32, total, 0.1),
        *one(frequency, I16, hertz, 0.1),
        *one(energy_in, I32, imported, 100.0),
        *one(energy_out, I32, exported, 100.0),
    )


GAVAZZI_CODE: Final = 0x000B  # the identification code
GAVAZZI_OVERFLOW: Final = {I16: 0x7FFF, I32: 0x7FFF_FFFF}

RAIL_MAPS: Final = {
    "eastron_sdm630": Layout(
        tables=INPUT,
        max_registers=80,
        even_only=True,
        filled=(range(0x0182),),
        holding=EASTRON_SERIAL,
        cells=(
            *volts(0x0000, F32),
            *amps(0x0006, F32),
            *watts(0x000C, F32),
            *one(0x0034, F32, total),
            *one(0x0046, F32, hertz),
            *EASTRON_ENERGIES,
        ),
    ),
    "eastron_sdm72d_v1": Layout(
        tables=INPUT,
        max_registers=10,
        even_only=True,
        cells=(*one(0x0034, F32, total), *EASTRON_ENERGIES),
    ),
    "eastron_sdm120_230": Layout(
        tables=INPUT,
        max_registers=20,
        even_only=True,
        filled=(range(0x0020),),
        cells=(
            *volts(0x0000, F32, phases=1),
            *amps(0x0006, F32, phases=1),
            *watts(0x000C, F32, phases=1),
            *one(0x0046, F32, hertz),
            *EASTRON_ENERGIES,
        ),
    ),
    "carlo_gavazzi_em3xx_em5xx": Layout(
        tables=BOTH,
        low_word_first=True,
        absent=GAVAZZI_OVERFLOW,
        max_registers=20,
        cells=gavazzi(frequency=0x0033, energy_in=0x0034, energy_out=0x004E),
        fixed={GAVAZZI_CODE: 341},
    ),
    "carlo_gavazzi_em24_rtu": Layout(
        tables=BOTH,
        low_word_first=True,
        absent=GAVAZZI_OVERFLOW,
        max_registers=11,
        cells=gavazzi(frequency=0x0037, energy_in=0x003E, energy_out=0x005C),
        fixed={GAVAZZI_CODE: 71, 0x0042: 0, 0x0043: 0},  # the latter what was drawn since somebody reset that
    ),
    "carlo_gavazzi_em24_e1": Layout(
        tables=BOTH,
        low_word_first=True,
        absent=GAVAZZI_OVERFLOW,
        max_registers=20,
        cells=gavazzi(frequency=0x0033, energy_in=0x0034, energy_out=0x004E),
        fixed={GAVAZZI_CODE: 1648},
    ),
    "carlo_gavazzi_em1xx": Layout(
        tables=BOTH,
        low_word_first=True,
        absent=GAVAZZI_OVERFLOW,
        cells=(
            *volts(0x0000, I32, 0.1, phases=1),
            *amps(0x0002, I32, 0.001, phases=1),
            *watts(0x0004, I32, 0.1, phases=1),
            *one(0x000F, I16, hertz, 0.1),
            *one(0x0010, I32, imported, 100.0),
            *one(0x0020, I32, exported, 100.0),
        ),
    ),
    "inepro_pro380": Layout(
        tables=HOLDING,
        filled=(range(0x5000, 0x5034),),
        cells=(
            *volts(0x5002, F32),
            *one(0x5008, F32, hertz),
            *amps(0x500C, F32),
            *one(0x5012, F32, total, KILO),
            *watts(0x5014, F32, KILO),
            *one(0x600C, F32, imported, KILO),
            *one(0x6018, F32, exported, KILO),
        ),
    ),
    "orno_we516_517": Layout(
        tables=HOLDING,
        cells=(
            *volts(0x000E, F32),
            *one(0x0014, F32, hertz),
            *amps(0x0016, F32),
            *one(0x001C, F32, total, KILO),
            *watts(0x001E, F32, KILO),
            *one(0x0108, F32, imported, KILO),
            *one(0x0110, F32, exported, KILO),
        ),
    ),
    "dzg_dvh4013": Layout(
        tables=HOLDING,
        max_registers=2,
        cells=(
            *one(0x0000, U32, drawn(None), 0.1),
            *one(0x0002, U32, fed(None), 0.1),
            *volts(0x0004, U32, 0.01),
            *amps(0x000A, U32, 0.001),
            *one(0x0012, U32, hertz, 0.001),
            *one(0x4000, U32, imported),
            *one(0x4100, U32, exported),
        ),
    ),
    "acrel_adw300": Layout(
        tables=HOLDING,
        cells=(
            *volts(0x0014, U16, 0.1),
            *amps(0x001A, U16, 0.01),
            *watts(0x001E, I32),
            *one(0x0024, I32, total),
            *one(0x003E, I32, imported, 10.0),
            *one(0x0040, I32, exported, 10.0),
        ),
    ),
    "chint_dtsu666": Layout(  # floats that still carry an integer's scale
        tables=HOLDING,
        cells=(
            *volts(0x2006, F32, 0.1),
            *amps(0x200C, F32, 0.001),
            *one(0x2012, F32, total, 0.1),
            *watts(0x2014, F32, 0.1),
            *one(0x2044, F32, hertz, 0.01),
            *one(0x101E, F32, imported, KILO),
            *one(0x1028, F32, exported, KILO),
        ),
    ),
}
"""Registers as their makers' tables (or, for DZG, Acrel and Chint, the one driver known) give them."""
