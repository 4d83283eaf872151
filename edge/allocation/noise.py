"""A meter's noise, by how far its readings stand out above or below both of their neighbours.

Noise makes two of three readings do that; a load or a car that steps or ramps leaves each between its neighbours,
however often it does.
"""

from edge.allocation.draws import ThreeAmps
from edge.units import Amps, PhaseAmps

# Noise is judged by so many readings: enough for a quartile that doesn't itself scatter, and forgotten in two minutes.
PEAKS = 120
LEAST_PEAKS = 10
# The upper quartile of how far the readings of a normal noise stand out is 0.93 of its standard deviation, of a uniform
# one 0.97.
SIGMA_PER_PEAK = 1.06
# What stands out by more than this share of what flows is no noise: meters of class 2 and worse aren't used.
MOST_NOISE = 0.025
# One reading this many standard deviations off is no noise.
OUTLIER_SIGMAS = 4.0


def stands_out_a(before_a: PhaseAmps, measured_a: PhaseAmps, after_a: PhaseAmps) -> ThreeAmps:
    """By how much a reading is above or below both of its neighbours, to 1 mA; 0 where it lies between."""
    first, second, third = map(_peak_a, before_a, measured_a, after_a)
    return first, second, third


def with_newest(peaks_a: tuple[ThreeAmps, ...], number: int, peak_a: ThreeAmps) -> tuple[ThreeAmps, ...]:
    """With one more after ``number`` of them, which takes the place of the oldest; they aren't in their order."""
    oldest = number % PEAKS
    return (*peaks_a[:oldest], peak_a, *peaks_a[oldest + 1 :])


def deviation_a(peaks_a: tuple[ThreeAmps, ...], measured_a: PhaseAmps) -> ThreeAmps:
    """The standard deviation on each phase; 0 until there are enough. ``measured_a``: what flows."""
    if len(peaks_a) < LEAST_PEAKS:
        return 0.0, 0.0, 0.0
    upper = len(peaks_a) * 3 // 4
    most_a = MOST_NOISE * max(map(abs, measured_a))
    first, second, third = (
        min(SIGMA_PER_PEAK * sorted(of_phase)[upper], most_a) for of_phase in zip(*peaks_a, strict=True)
    )
    return first, second, third


def _peak_a(before_a: Amps, amps: Amps, after_a: Amps) -> Amps:
    return round(max(amps - max(before_a, after_a), min(before_a, after_a) - amps, 0.0), 3)
