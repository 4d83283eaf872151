"""Quantities and the three phases.

The aliases name the unit where a signature would otherwise say ``float``. This module is the only place that turns
volts and amperes into watts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Amps: TypeAlias = float
Volts: TypeAlias = float
Watts: TypeAlias = float
WattHours: TypeAlias = float
Seconds: TypeAlias = float


SECONDS_PER_HOUR: Seconds = 3600.0
# A power may be so much more than the nominal voltage makes of a current: the grid's is up to a tenth above it
# (EN 50160 §4.2.2), and meters are off by a little.
VOLTAGE_MAY_DIFFER = 1.15


class Phase(StrEnum):
    """A phase conductor of the grid connection."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


PHASES = _L1, _L2, _L3 = (Phase.L1, Phase.L2, Phase.L3)


@dataclass(frozen=True, slots=True)
class PhaseAmps:
    """One current per grid phase, in A. Positive means from the grid into the site."""

    l1: Amps
    l2: Amps
    l3: Amps

    @classmethod
    def same(cls, amps: Amps) -> "PhaseAmps":
        """The same current on all three phases."""
        return cls(amps, amps, amps)

    @classmethod
    def on(cls, phases: Iterable[Phase], amps: Amps) -> "PhaseAmps":
        """``amps`` on each of ``phases``, 0 on the others."""
        used = set(phases)
        return cls(amps if _L1 in used else 0.0, amps if _L2 in used else 0.0, amps if _L3 in used else 0.0)

    def __getitem__(self, phase: Phase) -> Amps:
        match phase:
            case Phase.L1:
                return self.l1
            case Phase.L2:
                return self.l2
            case Phase.L3:
                return self.l3

    def __iter__(self) -> Iterator[Amps]:
        return iter((self.l1, self.l2, self.l3))

    def __add__(self, other: "PhaseAmps") -> "PhaseAmps":
        return PhaseAmps(self.l1 + other.l1, self.l2 + other.l2, self.l3 + other.l3)

    def __sub__(self, other: "PhaseAmps") -> "PhaseAmps":
        return PhaseAmps(self.l1 - other.l1, self.l2 - other.l2, self.l3 - other.l3)

    def combine(self, other: "PhaseAmps", choose: Callable[[Amps, Amps], Amps]) -> "PhaseAmps":
        """Phase by phase, ``choose(mine, theirs)``: for example ``max`` or ``min``."""
        return PhaseAmps(choose(self.l1, other.l1), choose(self.l2, other.l2), choose(self.l3, other.l3))


NO_CURRENT = PhaseAmps(0.0, 0.0, 0.0)


def watts(current_a: PhaseAmps, voltage_v: Volts) -> Watts:
    """Power of a three-phase current at one phase-to-neutral voltage and power factor 1."""
    return (current_a.l1 + current_a.l2 + current_a.l3) * voltage_v


def phase_amps(power_w: Watts, voltage_v: Volts) -> Amps:
    """The sum of the phases' currents that carries a power, at one phase-to-neutral voltage and power factor 1."""
    return power_w / voltage_v
