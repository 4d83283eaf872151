"""A discrete-event world without a loop: what is due next happens next, at its time."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from edge.units import Seconds
from tests.virtual_time import EPOCH


class Agenda:
    """What is due when; also the clock port of all who live by it.

    Things due at the same time happen in the order in which they were put down.
    """

    def __init__(self, start: Seconds = 1000.0) -> None:
        self.now = start
        self._due: list[tuple[Seconds, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: Seconds, happening: Callable[[], None]) -> None:
        """Let it happen at a time; at once when that is past."""
        self._count += 1
        heapq.heappush(self._due, (max(when, self.now), self._count, happening))

    def after(self, delay_s: Seconds, happening: Callable[[], None]) -> None:
        """Let it happen after a while."""
        self.at(self.now + delay_s, happening)

    def every(self, period_s: Seconds, happening: Callable[[], None], *, offset_s: Seconds = 0.0) -> None:
        """Let it happen again and again; the times don't drift."""
        start = self.now + offset_s

        def happen(number: int) -> None:
            happening()
            self.at(start + (number + 1) * period_s, lambda: happen(number + 1))

        self.at(start, lambda: happen(0))

    def run_until(self, end: Seconds) -> None:
        """Let everything happen that is due before the end or at it."""
        while self._due and self._due[0][0] <= end:
            self.now, _, happening = heapq.heappop(self._due)
            happening()
        self.now = end

    def monotonic(self) -> Seconds:
        return self.now

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now)

    def wall_is_trusted(self) -> bool:
        return True
