"""A rise of the background that hides behind cars which may draw more than was last sampled of them.

After a raise, what a reading shows more may be the car's or the building's, for as long as the car may still be on its
way up; that is most of a minute, and longer where it is raised again. Its next sample tells sooner: of all that has
flowed meanwhile, the lowest reading less the highest samples is the building's. It is the counterpart of a fall.
"""

from dataclasses import dataclass

import numpy as np

from edge.allocation.draws import Draws, ThreeAmps, total_a
from edge.allocation.entitlement import SAMPLE_LIFE_S
from edge.allocation.exposure import OBEY_S
from edge.allocation.layout import Floats
from edge.units import PhaseAmps, Seconds

# A sample tells of what flowed so long before it came at most: some stations report what they measured seconds ago.
TELLS_AFTER_S = OBEY_S
# Begun anew after this: while one rise waits for a sample that doesn't come, a second one isn't seen.
LONGEST_S = SAMPLE_LIFE_S


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rise:
    """Readings that show more than the estimate and the cars' samples explain, since they do.

    ``measured_a`` is the lowest of them; ``most_a[row, phase]`` the highest of each car's samples; ``seen``: 1 where it
    was sampled late enough to tell, else 0.
    """

    since: Seconds
    measured_a: PhaseAmps
    most_a: Floats
    seen: Floats

    def least_a(self, high_a: Floats) -> PhaseAmps:
        """The background was at least this since then; who wasn't sampled counts as ``high_a``."""
        return self.measured_a - total_a(np.where(self.seen[:, None] > 0, self.most_a, np.maximum(self.most_a, high_a)))


def rising(
    known: Rise | None,
    measured_a: PhaseAmps,
    at: Seconds,
    draws: Draws,
    sampled_a: Floats,
    *,
    estimate_a: PhaseAmps,
    slack_a: ThreeAmps,
) -> Rise | None:
    """After a reading that came ``at``: None where the samples explain it, but for ``slack_a``.

    ``sampled_a``: the highest of each car's samples while what the reading shows may have flowed.
    """
    if known is None or at - known.since >= LONGEST_S:
        since, seen, most_a = at, np.zeros(len(sampled_a)), sampled_a
    else:
        since = known.since
        tells = draws.clear & (draws.drawn_at >= since + TELLS_AFTER_S)
        seen = np.where(tells, 1.0, known.seen)
        measured_a = known.measured_a.combine(measured_a, min)
        most_a = np.maximum(known.most_a, sampled_a)
    more_a = measured_a - total_a(most_a) - estimate_a
    if all(more <= slack for more, slack in zip(more_a, slack_a, strict=True)):
        return None  # nearly always
    return Rise(since=since, measured_a=measured_a, most_a=most_a, seen=seen)
