"""The proof that a meter is wired as the site file says: a known load must appear on its phase, as a draw.
Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.units import PHASES, Amps, Phase, PhaseAmps

# Of the load's current: less is not the load, or another phase's share of it.
LEAST_SHARE = 0.5
MOST_SHARE = 1.8  # a kettle's rating and the mains' voltage are only roughly known
QUIET_SHARE = 0.35  # what the other phases may do meanwhile


class Verdict(StrEnum):
    """What a load on one phase has shown."""

    RIGHT = "right"
    BACKWARDS = "backwards"
    ELSEWHERE = "elsewhere"
    ELSEWHERE_BACKWARDS = "elsewhere, backwards"
    NOT_SEEN = "not seen"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What became of the load on ``phase``."""

    phase: Phase
    verdict: Verdict
    seen_on: Phase | None
    change_a: PhaseAmps

    @property
    def is_right(self) -> bool:
        """Whether it appeared where and as it must."""
        return self.verdict is Verdict.RIGHT

    def sentence(self) -> str:
        """What was seen, and which wire to move."""
        l1_a, l2_a, l3_a = self.change_a
        numbers = f"(change: L1 {l1_a:+.1f} A, L2 {l2_a:+.1f} A, L3 {l3_a:+.1f} A)"
        turn = f"turn the current transformer on the meter's {self.seen_on} round, or swap its two wires (S1, S2)"
        move = f"move the transformer that is on {self.phase} from the meter's {self.seen_on} to its {self.phase}"
        return {
            Verdict.RIGHT: f"{self.phase}: right {numbers}",
            Verdict.BACKWARDS: f"{self.phase}: counts backwards {numbers}; {turn}",
            Verdict.ELSEWHERE: f"{self.phase} appears as {self.seen_on} {numbers}; {move}",
            Verdict.ELSEWHERE_BACKWARDS: f"{self.phase} appears as {self.seen_on} and backwards {numbers}; {move}; "
            "then turn it round",
            Verdict.NOT_SEEN: f"{self.phase}: the load is not seen {numbers}; check that it runs, that it is behind "
            "this meter, and that the current transformer is closed and connected",
            Verdict.UNCLEAR: f"{self.phase}: unclear {numbers}; other loads changed meanwhile: try again",
        }[self.verdict]


def level(readings: Sequence[PhaseAmps]) -> PhaseAmps:
    """The middle of some readings, phase by phase."""
    return PhaseAmps(*(statistics.median(phase) for phase in zip(*readings, strict=True)))


def shown(phase: Phase, load_a: Amps, before: PhaseAmps, during: PhaseAmps) -> Shown:
    """What a load of ``load_a`` on ``phase``, switched on between the two levels, has shown.

    A charger that draws on several phases is judged phase by phase: see :func:`stepped`.
    """
    change = during - before
    moved = [each for each in PHASES if abs(change[each]) >= LEAST_SHARE * load_a]
    quiet = all(abs(change[each]) <= QUIET_SHARE * load_a for each in PHASES if each not in moved)
    if not moved:
        verdict = Verdict.NOT_SEEN if quiet else Verdict.UNCLEAR
        return Shown(phase=phase, verdict=verdict, seen_on=None, change_a=change)
    if len(moved) > 1 or not quiet or abs(change[moved[0]]) > MOST_SHARE * load_a:
        return Shown(phase=phase, verdict=Verdict.UNCLEAR, seen_on=None, change_a=change)
    return Shown(phase=phase, verdict=_verdict(moved[0] is phase, change[moved[0]]), seen_on=moved[0], change_a=change)


def stepped(phases: Sequence[Phase], step_a: Amps, before: PhaseAmps, during: PhaseAmps) -> tuple[Shown, ...]:
    """What a charger's step by ``step_a`` on each of ``phases`` has shown, phase by phase.

    With one phase it proves place and direction; with three only the direction, as the phases can't be told apart.
    """
    if len(phases) == 1:
        return (shown(phases[0], step_a, before, during),)
    change = during - before
    found = []
    for phase in PHASES:
        share = change[phase] / step_a
        if phase not in phases:
            verdict = None if abs(share) <= QUIET_SHARE else Verdict.UNCLEAR
        elif not LEAST_SHARE <= abs(share) <= MOST_SHARE:
            verdict = Verdict.NOT_SEEN if abs(share) < LEAST_SHARE else Verdict.UNCLEAR
        else:
            verdict = _verdict(here=True, change_a=change[phase] * math.copysign(1.0, step_a))
        if verdict is not None:
            found.append(Shown(phase=phase, verdict=verdict, seen_on=phase, change_a=change))
    return tuple(found)


def _verdict(here: bool, change_a: Amps) -> Verdict:
    if here:
        return Verdict.RIGHT if change_a > 0 else Verdict.BACKWARDS
    return Verdict.ELSEWHERE if change_a > 0 else Verdict.ELSEWHERE_BACKWARDS
