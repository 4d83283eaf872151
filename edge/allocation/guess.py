"""What cars are reckoned with on phases that they may not be using."""

from dataclasses import dataclass

import numpy as np

from edge.allocation.entitlement import SAMPLE_LIFE_S
from edge.allocation.layout import Floats
from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guess:
    """``amps[row, phase]``: what those whose phases are in doubt were reckoned with in a background, last ``at``.

    Where they don't draw, as much of what flows is the building's. That comes to light when they have come down, with a
    reading that allows for no more than the estimate; at the latest when each car has been sampled.
    """

    at: Seconds
    amps: Floats


def guessed(kept: Guess | None, now_a: Floats, at: Seconds, *, proven: bool) -> Guess | None:
    """What is to be remembered where ``now_a`` is guessed ``at`` a reading, None for nothing.

    ``proven``: the estimate is enough for that reading without any more.
    """
    if kept is None or kept.amps.shape != now_a.shape or proven or at - kept.at >= SAMPLE_LIFE_S:
        return Guess(at=at, amps=now_a) if now_a.any() else None
    again = bool((now_a >= kept.amps).all())
    return Guess(at=at if again else kept.at, amps=np.maximum(kept.amps, now_a))
