"""How often a meter tells, as its readings show: some are asked each period, some tell when they like.

A smart meter of DSMR 4 tells each 10 s. Its readings aren't late for being older than those of one that is asked each
second, and by what the standard says of its telegrams they are no older than the time between two of them.
"""

from edge.domain.site import ControlSettings
from edge.units import Seconds

# So many intervals in a row tell: polls that are lost by chance don't leave three that are equally long, and a line
# that had stalled, and then tells all at once what it has kept, isn't believed to be quick before it is over.
KEPT = 3
# A reading is late when it is older than this many periods: one missed poll may be chance ...
LATE_PERIODS = 2.5
# ... or so many of the meter's own intervals: then one has been lost, as it never comes so much later.
LATE_INTERVALS = 1.5
# A reading may show what flowed ``meter_stale_s`` less so many periods ago: who has a slow meter leaves so much above
# its delay, most of it for polls that are lost. Every meter averages for a moment.
SPARE_PERIODS, SPARE_S = 3.0, 3.0
LEAST_DELAY_S = 1.0

Intervals = tuple[Seconds, ...]  # between the last readings, the newest last; at most KEPT


def with_interval(known: Intervals, gap_s: Seconds) -> Intervals:
    """After another reading, which came so long after the one before."""
    return (*known, gap_s)[-KEPT:]


def late_after_s(known: Intervals, period_s: Seconds) -> Seconds:
    """How old a reading is when the next one is overdue, by the shortest of the last intervals."""
    usual_s = min(known) if len(known) == KEPT else 0.0
    return max(LATE_PERIODS * period_s, LATE_INTERVALS * usual_s)


def delay_s(known: Intervals, settings: ControlSettings, *, is_news: bool) -> Seconds:
    """What a reading shows may have flowed so long before it came.

    ``is_news``: it shows nothing that flowed before its forerunner was sent. That came no longer before than the
    longest of the last intervals, and may have been passed on later than this one by no more than is spared anyway.
    """
    spare_s = max(SPARE_PERIODS * settings.period_s, SPARE_S)
    most_s = max(settings.meter_stale_s - spare_s, LEAST_DELAY_S)
    return min(most_s, max(known) + spare_s) if is_news and len(known) == KEPT else most_s
