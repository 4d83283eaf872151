"""A rise of the background on one phase that shows as imbalance.

What flows on two phases differs by what the building does there, and by what the EVSEs draw that use the one and not
the other. Those that may use both hide none of that, whatever they were told: so where the meter shows more than the
imbalance limit, the building is ahead by what those on the one phase alone can't be.

A car whose phases are doubted counts on all that are wired, so that a fuse has room for it wherever it is. For balance
it is where it is seen: else it would unbalance nothing, and what it doesn't draw on the others passed for the sun's.
"""

from dataclasses import replace

import numpy as np

from edge.allocation.background import OVERLOAD_AT_ONCE_A, OVERLOAD_HOLD_S, Background
from edge.allocation.layout import PAIRS, Bools
from edge.allocation.noise import OUTLIER_SIGMAS
from edge.units import Amps, PhaseAmps, Seconds


def where_seen(known: Background, elsewhere: Bools) -> Background:
    """The same for the sake of balance: without what is counted where cars aren't seen, ``elsewhere[row, phase]``."""
    if known.estimate_a is None or not known.bounds or not elsewhere.any():
        return known  # nearly always
    bounds = tuple(
        replace(each, low_a=np.where(elsewhere, 0.0, each.low_a), high_a=np.where(elsewhere, 0.0, each.high_a))
        for each in known.bounds
    )
    # So much less the building was taken to draw there at most for what the cars were.
    counted_a = np.where(elsewhere, np.minimum.reduce([each.low_a for each in known.bounds]), 0.0).sum(axis=0)
    back_a = np.minimum(counted_a, np.maximum(-np.array(tuple(known.estimate_a)), 0.0))
    return replace(known, estimate_a=known.estimate_a + PhaseAmps(*back_a.tolist()), bounds=bounds)


def evened(
    known: Background,
    uses: Bools,
    whole_site: Bools,
    *,
    imbalance_a: Amps,
    meter_delay_s: Seconds,
    elsewhere: Bools,
) -> Background:
    """With the estimate of a phase raised where the newest readings have shown it too far ahead of another for as long
    as a cut takes, and EVSEs can be cut for that.

    ``uses[row, phase]``: the phases with which each EVSE may unbalance; a site below (``whole_site``) draws on each as
    it likes. ``elsewhere``: see :func:`where_seen`.
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
    seen = where_seen(known, elsewhere)
    risen, noise, most_a = list(estimate_a), known.noise_a(), seen.most_drawn_a()
    least_a = np.minimum.reduce([bounds.low_a for bounds in seen.bounds])
    by_balance_a = tuple(seen.estimate_a if seen.estimate_a is not None else estimate_a)
    for high, low in PAIRS:
        alone = uses[:, high] & ~uses[:, low]
        # What a doubted car isn't sure to draw there explains nothing, as long as others can be cut.
        believed_a = float(most_a[alone & ~elsewhere.any(axis=1), high].sum())
        alone_a = believed_a if believed_a > 0 else float(most_a[alone, high].sum())
        slack_a = max(OVERLOAD_AT_ONCE_A, OUTLIER_SIGMAS * (noise[high] + noise[low]))
        if alone_a > 0 and measured[high] - measured[low] > imbalance_a + slack_a:
            sites_a = float(np.maximum(most_a[whole_site, high] - least_a[whole_site, low], 0.0).sum())
            ahead_a = measured[high] - measured[low] - alone_a - sites_a
            # What has fallen on the other phase is no rise on this one (:func:`edge.allocation.headroom.fallen_a`).
            behind_a = min(by_balance_a[low], measured[low] - float(least_a[:, low].sum()))
            risen[high] = max(risen[high], behind_a + ahead_a)
    return replace(known, uneven_since=since, estimate_a=PhaseAmps(*risen), doubt=None)
