"""For which stations that stay away the cloud is dialled, and when: see :mod:`edge.ocpp.courier`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from edge.clock import Clock
from edge.ocpp.station_link import StationLink
from edge.ocpp.upstream import Upstream
from edge.ocpp.versions import Version
from edge.units import Seconds

AT_ONCE = 4  # couriers under way; a site whose power is gone for good leaves many stations behind
LOOK_S: Seconds = 5.0
FIRST_PAUSE_S: Seconds = 60.0  # after an errand that failed, then twice as long each time
LONGEST_PAUSE_S: Seconds = 3600.0

Dial = Callable[[str, Sequence[Version]], Upstream]


class Couriers:
    """Of all stations. A connection tells the cloud that the station is there: so it is dialled only after that has
    been away for ``after_s`` with something owed, and hung up at once when it comes."""

    def __init__(
        self, links: Mapping[str, StationLink], dial: Dial, after_s: Seconds, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._links = links
        self._dial = dial
        self._after_s = after_s
        self._clock = clock
        self._log = log
        self._due_at: dict[str, Seconds] = {}  # of those that are away and owe something
        self._pause_s: dict[str, Seconds] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await asyncio.sleep(min(LOOK_S, self._after_s))
                self._look(self._clock.monotonic())
        finally:
            for identity in list(self._under_way):
                await self.recall(identity)

    async def recall(self, identity: str) -> None:
        """The station is at the door: its courier rings off."""
        task = self._under_way.get(identity)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _look(self, now: Seconds) -> None:
        for identity, link in self._links.items():
            if link.connection is not None or not link.absence.owed:
                self._due_at.pop(identity, None)
                self._pause_s.pop(identity, None)
            elif identity in self._under_way or now < self._due_at.setdefault(identity, now + self._after_s):
                continue
            elif len(self._under_way) < AT_ONCE:
                self._under_way[identity] = asyncio.create_task(self._send(identity, link))

    async def _send(self, identity: str, link: StationLink) -> None:
        try:
            problem = await link.absence.deliver(lambda versions: self._dial(identity, versions), link.spoken)
        except Exception:
            self._log.exception("a fault of the gateway while it delivered for an absent station", station=identity)
            problem = "a fault of the gateway"
        finally:
            del self._under_way[identity]
        if problem is not None:
            pause_s = self._pause_s.get(identity, FIRST_PAUSE_S)
            if identity not in self._pause_s:
                self._log.warning("can't deliver for an absent station", station=identity, problem=problem)
            self._pause_s[identity] = min(2 * pause_s, LONGEST_PAUSE_S)
            self._due_at[identity] = self._clock.monotonic() + pause_s
