"""A miniature circuit-breaker at the fast edge of IEC 60898-1, type B, preheated at its rated current.

Thermal: a first-order model of the bimetal on the squared current, theta' = ((I / In)^2 - theta) / tau. It
trips above theta = 1.13^2: 1.13 In is the conventional non-tripping current, so the model approaches that
value and never passes it. Magnetic: at 3 In, the low end of type B's band, at once.
"""

import math
from typing import Final

from simulators.phases import Amps3

TAU_S: Final = 45.0  # makes 1.45 In hold 13 s from preheated, far faster than the 1 h that the standard allows
TRIP_THETA: Final = 1.13**2  # the conventional non-tripping current, squared
MAGNETIC_MULTIPLE: Final = 3.0  # type B trips magnetically somewhere from 3 to 5 In; 3 is the fast edge
MELT_THETA: Final = 1.25**2  # a gG fuse link's conventional non-fusing current, squared (IEC 60269-1)
MELT_TAU_S: Final = 91.0  # 160 A melt a link of 63 A after 10 s
PREHEATED_THETA: Final = 1.0  # it has carried In for long


class Breaker:
    """Three poles of one breaker; any pole trips all, and it stays tripped."""

    def __init__(self, rated_a: float) -> None:
        self.rated_a = rated_a
        self.tripped = False
        self._thetas = [PREHEATED_THETA] * 3
        self._hottest = PREHEATED_THETA

    @property
    def heat(self) -> float:
        """The hottest pole on the way to its trip: 1.0 is the trip, preheated is 0.78."""
        return max(self._thetas) / TRIP_THETA

    @property
    def most_heat(self) -> float:
        """The most that it has been, from preheated on; 1.0 of one that has tripped."""
        return 1.0 if self.tripped else self._hottest / TRIP_THETA

    def carry(self, current_a: Amps3, dt_s: float) -> None:
        """Let `current_a` flow for `dt_s` seconds (exact for a constant current)."""
        decay = math.exp(-dt_s / TAU_S)
        for pole, amps in enumerate(current_a):
            square = (amps / self.rated_a) ** 2
            theta = self._thetas[pole] = square + (self._thetas[pole] - square) * decay
            if theta > self._hottest:
                self._hottest = theta
            if theta > TRIP_THETA or amps >= MAGNETIC_MULTIPLE * self.rated_a:
                self.tripped = True


class GgFuse:
    """A gG fuse link at the fast edge of IEC 60269-1, preheated at its rated current; a melted pole stays melted.

    The same first-order model with the conventional non-fusing current 1.25 In, and the time constant that makes
    it melt at the lowest current of its 10 s gate: 160 A for 63 A.
    """

    def __init__(self, rated_a: float) -> None:
        self.rated_a = rated_a
        self.tripped = False
        self._thetas = [PREHEATED_THETA] * 3
        self._hottest = PREHEATED_THETA

    @property
    def heat(self) -> float:
        """The hottest pole on the way to its melting: 1.0 is melted, preheated is 0.64."""
        return max(self._thetas) / MELT_THETA

    @property
    def most_heat(self) -> float:
        """The most that it has been, from preheated on; 1.0 of one that has melted."""
        return 1.0 if self.tripped else self._hottest / MELT_THETA

    def carry(self, current_a: Amps3, dt_s: float) -> None:
        """Let `current_a` flow for `dt_s` seconds (exact for a constant current)."""
        decay = math.exp(-dt_s / MELT_TAU_S)
        for pole, amps in enumerate(current_a):
            square = (amps / self.rated_a) ** 2
            theta = self._thetas[pole] = square + (self._thetas[pole] - square) * decay
            if theta > self._hottest:
                self._hottest = theta
            self.tripped = self.tripped or theta > MELT_THETA
