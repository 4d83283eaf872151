"""What the EVSEs below one circuit draw, for the sake of what flows besides them."""

from dataclasses import dataclass
from typing import TypeAlias

from edge.allocation.layout import Bools, Floats
from edge.units import NO_CURRENT, Amps, PhaseAmps

ThreeAmps: TypeAlias = tuple[Amps, Amps, Amps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Row by row: the bounds, and when each was sampled.

    ``guessed_a`` is ``high_a`` where it isn't known on which phases a row draws, else 0; ``sampled_a`` the newest
    samples, ``clear`` whose tell what flows on which phase; ``told_a`` what each will draw when it has obeyed;
    ``unseen``: one of them may show that soon.
    """

    low_a: Floats
    high_a: Floats
    guessed_a: Floats
    sampled_a: Floats
    clear: Bools
    told_a: Floats
    unseen: bool
    drawn_at: Floats


def total_a(by_row_a: Floats) -> PhaseAmps:
    """Of ``[row, phase]``."""
    return PhaseAmps(*by_row_a.sum(axis=0).tolist()) if len(by_row_a) else NO_CURRENT
