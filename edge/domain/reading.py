"""What meters and stations measure."""

from dataclasses import dataclass
from enum import StrEnum

from edge.units import PhaseAmps, Seconds, Volts, WattHours, Watts, phase_amps

# A value for each of L1, L2, L3; None on a phase that the meter isn't on, or of which it tells none.
PhaseVolts = tuple[Volts | None, Volts | None, Volts | None]
PhaseWatts = tuple[Watts | None, Watts | None, Watts | None]


class Quality(StrEnum):
    """How far a reading may be believed."""

    GOOD = "good"
    SUSPECT = "suspect"  # to be used, but something in it doesn't fit: its ``doubts`` say what
    HELD = "held"  # what came can't be true: the last values that could, with their own time


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """One sample of an energy meter.

    ``current_a`` is signed: positive flows from the grid into the circuit; None from a meter that tells none. ``at`` is
    the monotonic time at which the answer arrived; the age of a reading is the age of its poll, so a meter that repeats
    itself is alive, and one whose values are held grows old.
    """

    meter: str
    at: Seconds
    current_a: PhaseAmps | None
    voltage_v: PhaseVolts | None = None  # phase to neutral
    phase_power_w: PhaseWatts | None = None  # as signed as the currents
    power_w: Watts | None = None  # of all phases
    frequency_hz: float | None = None
    import_wh: WattHours | None = None
    export_wh: WattHours | None = None
    quality: Quality = Quality.GOOD
    doubts: tuple[str, ...] = ()  # sentences: what doesn't fit

    @property
    def counted_a(self) -> PhaseAmps | None:
        """The currents as they count against a fuse.

        A phase that feeds in makes room for what its power stands for, and no more: reactive current is carried beside
        whatever else flows, and near 0 W it has no direction. Where a phase tells no power, its current stands.
        """
        if self.current_a is None or self.phase_power_w is None:
            return self.current_a
        voltages = self.voltage_v if self.voltage_v is not None else (None, None, None)
        found = (
            max(amps, phase_amps(min(power_w, 0.0), voltage_v))
            if amps < 0 and power_w is not None and voltage_v
            else amps
            for amps, power_w, voltage_v in zip(self.current_a, self.phase_power_w, voltages, strict=True)
        )
        return PhaseAmps(*found)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFailed:
    """A poll that gave no usable reading. ``problem`` is a sentence."""

    meter: str
    at: Seconds
    problem: str


MeterFact = MeterReading | MeterFailed
