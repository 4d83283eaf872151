"""What meters and stations measure."""

from dataclasses import dataclass

from edge.units import PhaseAmps, Seconds, Volts, WattHours, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """One sample of an energy meter.

    ``current_a`` is signed: positive flows from the grid into the circuit. ``at`` is the monotonic time at which the
    answer arrived; the age of a reading is the age of its poll, so a meter that repeats itself is alive.
    """

    meter: str
    at: Seconds
    current_a: PhaseAmps
    voltage_v: tuple[Volts, Volts, Volts] | None = None
    power_w: Watts | None = None
    frequency_hz: float | None = None
    import_wh: WattHours | None = None
    export_wh: WattHours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFailed:
    """A poll that gave no usable reading. ``problem`` is a sentence."""

    meter: str
    at: Seconds
    problem: str


MeterFact = MeterReading | MeterFailed
