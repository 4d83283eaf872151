"""What is done for all stations from time to time: deadlines, certificates, stuck peers, looks at what was sent."""

import asyncio
import itertools
import math
from collections.abc import Callable, Collection, Mapping

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection

from edge.clock import Clock
from edge.ocpp.sending import cut_if_stuck, waiting
from edge.ocpp.sockets import peer_address
from edge.ocpp.stalled import STALLED, WHY, cut_largest
from edge.ocpp.station_link import StationLink
from edge.ocpp.timings import LinkTimings

TURNS = 8  # ticks in which all stations are asked for such messages
LOOKS_PER_TICK = 4  # messages checked against their schemas: some milliseconds


class Ticker:
    """A fault at one station's deadline is logged, and the others have theirs."""

    def __init__(
        self,
        links: Mapping[str, StationLink],
        connections: Collection[ServerConnection],
        refresh_certificates: Callable[[], None],
        clock: Clock,
        timings: LinkTimings,
        log: FilteringBoundLogger,
    ) -> None:
        self._links = links
        self._connections = connections
        self._refresh_certificates = refresh_certificates
        self._clock = clock
        self._timings = timings
        self._log = log
        self._to_diagnose = itertools.cycle(links.values())

    async def run(self) -> None:
        """Until cancelled."""
        refreshed_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._timings.tick_every_s)
            if self._clock.monotonic() - refreshed_at >= self._timings.certificates_every_s:
                refreshed_at = self._clock.monotonic()
                self._refresh_certificates()
            now = self._clock.monotonic()
            for identity, link in self._links.items():
                if link.due_at > now:
                    continue
                try:
                    link.tick()
                except Exception:
                    self._log.exception("a fault of the gateway at a station's deadline", station=identity)
            self._diagnose()
            for connection in waiting(self._connections):
                if (why := cut_if_stuck(connection)) is not None:
                    self._log.info("cut a connection off", address=peer_address(connection), why=why)
            for stalled in cut_largest(STALLED):
                self._log.warning("cut a connection off", address=peer_address(stalled), why=WHY)

    def _diagnose(self) -> None:
        """Look at a few messages, of some stations in turn."""
        looks = 0
        for link in itertools.islice(self._to_diagnose, math.ceil(len(self._links) / TURNS)):
            looks += link.diagnose()
            if looks >= LOOKS_PER_TICK:
                return
