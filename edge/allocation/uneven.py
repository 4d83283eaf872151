"""A rise of the background on one phase that shows as imbalance.

What flows on two phases differs by what the building does there, and by what the EVSEs draw that use the one and not
the other. Those that may use both hide none of that, whatever they were told: so where the meter shows more than the
imbalance limit, the building is ahead by what those on the one phase alone can't be.
"""

from dataclasses import replace

import numpy as np

from edge.allocation.background import OVERLOAD_AT_ONCE_A, OVERLOAD_HOLD_S, Background
from edge.allocation.layout import PAIRS, Bools
from edge.allocation.noise import OUTLIER_SIGMAS
from edge.units import Amps, PhaseAmps, Seconds


def evened(
    known: Background, uses: Bools, whole_site: Bools, *, imbalance_a: Amps, meter_delay_s: Seconds
) -> Background:
    """With the estimate of a phase raised where the newest readings have shown it too far ahead of another for as long
    as a cut takes, and EVSEs can be cut for that.

    ``uses[row, phase]``: the phases with which each EVSE may unbalance; a site below (``whole_site``) draws on each as
    it likes.
    """
    estimate_a, measured_a, at = known.estimate_a, known.measured_a, known.reading_at
    if estimate_a is None or measured_a is None or at is None or not known.bounds:
        return known
    measured = tuple(measured_a)
    if max(measured) - min(measured) <= imbalance_a + OVERLOAD_AT_ONCE_A:  # nearly always
        return known if known.uneven_since is None else replace(known, uneven_since=None)
    since = known.uneven_since if known.uneven_since is not None else at
    if at - since < meter_delay_s + OVERLOAD_HOLD_S:
        return known if known.uneven_since is not None else replace(known, uneven_since=since)
    risen, noise, most_a = list(estimate_a), known.noise_a(), known.most_drawn_a()
    least_a = np.minimum.reduce([bounds.low_a for bounds in known.bounds])
    for high, low in PAIRS:
        alone_a = float(most_a[uses[:, high] & ~uses[:, low], high].sum())
        slack_a = max(OVERLOAD_AT_ONCE_A, OUTLIER_SIGMAS * (noise[high] + noise[low]))
        if alone_a > 0 and measured[high] - measured[low] > imbalance_a + slack_a:
            sites_a = float(np.maximum(most_a[whole_site, high] - least_a[whole_site, low], 0.0).sum())
            ahead_a = measured[high] - measured[low] - alone_a - sites_a
            # What has fallen on the other phase is no rise on this one (:func:`edge.allocation.headroom.fallen_a`).
            behind_a = min(tuple(estimate_a)[low], measured[low] - float(least_a[:, low].sum()))
            risen[high] = max(risen[high], behind_a + ahead_a)
    return replace(known, uneven_since=since, estimate_a=PhaseAmps(*risen), doubt=None)
