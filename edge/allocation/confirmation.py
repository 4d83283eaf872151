"""Whether what one reading alone has shown (:mod:`edge.allocation.inrush`) is borne out, or can't be waited for."""

import math
from dataclasses import replace

from edge.allocation.background import Background
from edge.allocation.inrush import OVERDUE, bears
from edge.units import Amps, Seconds


def borne_out(
    known: Background,
    now: Seconds,
    *,
    fuse_a: Amps,
    limit_a: Amps,
    limit_sum_a: Amps = math.inf,
    imbalance_a: Amps = math.inf,
    period_s: Seconds = 1.0,
) -> Background:
    """Without the doubt where two readings in a row, by the limits as they are now, show more than may flow; where the
    second is overdue; and where the breaker mightn't bear it for so long.

    ``limit_a`` is the lowest limit on a phase now, ``limit_sum_a`` that on all together.
    """
    doubt, measured_a, read_at = known.doubt, known.measured_a, known.reading_at
    if doubt is None or measured_a is None or read_at is None:
        return known  # nearly always
    newest, before = (
        each.is_above(limit_a, limit_sum_a) or each.is_uneven(imbalance_a)
        for each in (known, replace(known, measured_a=known.before_a))
    )
    overdue = newest and now - read_at > OVERDUE * max(doubt.gap_s, period_s)
    if (newest and before) or overdue or not bears(known.heat, measured_a, fuse_a, doubt.gap_s):
        return replace(known, doubt=None)
    return known
