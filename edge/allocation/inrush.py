"""A rise of the background that one reading alone has shown: a motor that starts, or a load that stays.

For half a second a motor draws several times what it runs on, and a breaker carries that. So cars go to their minimum
with the first reading, but nobody is stopped for what no second one bears out: the current of two readings in a row is
above what may flow, or each of them shows by itself that the building takes so much. Stopped at once they are where the
breaker mightn't bear it for so long, and where the second reading doesn't come.
"""

import math
from dataclasses import dataclass

from edge.units import Amps, PhaseAmps, Seconds

# What rises by less is no motor, and counts at once.
LEAST_A = 1.0
# Readings that come more seldom aren't waited for: the reaction would take longer than 8 s.
SOON_S = 2.5
# In shares of the time between two readings: when the one that was to bear out the last is overdue.
OVERDUE = 1.5
# A breaker at the fast edge of IEC 60898-1 by a model of the first order, as a share of its rating squared: at 1.13 In,
# the conventional non-tripping current, it may trip; with this time constant it holds 1.45 In for 13 s when it had
# carried In before; a gG fuse link bears more.
TRIPS_AT = 1.13**2
WARMS_IN_S = 45.0
WARM = 1.0  # it has carried In for long
# In shares of the time between two readings, too: by then the second one is there, or known to be overdue.
KNOWN_AFTER = 2.0

Heat = tuple[float, float, float]  # of each pole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Doubt:
    """``sure_a`` is what the estimate would be without what one reading alone has shown, ``lowest_a`` the least that
    the building took by the newest reading, which came ``gap_s`` after the one before."""

    sure_a: PhaseAmps
    lowest_a: PhaseAmps
    gap_s: Seconds


def doubted(
    kept: Doubt | None,
    *,
    before_a: PhaseAmps,
    jumped_a: PhaseAmps,
    after_a: PhaseAmps,
    lowest_a: PhaseAmps,
    gap_s: Seconds,
) -> Doubt | None:
    """What is in doubt after a reading, None where nothing is.

    It took the estimate from ``before_a`` to ``after_a``, of which ``jumped_a`` is by itself; what is more stands on
    several. ``lowest_a`` is the least that the building takes by it.
    """
    if gap_s > SOON_S or (kept is None and all(map(_is_little, after_a, before_a))):
        return None  # nearly always
    sure_a = kept.sure_a if kept is not None else before_a
    twice_a = kept.lowest_a.combine(lowest_a, min) if kept is not None else sure_a
    sure_a = PhaseAmps(
        *(
            after if after > jumped else min(after, max(sure, twice))
            for after, jumped, sure, twice in zip(after_a, jumped_a, sure_a, twice_a, strict=True)
        )
    )
    if all(map(_is_little, after_a, sure_a)):
        return None
    return Doubt(sure_a=sure_a, lowest_a=lowest_a, gap_s=gap_s)


def warmed(heat: Heat, measured_a: PhaseAmps, fuse_a: Amps, for_s: Seconds) -> Heat:
    """How warm each pole is after this has flowed for so long; never colder than :data:`WARM`."""
    decay = math.exp(-for_s / WARMS_IN_S)
    first, second, third = (
        max((amps / fuse_a) ** 2 * (1.0 - decay) + warm * decay, WARM)
        for amps, warm in zip(measured_a, heat, strict=True)
    )
    return first, second, third


def bears(heat: Heat, measured_a: PhaseAmps, fuse_a: Amps, gap_s: Seconds) -> bool:
    """Whether the breaker holds what flows until it is known whether it stays.

    Of no car that is told to come down anything is counted on till then; and what waiting costs after that is what the
    minima alone add in the time of a reading.
    """
    return max(warmed(heat, measured_a, fuse_a, KNOWN_AFTER * gap_s)) < TRIPS_AT


def _is_little(after_a: Amps, before_a: Amps) -> bool:
    return after_a <= before_a + LEAST_A
