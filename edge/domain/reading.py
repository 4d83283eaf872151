"""What meters and stations measure."""

from dataclasses import dataclass
from enum import StrEnum

from edge.units import PhaseAmps, Seconds, Volts, WattHours, Watts

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFailed:
    """A poll that gave no usable reading. ``problem`` is a sentence."""

    meter: str
    at: Seconds
    problem: str


MeterFact = MeterReading | MeterFailed
