"""Quantities to a reading that may be believed."""

import math
from typing import NamedTuple

from edge.domain.reading import MeterReading
from edge.errors import MeterImplausible
from edge.metering.decode import Values
from edge.metering.families import CURRENTS, POWERS, VOLTAGES, CurrentSign, Family, Quantity
from edge.units import PHASES, Amps, PhaseAmps, Seconds, Volts, WattHours

# Wider than any site's truth, narrower than what a wrong word order or scale gives.
MAX_CURRENT_A = 10_000.0  # beyond the largest air circuit breaker
MIN_VOLTAGE_V = 80.0  # phase to neutral: a 100 V grid less 20 %
MAX_VOLTAGE_V = 300.0  # a 240 V grid plus 25 %
MIN_FREQUENCY_HZ = 40.0
MAX_FREQUENCY_HZ = 70.0  # some units give ten times the truth


class Energies(NamedTuple):
    """The meter's registers, None for what it doesn't count."""

    import_wh: WattHours | None = None
    export_wh: WattHours | None = None


def energies(values: Values) -> Energies:
    """The energy registers among ``values``; a negative one is no register's value."""
    imported, exported = values.get(Quantity.IMPORT), values.get(Quantity.EXPORT)
    return Energies(
        imported if imported is not None and imported >= 0 else None,
        exported if exported is not None and exported >= 0 else None,
    )


def reading(meter: str, at: Seconds, family: Family, values: Values, counted: Energies) -> MeterReading:
    """The reading that the fast blocks' ``values`` make.

    :raises MeterImplausible: when a current or voltage is missing or can't be the truth.
    """
    frequency_hz = values.get(Quantity.FREQUENCY)
    if frequency_hz is not None and not MIN_FREQUENCY_HZ <= frequency_hz <= MAX_FREQUENCY_HZ:
        frequency_hz = None  # nothing depends on it: no reason to lose the currents
    return MeterReading(
        meter=meter,
        at=at,
        current_a=_currents(family, values),
        voltage_v=_voltages(family, values),
        power_w=values.get(Quantity.POWER),
        frequency_hz=frequency_hz,
        import_wh=counted.import_wh,
        export_wh=counted.export_wh,
    )


def _currents(family: Family, values: Values) -> PhaseAmps:
    signed: list[Amps] = []
    for phase, current_name, power_name in zip(PHASES, CURRENTS, POWERS, strict=True):
        current_a = values.get(current_name)
        if current_a is None:
            raise MeterImplausible(f"no current on {phase}", remedy="check the meter's wiring and model")
        if abs(current_a) > MAX_CURRENT_A:
            raise MeterImplausible(
                f"{current_a:g} A on {phase}", remedy="check the meter's model and its register order setting"
            )
        if family.current is CurrentSign.MAGNITUDE:
            # A current that doesn't tell its direction flows as the power does; without a power, into the site.
            current_a = math.copysign(abs(current_a), values.get(power_name) or 1.0)
        signed.append(current_a)
    return PhaseAmps(*signed)


def _voltages(family: Family, values: Values) -> tuple[Volts, Volts, Volts] | None:
    if not any(name in family.quantity for name in VOLTAGES):
        return None
    found: list[Volts] = []
    for phase, name in zip(PHASES, VOLTAGES, strict=True):
        voltage_v = values.get(name)
        if voltage_v is None or not MIN_VOLTAGE_V <= voltage_v <= MAX_VOLTAGE_V:
            shown = "no voltage" if voltage_v is None else f"{voltage_v:g} V"
            raise MeterImplausible(f"{shown} on {phase}", remedy="check the meter's voltage taps and its model")
        found.append(voltage_v)
    return found[0], found[1], found[2]
