"""What the gateway gets of the world in place of the operating system: time, chance and a place to listen."""

import random
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from edge.clock import EARLIEST_PLAUSIBLE
from simulators.world.network import VirtualSocket

UPTIME_S: Final = 1000.0  # what the machine's monotonic clock shows when the world begins: any number but 0
IMAGE_DATE: Final = datetime(1970, 1, 1, tzinfo=UTC)  # where a board without a battery-backed clock wakes up


class WorldClock:
    """Implements :class:`edge.clock.Clock` for one machine, whose world began ``begins_at``; ``now``: seconds since.
    Its wall clock may be wrong: ``step_s`` ahead of the truth, or ``unset``.
    """

    def __init__(self, begins_at: datetime, now: Callable[[], float]) -> None:
        self._begins_at = begins_at
        self._now = now
        self.step_s = 0.0
        self.unset_since: float | None = None
        self._shown = (-1.0, 0.0, begins_at)  # the moment and the step that its wall clock was last read at, and that

    @property
    def is_right(self) -> bool:
        """Whether it shows the true time."""
        return self.step_s == 0.0 and self.unset_since is None

    def monotonic(self) -> float:
        return UPTIME_S + self._now()

    def wall(self) -> datetime:
        now = self._now()
        if self.unset_since is not None:
            return IMAGE_DATE + timedelta(seconds=now - self.unset_since)
        at, step_s, shown = self._shown
        if at != now or step_s != self.step_s:  # it is read several times for each message
            shown = self._begins_at + timedelta(seconds=now + self.step_s)
            self._shown = now, self.step_s, shown
        return shown

    def wall_is_trusted(self) -> bool:
        return self.wall() >= EARLIEST_PLAUSIBLE


class WorldChance:
    """Implements :class:`edge.chance.Chance`: the same seed, the same numbers."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def fraction(self) -> float:
        return self._random.random()

    def token(self, size: int) -> str:
        return self._random.randbytes(size).hex()


class QuietWatchdog:
    """Implements :class:`edge.control.ports.Watchdog`: counts what a service manager would be told."""

    def __init__(self) -> None:
        self.fed = 0
        self.is_ready = False

    def ready(self) -> None:
        self.is_ready = True

    def feed(self) -> None:
        self.fed += 1

    def stopping(self) -> None:
        self.is_ready = False


def listen_tcp(host: str, port: int) -> socket.socket:
    """A socket to listen on, of the loop's network."""
    return cast(socket.socket, VirtualSocket(address=(host, port)))
