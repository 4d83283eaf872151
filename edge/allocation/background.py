"""What flows through a metered circuit besides the EVSEs, as far as it is known.

The meter shows the building and the cars together, the stations report the cars alone, later and seldom. So what the
building takes is known only within bounds: the meter less the most, and less the least, that the cars may have been
drawing when it was read. The estimate rises to the lower bound at once; and where more flows than the rating, to what
it is by what the cars were seen to draw (:meth:`~edge.allocation.draws.Draws.besides_a`): at once where that would
stay so if all had obeyed, else when they have had their time. A fall that a reading shows may be a car's that has not
been sampled since; so it is believed only when every car has been, and then as far as the highest reading of that while
bears it out with the lowest of each car's samples: a fall that a late sample pretends would hand out current that isn't
there.

A reading may be late: it shows what flowed up to ``meter_delay_s`` ago. So the bounds on the cars are those of all that
while. And it may be noisy (:mod:`edge.allocation.noise`). What differs from the estimate by no more than noise explains
is averaged before it counts; where there is no noise, nothing is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeAlias

import numpy as np

from edge.allocation.cadence import Intervals, with_interval
from edge.allocation.draws import FALL_NOISE_A, Draws, ThreeAmps, total_a
from edge.allocation.exposure import OBEY_S
from edge.allocation.fall import Fall, falling
from edge.allocation.guess import Guess, guessed
from edge.allocation.inrush import WARM, Doubt, Heat, doubted, warmed
from edge.allocation.layout import Floats
from edge.allocation.noise import OUTLIER_SIGMAS, deviation_a, stands_out_a, with_newest
from edge.allocation.rise import Rise, rising
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds

# What flows above a rating for this long, and as long as the meter may be late, isn't a cut that is still being obeyed.
# (Above a limit of others alone it is, until cars have had their time to obey: that may come down by any step, and no
# fuse is warm from it.)
OVERLOAD_HOLD_S = 3.0
# Where more flows than the rating by this, even if all pending cuts were obeyed already, nothing is waited for:
# whatever it is, it has to be cut for. Twice what a car measures wrong.
OVERLOAD_AT_ONCE_A = 1.0
# The bounds of that while are kept in so many parts, so that the oldest can be forgotten.
PARTS = 3
# In shares of the period, which may be longer than the meter's delay. What cars may have drawn at a reading counts for
# the next, too, and for none after that: they may have moved just before it. After a longer gap a reading was lost.
SEEN_AT, LOST_AT = 0.75, 1.5

Choose: TypeAlias = Callable[[Amps, Amps, Amps], Amps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """The extremes of what each EVSE may have drawn ``[row, phase]`` in a while that began ``since``, and the highest
    of its samples."""

    since: Seconds
    low_a: Floats
    high_a: Floats
    sampled_a: Floats

    def widened(self, draws: Draws) -> "Bounds":
        return replace(
            self,
            low_a=np.minimum(self.low_a, draws.low_a),
            high_a=np.maximum(self.high_a, draws.high_a),
            sampled_a=np.maximum(self.sampled_a, draws.sampled_a),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Background:
    """What is remembered from reading to reading. ``peaks_a``: how far the last of them stood out beyond both of their
    neighbours, 0 where they lay between; not in their order."""

    estimate_a: PhaseAmps | None  # None: no reading yet
    reading_at: Seconds | None = None  # of the reading it stands on
    fall: Fall | None = None
    rise: Rise | None = None
    over_since: Seconds | None = None  # since when more flows than may; anew after each answer to that
    answered: bool = False  # there was one
    uneven_since: Seconds | None = None  # since when two phases differ by more than they may
    stale_at: Seconds | None = None  # when its meter was last found stale
    measured_a: PhaseAmps | None = None
    before_a: PhaseAmps | None = None  # the reading before that one
    peaks_a: tuple[ThreeAmps, ...] = ()  # to 1 mA
    peaks: int = 0  # how many there have been: the next takes the place of the oldest
    bounds: tuple[Bounds, ...] = field(default=())
    guess: Guess | None = None
    doubt: Doubt | None = None  # what of the estimate one reading alone has shown
    heat: Heat = (WARM, WARM, WARM)  # how warm the circuit's breaker may be by what was read
    intervals_s: Intervals = ()  # between its last readings

    @property
    def sure_a(self) -> PhaseAmps | None:
        """The estimate without what one reading alone has shown."""
        return self.doubt.sure_a if self.doubt is not None else self.estimate_a

    def intervals_by(self, at: Seconds) -> Intervals:
        """Those between the last readings with one that came then."""
        if self.reading_at is None or self.reading_at >= at:
            return self.intervals_s
        return with_interval(self.intervals_s, at - self.reading_at)

    def noise_a(self) -> ThreeAmps:
        """The standard deviation of the meter's noise on each phase."""
        return deviation_a(self.peaks_a, self.measured_a) if self.measured_a is not None else (0.0, 0.0, 0.0)

    def most_drawn_a(self) -> Floats:
        """The most that each EVSE may have drawn ``[row, phase]`` while what the newest readings show was flowing."""
        return reduce(np.maximum, [bounds.high_a for bounds in self.bounds])

    def is_over(self, rating_a: Amps) -> tuple[bool, bool, bool]:
        """On which phases the last reading showed more than that, and more than noise explains."""
        measured_a = self.measured_a if self.measured_a is not None else NO_CURRENT
        if max(measured_a) <= rating_a:  # whatever the noise is
            return False, False, False
        over = (
            amps > rating_a + OUTLIER_SIGMAS * noise for amps, noise in zip(measured_a, self.noise_a(), strict=True)
        )
        first, second, third = over
        return first, second, third

    def is_above(self, limit_a: Amps, sum_a: Amps) -> bool:
        """The same of a limit on any phase, or of one on their sum."""
        more_a = sum(self.measured_a or NO_CURRENT) - sum_a
        return any(self.is_over(limit_a)) or (more_a > 0 and more_a > OUTLIER_SIGMAS * sum(self.noise_a()))

    def is_uneven(self, imbalance_a: Amps) -> bool:
        """Whether it showed two phases further apart than that."""
        measured = tuple(self.measured_a or NO_CURRENT)
        return max(measured) - min(measured) > imbalance_a + OVERLOAD_AT_ONCE_A


def updated(
    known: Background | None,
    measured_a: PhaseAmps,
    at: Seconds,
    draws: Draws,
    *,
    rating_a: Amps,
    meter_delay_s: Seconds,
    period_s: Seconds = 1.0,
    limit_a: Amps = math.inf,
    limit_sum_a: Amps = math.inf,
    fuse_a: Amps = math.inf,
) -> Background:
    """The background after a reading that came ``at``, and shows what flowed up to ``meter_delay_s`` before.

    They come each ``period_s``. ``limit_a`` is the lowest limit on a phase now, ``limit_sum_a`` that on all together:
    an outsider's may be below the rating. ``fuse_a`` is the breaker's rating. The same reading twice teaches nothing:
    the cars have moved since.
    """
    known = known if known is not None else Background(estimate_a=None)
    if known.reading_at is not None and known.reading_at >= at:
        return known
    gap_s = at - known.reading_at if known.reading_at is not None else 0.0
    heat = warmed(known.heat, measured_a, fuse_a, gap_s)
    known = _noted(known, measured_a, at, draws, meter_delay_s, period_s, heat)
    low_a, high_a = reduce(np.minimum, [bounds.low_a for bounds in known.bounds]), known.most_drawn_a()
    highest, lowest = measured_a - total_a(low_a), measured_a - total_a(high_a)
    if known.estimate_a is None:
        return replace(known, estimate_a=highest, fall=None, rise=None)
    noise_a = known.noise_a()
    risen = _phases(_jumped, known.estimate_a, lowest, noise_a)
    over, over_since = any(known.is_over(rating_a)), None
    if over or known.is_above(limit_a, limit_sum_a):
        over_since = known.over_since if known.over_since is not None else at
    answered = known.answered and over_since is not None
    # Once; then not before it is seen what came of that. Else slow cars would be cut again and again.
    waited = over_since is not None and at - over_since >= meter_delay_s + (OVERLOAD_HOLD_S if over else OBEY_S)
    obeyed_a = measured_a - total_a(high_a) + total_a(draws.told_a)
    plain = over and not answered and _stays_over(obeyed_a, rating_a, noise_a)
    if plain or (waited and not (answered and draws.unseen)):
        besides_a = draws.besides_a(measured_a, rating_a)
        risen, over_since, answered = _phases(_jumped, risen, besides_a, noise_a), at, True
    elif waited and over_since is not None and (seen_a := draws.seen_a(over_since)) is not None:
        risen, over_since = _phases(_jumped, risen, measured_a - seen_a, noise_a), at
    jumped_a = risen
    first, second, third = (max(FALL_NOISE_A, OUTLIER_SIGMAS * noise) for noise in noise_a)
    sampled_a = reduce(np.maximum, [bounds.sampled_a for bounds in known.bounds])
    rise = rising(known.rise, measured_a, at, draws, sampled_a, estimate_a=risen, slack_a=(first, second, third))
    if rise is not None:
        risen = _phases(_jumped, risen, rise.least_a(high_a), noise_a)
    risen, fall = falling(
        known.fall,
        risen,
        measured_a,
        at,
        highest_a=highest,
        lowest_a=lowest,
        low_a=low_a,
        drawn_at=draws.drawn_at,
        noise_a=noise_a,
    )
    guess = guessed(known.guess, draws.guessed_a, at, proven=_holds_all(risen, highest, noise_a))
    doubt = doubted(
        known.doubt, before_a=known.estimate_a, jumped_a=jumped_a, after_a=risen, lowest_a=lowest, gap_s=gap_s
    )
    return replace(
        known,
        estimate_a=risen,
        fall=fall,
        rise=rise,
        over_since=over_since,
        answered=answered,
        guess=guess,
        doubt=doubt,
    )


def _holds_all(risen: PhaseAmps, highest: PhaseAmps, noise_a: ThreeAmps) -> bool:
    """Whether the estimate has all that the building can be taking by the newest reading."""
    return all(
        most <= now + FALL_NOISE_A + OUTLIER_SIGMAS * noise
        for most, now, noise in zip(highest, risen, noise_a, strict=True)
    )


def _stays_over(obeyed_a: PhaseAmps, rating_a: Amps, noise_a: ThreeAmps) -> bool:
    """Whether what will flow when all have obeyed is clearly above the rating."""
    return any(
        amps > rating_a + max(OVERLOAD_AT_ONCE_A, OUTLIER_SIGMAS * noise)
        for amps, noise in zip(obeyed_a, noise_a, strict=True)
    )


def _noted(
    known: Background,
    measured_a: PhaseAmps,
    at: Seconds,
    draws: Draws,
    meter_delay_s: Seconds,
    period_s: Seconds,
    heat: Heat,
) -> Background:
    """The reading and the bounds of the cars, remembered."""
    peaks, number = known.peaks_a, known.peaks
    if known.measured_a is not None and known.before_a is not None:
        peak_a = stands_out_a(known.before_a, known.measured_a, measured_a)
        peaks, number = with_newest(peaks, number, peak_a), number + 1
    bounds, span_s = known.bounds, max(meter_delay_s, SEEN_AT * period_s)
    if known.reading_at is not None and at - known.reading_at > max(meter_delay_s, LOST_AT * period_s):
        # What cars drew before so long a gap would pretend that the building takes less.
        draws, bounds = replace(draws, low_a=reduce(np.minimum, [each.low_a for each in bounds], draws.low_a)), ()
    if bounds and len(bounds[-1].low_a) == len(draws.low_a) and at - bounds[-1].since < span_s / (PARTS - 1):
        bounds = (*bounds[:-1], bounds[-1].widened(draws))
    else:
        bounds = (*bounds, Bounds(since=at, low_a=draws.low_a, high_a=draws.high_a, sampled_a=draws.sampled_a))[-PARTS:]
    while len(bounds) > 1 and bounds[1].since <= at - span_s:
        bounds = bounds[1:]  # what it tells of was over by then
    return replace(
        known,
        reading_at=at,
        measured_a=measured_a,
        before_a=known.measured_a,
        peaks_a=peaks,
        peaks=number,
        bounds=bounds,
        heat=heat,
        intervals_s=known.intervals_by(at),
    )


def _jumped(estimate_a: Amps, lowest_a: Amps, noise_a: Amps) -> Amps:
    """A rise counts at once where noise doesn't explain it."""
    return lowest_a if lowest_a > estimate_a + OUTLIER_SIGMAS * noise_a else estimate_a


def _phases(choose: Choose, first: PhaseAmps, second: PhaseAmps, noise_a: ThreeAmps) -> PhaseAmps:
    return PhaseAmps(*map(choose, first, second, noise_a))
