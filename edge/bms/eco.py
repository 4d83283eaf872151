"""Mode eco: the building asks that all cars charge on the sun's surplus alone. It ends by itself, as a limit does."""

from enum import StrEnum

from edge.domain.limit import LimitSource
from edge.units import Seconds


class BmsMode(StrEnum):
    """What the building may ask for beside a limit."""

    AUTO = "auto"
    PAUSE = "pause"  # nobody charges: as a limit of 0 A
    ECO = "eco"  # all charge on the sun's surplus alone


class EcoMode:
    """Who asks for it, and until when. ``possible``: the site has a meter that shows surplus; else nobody may ask."""

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        self._until: dict[LimitSource, Seconds] = {}

    def ask(self, source: LimitSource, *, until: Seconds) -> None:
        """It holds for this source until then, unless it asks anew."""
        self._until[source] = until

    def take_back(self, source: LimitSource) -> None:
        """The source asks for it no more."""
        self._until.pop(source, None)

    def left_s(self, source: LimitSource, now: Seconds) -> Seconds:
        """How long it still holds for this source; 0 where that doesn't ask for it."""
        return max(self._until.get(source, now) - now, 0.0)

    def remaining_s(self, now: Seconds) -> Seconds | None:
        """How long it still holds; None where it doesn't."""
        left_s = max((until - now for until in self._until.values()), default=0.0)
        return left_s if left_s > 0 else None

    def holds(self, now: Seconds) -> bool:
        """Whether anybody asks for it and hasn't fallen silent."""
        return self.remaining_s(now) is not None
