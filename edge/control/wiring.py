"""What steps of the chargers' currents say of how a meter's current transformers are wired. Pure.

When a charger's draw steps on a phase, the meter's current must step on that phase, by as much and in that direction.
Where it does so on another phase or the other way round, and does so again and again, the transformers (or the
charger's phases) are wired otherwise than the site file says. All 48 ways to swap and turn three transformers are held
against the last steps; one is believed when it explains them and the site file doesn't.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from edge.units import PHASES, PhaseAmps

LEAST_STEPS = 4  # that the belief and the site file would show differently
# Shares of what the steps' squares come to. Other loads step too, so the fit is never perfect; what they do has nothing
# to do with the chargers, so it doesn't favour one wiring over another for long.
MOST_UNEXPLAINED = 0.35
LEAST_GAIN = 0.6
EQUAL = 1e-9  # what the arithmetic may make of two that explain the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a charger's draw changed by, by the phases of the site file, and what the meter's currents changed by."""

    drawn_a: PhaseAmps
    measured_a: PhaseAmps


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where each phase's current is seen, L1 to L3: the index of the phase, and 1 or -1 for its direction."""

    seen_on: tuple[int, int, int] = (0, 1, 2)
    sign: tuple[int, int, int] = (1, 1, 1)

    @property
    def is_as_told(self) -> bool:
        """Whether this is what the site file says."""
        return self == Wiring()

    @property
    def changes(self) -> int:
        """How many phases are otherwise than the site file says; a turned one counts as one more."""
        moved = sum(index != seen for index, seen in enumerate(self.seen_on))
        return moved + sum(sign < 0 for sign in self.sign)

    def shown(self, drawn_a: PhaseAmps) -> PhaseAmps:
        """What the meter shows of a draw when it is wired so."""
        shown = [0.0, 0.0, 0.0]
        for current_a, seen, sign in zip(drawn_a, self.seen_on, self.sign, strict=True):
            shown[seen] += sign * current_a
        return PhaseAmps(*shown)

    def sentences(self) -> Iterator[str]:
        """What is otherwise, and what to do about it."""
        moved = [
            f"{PHASES[index]} appears as {PHASES[seen]}" for index, seen in enumerate(self.seen_on) if index != seen
        ]
        if moved:
            yield f"{', '.join(moved)}; check the order of the current transformers (clamps)"
        for index, (seen, sign) in enumerate(zip(self.seen_on, self.sign, strict=True)):
            if sign < 0:
                yield (
                    f"{PHASES[index]} counts backwards; turn the current transformer on the meter's {PHASES[seen]} "
                    "round, or swap its two wires"
                )


# The fewest changes first: of those that explain the steps alike, the simplest is believed.
WIRINGS = tuple(
    sorted(
        (
            Wiring((order[0], order[1], order[2]), (signs[0], signs[1], signs[2]))
            for order in permutations(range(3))
            for signs in product((1, -1), repeat=3)
        ),
        key=lambda wiring: wiring.changes,
    )
)


def believed(steps: Sequence[Step]) -> Wiring | None:
    """The wiring that the steps speak for; None when they don't suffice to say."""
    if len(steps) < LEAST_STEPS:
        return None
    drawn = sum(_square(step.drawn_a) for step in steps)
    measured = sum(_square(step.measured_a) for step in steps)
    # A wiring only moves and turns what is drawn, so what it leaves unexplained follows from these products alone.
    products = _products(steps)
    best = WIRINGS[0]
    least = math.inf
    for wiring in WIRINGS:
        along = sum(
            sign * products[seen][phase]
            for phase, (seen, sign) in enumerate(zip(wiring.seen_on, wiring.sign, strict=True))
        )
        unexplained = drawn + measured - 2 * along
        if unexplained < least - EQUAL * (drawn + measured):
            best, least = wiring, unexplained
    if best.is_as_told:
        return best if least <= MOST_UNEXPLAINED * drawn else None
    return best if _is_clear(best, steps) else None


def _products(steps: Sequence[Step]) -> list[list[float]]:
    """``[i][j]``: what was measured on phase i times what was drawn on phase j, summed."""
    sums = [[0.0] * len(PHASES) for _ in PHASES]
    for step in steps:
        for row, measured_a in zip(sums, step.measured_a, strict=True):
            for index, drawn_a in enumerate(step.drawn_a):
                row[index] += measured_a * drawn_a
    return sums


def _is_clear(wiring: Wiring, steps: Sequence[Step]) -> bool:
    """Whether the steps in which ``wiring`` and the site file differ speak for ``wiring``."""
    as_told = Wiring()
    telling = [step for step in steps if wiring.shown(step.drawn_a) != step.drawn_a]
    if len(telling) < LEAST_STEPS:
        return False
    drawn = sum(_square(step.drawn_a) for step in telling)
    apart = sum(_square(wiring.shown(step.drawn_a) - step.drawn_a) for step in telling)
    unexplained = sum(_square(step.measured_a - wiring.shown(step.drawn_a)) for step in telling)
    otherwise = sum(_square(step.measured_a - as_told.shown(step.drawn_a)) for step in telling)
    return unexplained <= MOST_UNEXPLAINED * drawn and otherwise - unexplained >= LEAST_GAIN * apart


def _square(amps: PhaseAmps) -> float:
    return sum(each * each for each in amps)
