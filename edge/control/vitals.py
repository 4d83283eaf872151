"""The loop's own pulse: what it has done, and whether it is alive."""

from dataclasses import dataclass

from edge.control.ports import Watchdog
from edge.units import Seconds

# A loop that has completed no tick for this many periods isn't controlling.
ALIVE_PERIODS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Counts since the start."""

    ticks: int = 0
    missed_ticks: int = 0
    last_tick_at: Seconds | None = None
    last_tick_s: Seconds = 0.0


class Vitals:
    """Counts ticks and feeds the watchdog, with completed ticks only."""

    def __init__(self, watchdog: Watchdog, period_s: Seconds) -> None:
        self._watchdog = watchdog
        self._period_s = period_s
        self.pulse = Pulse()

    def completed(self, *, at: Seconds, took_s: Seconds) -> None:
        """A tick has run to its end."""
        pulse = self.pulse
        if pulse.ticks == 0:
            self._watchdog.ready()
        self.pulse = Pulse(ticks=pulse.ticks + 1, missed_ticks=pulse.missed_ticks, last_tick_at=at, last_tick_s=took_s)
        self._watchdog.feed()

    def missed(self, count: int) -> None:
        """Ticks whose time went by while one before was still running."""
        pulse = self.pulse
        self.pulse = Pulse(
            ticks=pulse.ticks,
            missed_ticks=pulse.missed_ticks + count,
            last_tick_at=pulse.last_tick_at,
            last_tick_s=pulse.last_tick_s,
        )

    def alive(self, now: Seconds) -> bool:
        """Whether a tick was completed lately."""
        last = self.pulse.last_tick_at
        return last is not None and now - last <= ALIVE_PERIODS * self._period_s
