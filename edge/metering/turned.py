"""A meter whose signs turn in the middle of a run: what was drawn is suddenly fed in, ampere for ampere. Pure.

A setting of the meter, a new version of what publishes it, or wires that are put back the other way round do that. No
sun and no battery does: what feeds in on three phases changes all of them alike, and what changes one of them leaves
the others. So where phases that carried unlike currents all show the same currents the other way within one poll, it
is the signs that have turned. What flows then counts as drawn, whichever way it is shown, until the meter shows a draw
again; a site on which that is wrong loses what it feeds in for so long.
"""

from dataclasses import replace
from typing import Final

from edge.metering.sample import Sample
from edge.units import Amps, PhaseAmps, Seconds, Watts

LONGEST_S: Final[Seconds] = 3.0  # between the two samples: in more time loads change
CLEAR_A: Final[Amps] = 4.0  # a phase that carries less tells little of its direction
CLEAR_PHASES: Final = 2  # on one phase a kettle may do it
# By how much the loads may have changed meanwhile.
ALIKE_A: Final[Amps] = 1.0
ALIKE: Final = 0.03
# The phases differ by so much, twice what may have changed: one cause that is alike on all can't be taken for a turn.
UNLIKE_A: Final[Amps] = 3.0
UNLIKE: Final = 0.06  # of the largest

WHY: Final = (
    "all its currents have turned round at once: they count as drawn until it shows a draw again; "
    "check its direction in the meter, or in what publishes it"
)


class Turned:
    """Watches one meter's samples for that."""

    def __init__(self) -> None:
        self._before: tuple[PhaseAmps, Seconds] | None = None
        self._is_turned = False

    def take(self, current_a: PhaseAmps | None, at: Seconds) -> bool:
        """Whether the signs are turned in this sample, whose currents are as the meter shows them."""
        before, self._before = self._before, (current_a, at) if current_a is not None else None
        if current_a is None:
            return self._is_turned
        if self._is_turned:
            self._is_turned = sum(current_a) < CLEAR_A
        elif before is not None and at - before[1] <= LONGEST_S:
            self._is_turned = _is_mirrored(before[0], current_a)
        return self._is_turned


def drawn(of: Sample) -> Sample:
    """The sample with all that it shows as drawn."""
    first_w, second_w, third_w = map(_magnitude, of.power_w)
    return replace(
        of,
        current_a=tuple(map(_magnitude, of.current_a)),
        power_w=(first_w, second_w, third_w),
        total_w=_magnitude(of.total_w),
    )


def _is_mirrored(before_a: PhaseAmps, now_a: PhaseAmps) -> bool:
    """Whether what was drawn is now fed in, on phases that can't have changed by one cause."""
    largest = max(map(abs, before_a))
    return (
        sum(before_a) > 0
        and sum(abs(amps) >= CLEAR_A for amps in before_a) >= CLEAR_PHASES
        and max(before_a) - min(before_a) >= max(UNLIKE_A, UNLIKE * largest)
        and all(
            abs(before + now) <= max(ALIKE_A, ALIKE * abs(before)) for before, now in zip(before_a, now_a, strict=True)
        )
    )


def _magnitude(value: Amps | Watts | None) -> float | None:
    return None if value is None else abs(value)
