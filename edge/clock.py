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


STEP_S: Seconds = 60.0  # in a day: more than a quartz of 500 ppm loses, and than NTP slews
DAY_S: Seconds = 86_400.0
SET_S: Seconds = 5.0  # a clock that differs by more was set, whatever its quartz does in a week


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


class Stamp:
    """When something was written down. :meth:`has_moved` tells that the wall clock was set since: whoever reckons from
    what stands there how long ago that was would be wrong by as much.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lead_s = self._lead()

    def has_moved(self) -> bool:
        """Whether the clock is set now, and wasn't then, or was by more than ``SET_S`` otherwise."""
        lead_s = self._lead()
        return lead_s is not None and (self._lead_s is None or abs(lead_s - self._lead_s) > SET_S)

    def _lead(self) -> Seconds | None:
        """Of the wall clock before the monotonic one; None while it isn't set."""
        return self._clock.wall().timestamp() - self._clock.monotonic() if self._clock.wall_is_trusted() else None


class SteadyDay:
    """Whether the wall clock has kept pace with the monotonic one for a day.

    What is thrown away for its age is gone for good, and a clock that was set wrong makes all of it old. So nobody
    throws anything away for its age until a day has passed without a step, nor before the clock is set.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin()

    def has_passed(self) -> bool:
        """Whether it has, since the start, the last step, and the last time that this was so."""
        if self._clock.monotonic() - self._since < DAY_S:
            return False
        steady = abs(self._lead_s() - self._lead_then_s) <= STEP_S and self._clock.wall_is_trusted()
        self._begin()
        return steady

    def _begin(self) -> None:
        self._since = self._clock.monotonic()
        self._lead_then_s = self._lead_s()

    def _lead_s(self) -> Seconds:
        return self._clock.wall().timestamp() - self._clock.monotonic()
