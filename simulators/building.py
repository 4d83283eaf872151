"""The building's load besides the chargers: steps that repeat each period, with a small ripple on top."""

import math
from dataclasses import dataclass
from typing import Final

from simulators.phases import NO_AMPS, Amps3

# Two slow sines whose periods share no short multiple: looks alive, repeats exactly, needs no random numbers.
RIPPLE_PERIODS_S: Final = (7.3, 2.9)
PHASE_SHIFT_RAD: Final = 2.1  # so that the three phases don't ripple in step


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """From `at_s` of each period on, the building draws `load_a` per grid phase."""

    at_s: float
    load_a: Amps3


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingLoad:
    """What flows into `circuit` besides the chargers; the first step is at 0."""

    circuit: str
    ripple_a: float
    steps: tuple[LoadStep, ...]
    period_s: float
    ripple_shift_rad: float = 0.0

    def step_at(self, time_s: float) -> LoadStep:
        """The step in force at scenario time `time_s`."""
        in_period_s = time_s % self.period_s
        return max((step for step in self.steps if step.at_s <= in_period_s), key=lambda step: step.at_s)

    def current_a(self, time_s: float) -> Amps3:
        """Amperes per grid phase at scenario time `time_s`, never negative."""
        if not self.steps:
            return NO_AMPS
        base_a = self.step_at(time_s).load_a
        l1, l2, l3 = (
            max(0.0, amps + self._ripple(time_s, index)) if amps > 0 else 0.0 for index, amps in enumerate(base_a)
        )
        return (l1, l2, l3)

    def _ripple(self, time_s: float, phase: int) -> float:
        shift = self.ripple_shift_rad + phase * PHASE_SHIFT_RAD
        slow, fast = (math.sin(2 * math.pi * time_s / period_s + shift) for period_s in RIPPLE_PERIODS_S)
        return self.ripple_a * (0.6 * slow + 0.4 * fast)
