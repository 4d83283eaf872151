"""A fall of the background that a reading shows, until the cars' samples confirm or explain it.

It may be a car's that has not been sampled since; so it is believed only when every car has been, and then as far as
the highest reading of that while bears it out with the lowest of each car's samples. It is the counterpart of a rise
(:mod:`edge.allocation.rise`).
"""

import math
from dataclasses import dataclass

import numpy as np

from edge.allocation.draws import FALL_NOISE_A, SAMPLE_DELAY_S, ThreeAmps, total_a
from edge.allocation.layout import Bools, Floats
from edge.allocation.noise import OUTLIER_SIGMAS
from edge.units import PhaseAmps, Seconds

# An average of n readings this many standard deviations off, divided by the root of n, is no noise.
AVERAGE_SIGMAS = 5.5
# The longest average: beyond two minutes loads have moved.
LONGEST_AVERAGE = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fall:
    """Readings that show less background than was estimated, until the cars' samples confirm or explain it.

    With a noisy meter there is always one, and it serves to find small rises, too. ``measured_a`` is the highest
    reading since then, ``measured_sum_a`` the sum of all ``count``, ``lowest_sum_a`` that of the lower bounds they
    gave; ``least_a[row, phase]`` the lowest that each car may have drawn.
    """

    since: Seconds
    count: int
    measured_a: PhaseAmps
    measured_sum_a: PhaseAmps
    lowest_sum_a: PhaseAmps
    least_a: Floats


def falling(
    known: Fall | None,
    estimate_a: PhaseAmps,
    measured_a: PhaseAmps,
    at: Seconds,
    *,
    highest_a: PhaseAmps,
    lowest_a: PhaseAmps,
    low_a: Floats,
    drawn_at: Floats,
    noise_a: ThreeAmps,
) -> tuple[PhaseAmps, Fall | None]:
    """The estimate after a reading that came ``at``, and what of a fall is to be confirmed yet.

    By that reading the background is between ``lowest_a`` and ``highest_a``; ``low_a[row, phase]`` is the least that
    each car may have drawn, ``drawn_at`` when each was sampled last.
    """
    fall = known
    if fall is not None:
        fall = _continued(fall, measured_a, lowest_a, low_a)
        estimate_a, fall = _judged(fall, estimate_a, lowest_a, low_a, drawn_at, noise_a)
    if fall is None and (
        any(noise_a) or any(high < now - FALL_NOISE_A for high, now in zip(highest_a, estimate_a, strict=True))
    ):
        fall = Fall(
            since=at, count=1, measured_a=measured_a, measured_sum_a=measured_a, lowest_sum_a=lowest_a, least_a=low_a
        )
    return estimate_a, fall


def _continued(fall: Fall, measured_a: PhaseAmps, lowest_a: PhaseAmps, low_a: Floats) -> Fall:
    return Fall(
        since=fall.since,
        count=fall.count + 1,
        measured_a=fall.measured_a.combine(measured_a, max),
        measured_sum_a=fall.measured_sum_a + measured_a,
        lowest_sum_a=fall.lowest_sum_a + lowest_a,
        least_a=np.minimum(fall.least_a, low_a),
    )


def _judged(
    fall: Fall, estimate_a: PhaseAmps, lowest_a: PhaseAmps, low_a: Floats, drawn_at: Floats, noise_a: ThreeAmps
) -> tuple[PhaseAmps, Fall | None]:
    """The estimate by what the readings since then show, and the fall, None where it is over.

    Above the estimate what they show in the mean counts as soon as noise doesn't explain it; below it only when it is
    confirmed.
    """
    precision = AVERAGE_SIGMAS / math.sqrt(fall.count)
    risen = PhaseAmps(
        *(
            max(now, total / fall.count) if noise > 0 and total / fall.count > now + precision * noise else now
            for now, total, noise in zip(estimate_a, fall.lowest_sum_a, noise_a, strict=True)
        )
    )
    if not _is_confirmed(fall, drawn_at):
        return risen, fall if risen == estimate_a else None
    least_a = total_a(fall.least_a)
    fallen, steady = [], True
    for now, highest, total, least, floor, noise in zip(
        risen, fall.measured_a, fall.measured_sum_a, least_a, lowest_a, noise_a, strict=True
    ):
        mean = total / fall.count
        is_noise = highest - mean <= AVERAGE_SIGMAS * noise
        steady &= is_noise or highest - mean <= FALL_NOISE_A
        level = (mean if is_noise else highest) - least
        level += precision * noise / 2  # as far as it is certain; what rose since has risen
        below = level < now - precision * noise / 2
        fallen.append(max(level, floor - OUTLIER_SIGMAS * noise) if below else now)
    after = PhaseAmps(*fallen)
    # Noise: the longer the mean, the more it tells; unless the cars have moved meanwhile, or the load has: a peak would
    # hide every lower reading that follows it.
    tells_more = any(noise_a) and steady and fall.count < LONGEST_AVERAGE and after == estimate_a
    moved = any(now - least > noise for now, least, noise in zip(total_a(low_a), least_a, noise_a, strict=True))
    return after, fall if tells_more and not moved else None


def _is_confirmed(fall: Fall, drawn_at: Floats) -> bool:
    """Whether every car that the fall could be due to has been sampled since."""
    could_be: Bools = fall.least_a.max(axis=1, initial=0.0) > 0
    return bool((drawn_at[could_be] > fall.since + SAMPLE_DELAY_S).all())
