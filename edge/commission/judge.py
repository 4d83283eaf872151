"""What the figures of a commissioning mean. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge.commission.observed import Observation
from edge.domain.site import EvseKey, Site
from edge.language import Said
from edge.units import PHASES, Amps, Phase, PhaseAmps

TRIAL_A: Amps = 6.0  # the least that a car may be offered (IEC 61851-1)
LEAST_DRAW_A: Amps = 4.0  # below, it is not charging but standing by
TOLERANCE_A: Amps = 1.0  # of a station's own meter and its rounding of limits
LEAST_SHARE = 0.5  # of the car's change: less isn't it
QUIET_SHARE = 0.35  # what other phases may do meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """By how much a car rose, phase by phase of the grid: as the site file makes it out, and as the meter saw it."""

    key: EvseKey
    phases: tuple[Phase, ...]
    drawn_a: PhaseAmps
    metered_a: PhaseAmps

    @property
    def used(self) -> tuple[Phase, ...]:
        """The grid phases on which the car draws, if the site file is right."""
        most = max(self.drawn_a)
        return tuple(phase for phase in PHASES if self.drawn_a[phase] >= LEAST_SHARE * most)

    @property
    def seen(self) -> tuple[tuple[Phase, bool], ...]:
        """The phases on which the meter saw it, each with whether it was counted backwards."""
        least = LEAST_SHARE * max(self.drawn_a)
        return tuple((phase, self.metered_a[phase] < 0) for phase in PHASES if abs(self.metered_a[phase]) >= least)


def judge_limit(now: Observation, key: EvseKey, limit_a: Amps) -> Said | None:
    """Why the EVSE doesn't obey; None when it does."""
    draw_a, accepted_a = now.draw_of(key), now.accepted_a(key)
    if accepted_a is None or accepted_a > limit_a + TOLERANCE_A:
        return Said("found.refuses_limits", {"key": str(key)})
    if draw_a > limit_a + TOLERANCE_A:
        return Said("found.ignores_limit", {"key": str(key), "limit_a": limit_a, "draw_a": draw_a})
    return None


def judge_fallback(site: Site, now: Observation) -> list[Said]:
    """The EVSEs that draw more than their safe currents."""
    return [
        Said(
            "found.above_safe",
            {"key": str(evse.key), "draw_a": now.draw_of(evse.key), "safe_a": evse.fallback_a},
        )
        for evse in site.evses
        if now.draw_of(evse.key) > evse.fallback_a + TOLERANCE_A
    ]


def judge_wiring(changes: Sequence[Change]) -> list[Said]:
    """What is wrong with the meter: what every car on that phase shows alike. Empty when nothing is.

    A single station that is seen elsewhere may be wired so itself; two that are seen elsewhere in the same way aren't.
    """
    found: list[Said] = []
    elsewhere: Counter[tuple[Phase, Phase]] = Counter()
    fitting = 0
    for change in changes:
        if not change.seen:
            found.append(Said("found.unseen", {"key": str(change.key)}))
        for phase, backwards in change.seen:
            if backwards:
                found.append(Said("found.backwards", {"phase": str(phase)}))
        if len(change.used) == 1 and len(change.seen) == 1:
            pair = (change.used[0], change.seen[0][0])
            elsewhere[pair] += pair[0] is not pair[1]
            fitting += pair[0] is pair[1]
    # Two transformers that are swapped shift at most two of the phases; a station that fits on such a phase acquits.
    shifted = {pair for pair, times in elsewhere.items() if times}
    swapped = {pair for pair in shifted if pair[::-1] in shifted or elsewhere[pair] > 1}
    for true, seen in sorted(swapped):
        found.append(Said("found.swapped", {"true": str(true), "seen": str(seen)}))
    return [each for place, each in enumerate(found) if each not in found[:place]]


def misplaced(change: Change) -> Said | None:
    """Why a station isn't wired as the site file says; None when it is, as far as its car shows."""
    seen, key = tuple(phase for phase, _ in change.seen), str(change.key)
    if len(change.used) > 1 and len(change.phases) > 1:
        return Said("found.many_phases", {"key": key, "count": len(change.used)})
    if seen != change.used:
        where = ", ".join(seen) if seen else Said("found.nowhere")
        return Said("found.elsewhere", {"key": key, "used": ", ".join(change.used), "seen": where})
    return None
