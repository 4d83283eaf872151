"""The gateway as a program: it controls, its resources are bounded, and it spares what wears out."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Final

from simulators.world.oracles.base import Oracle
from simulators.world.world import World

LATE_S: Final = 30.0  # of virtual time between a start and the first tick, or between two ticks
TASKS_PER_STATION: Final = 20  # station, gateway and cloud side of one, with their sockets' own
TASKS_ELSE: Final = 150
ENDS_PER_STATION: Final = 12  # of connections: two links with two ends each, thrice while they are replaced
BYTES_WAITING: Final = 4 * 1024 * 1024
BYTES_ON_DISK: Final = 200 * 1024 * 1024
WRITES_PER_H: Final = 600  # the dearest minute of a session: renewals, 240 raises an hour, and the cuts between them
STARTS_PER_H: Final = 8.0  # a turn lasts a quarter of an hour, so four an hour; twice that is hunting


class GatewayControls(Oracle):
    """While it runs it ticks, and nothing in it fails."""

    name = "alive"
    promise = "the gateway goes on controlling, and nothing in it fails"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._fed = 0
        self._fed_at = 0.0
        self._read = 0

    def look(self) -> None:
        fed, now = self.world.gateway.watchdog.fed, self.world.now()
        if fed != self._fed or not self.world.gateway.is_up:
            self._fed, self._fed_at = fed, now
        elif now - self._fed_at > LATE_S + self.world.period_s + self.grace_s:
            self._fed_at = now
            self.fail(f"the gateway has completed no tick for {LATE_S:g} s")
        for _, level, line in self.world.log_lines[self._read :]:
            if level in ("error", "critical", "exception") and not self.world.is_due(line):
                self.fail(f"the gateway logs a fault of its own: {line}")
        self._read = len(self.world.log_lines)


class BoundedResources(Oracle):
    """Memory, queues and files stay bounded."""

    name = "bounds"
    promise = "tasks, connections, queues and files stay bounded"
    every_s = 60.0

    def look(self) -> None:
        stations = len(self.world.stations)
        found = (
            ("tasks", len(asyncio.all_tasks()), TASKS_ELSE + TASKS_PER_STATION * stations + self.world.own_tasks),
            ("open ends of connections", self.world.network.connections(), 40 + ENDS_PER_STATION * stations),
            ("bytes that wait to be sent", self.world.network.bytes_waiting(), BYTES_WAITING * max(1, stations)),
            ("bytes on the gateway's disk", _size(self.world.gateway.folder), BYTES_ON_DISK),
        )
        for what, count, most in found:
            if count > most:
                self.fail(f"there are {count} {what}, and {most} are enough for anything")


class WritesSpared(Oracle):
    """No profile storm: what a station is told is bounded, for its flash and its queue."""

    name = "writes"
    promise = "no station is told more profiles than its memory bears"
    every_s = 3600.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._before: dict[str, int] = {}

    def look(self) -> None:
        for identity, station in self.world.stations.items():
            received = station.counters.profiles_received
            count = received - self._before.get(identity, 0)
            self._before[identity] = received
            if count > WRITES_PER_H and self.grace_s == 0:
                self.fail(f"{identity} was told {count} profiles in an hour")

    def close(self) -> None:
        self.look()


class ContactorsSpared(Oracle):
    """Cars aren't switched on and off without end. Who plugs in anew starts once more; what starts while a fault makes
    cars start, or a moment after it, isn't counted.
    """

    name = "contactors"
    promise = "no car is started and stopped without end"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._before: dict[int, int] | None = None  # each stay's starts when a fault began that excuses them
        self._excused: Counter[int] = Counter()

    def look(self) -> None:
        if self.grace_s < float("inf"):
            self._excuse()
        elif self._before is None:
            self._before = {id(stay): stay.starts for stay in self.world.parking.all()}

    def _excuse(self) -> None:
        """What began since then."""
        if self._before is None:
            return
        for stay in self.world.parking.all():
            self._excused[id(stay)] += stay.starts - self._before.get(id(stay), 0)
        self._before = None

    def close(self) -> None:
        self._excuse()
        for stay in self.world.parking.all():
            hours = ((stay.left_s or self.world.now()) - stay.at_s) / 3600.0
            starts = stay.starts - self._excused[id(stay)]
            if starts > 4 + stay.plugs + STARTS_PER_H * hours:
                self.fail(f"{stay.label} was started {starts} times in {hours:.1f} h")


def _size(folder: Path | str) -> int:
    size = 0
    with os.scandir(folder) as entries:
        for each in entries:
            size += _size(each.path) if each.is_dir() else each.stat().st_size
    return size
