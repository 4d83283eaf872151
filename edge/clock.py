"""The clock port. Nothing else in the program asks for the time.

Control reckons in monotonic seconds only, so a step of the wall clock (NTP, a real-time clock without battery) can't
move a deadline. Wall time is for what leaves the house: time stamps, schedules written into a charger.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

from edge.units import Seconds

# Before this instant no gateway can have been built: a board without a battery-backed clock wakes up in 1970 or at its
# image's date, and a wall time before this one is not to be believed.
EARLIEST_PLAUSIBLE = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> Seconds:
        """Seconds since an arbitrary start; never goes back."""

    def wall(self) -> datetime:
        """Now, in UTC, as the operating system believes it."""

    def wall_is_trusted(self) -> bool:
        """Whether :meth:`wall` may be shown to others as the time."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> Seconds:
        return time.monotonic()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def wall_is_trusted(self) -> bool:
        return self.wall() >= EARLIEST_PLAUSIBLE
