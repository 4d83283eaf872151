"""The gateway in the world: the real daemon on a machine that can be stopped, killed and started again."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from edge.config import Configuration
from edge.daemon import Daemon
from edge.domain.site import EvseKey
from edge.errors import NeedError
from edge.offline_set_up import StorageWriter
from edge.storage.store import Store
from simulators.errors import PeerError
from simulators.world.disk import Disk, WorldWriter
from simulators.world.mqtt_link import WorldMqttLink
from simulators.world.network import Network
from simulators.world.node import start_on, tasks_of
from simulators.world.outside import QuietWatchdog, WorldChance, WorldClock, listen_tcp

GATEWAY: Final = "gateway"


class Gateway:
    """`folder` is its disk: what is in it outlives a restart. Every start has other random numbers. `node` is its
    machine.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        folder: Path,
        clock: WorldClock,
        network: Network,
        seed: int,
        node: str = GATEWAY,
    ) -> None:
        self.node = node
        self.clock = clock
        self.watchdog = QuietWatchdog()
        self.starts = 0
        self.started_at = 0.0  # in the world's time, the last time
        self.disk = Disk(folder / "disk")
        storage = configuration.storage.model_copy(update={"path": str(self.disk.folder)})
        self.write_by: Callable[[Store, Disk], StorageWriter] = WorldWriter
        self._configuration = replace(configuration, storage=storage)
        self._folder = folder
        self._network = network
        self._seed = seed
        self._stop = asyncio.Event()
        self._daemon: Daemon | None = None
        self._running: asyncio.Task[None] | None = None
        self._ends = False

    @property
    def is_up(self) -> bool:
        return self._running is not None and not self._running.done()

    @property
    def folder(self) -> Path:
        """Its disk."""
        return self._folder

    def start(self) -> None:
        """Start the program; it isn't ready yet. One that runs is left alone, as by any service manager."""
        if self.is_up:
            return
        self.starts += 1
        self.started_at = asyncio.get_running_loop().time()
        self._stop = asyncio.Event()
        self._daemon = Daemon(
            self._configuration,
            socket=self._folder / f"edge-{self.starts}.sock",
            clock=self.clock,
            watchdog=self.watchdog,
            chance=WorldChance(f"{self._seed} {self.node} {self.starts}"),
            listen_tcp=listen_tcp,
            mqtt_link=WorldMqttLink,
            write_by=lambda store: self.write_by(store, self.disk),
        )
        self._running = start_on(self.node, self._daemon.run(self._stop))

    def check(self) -> None:
        """Raises PeerError if the program has ended by itself."""
        if self._running is not None and self._running.done() and not self._ends:
            cause = None if self._running.cancelled() else self._running.exception()
            raise PeerError(f"the gateway has ended by itself: {cause!r}") from cause

    def status(self) -> Mapping[str, Any] | None:
        """The report of the running program, as its API would give it."""
        return self._daemon.status() if self._daemon is not None and self.is_up else None

    def site_report(self) -> Mapping[str, Any] | None:
        """What of it the last tick says of the site, for who asks often."""
        return self._daemon.site_report() if self._daemon is not None and self.is_up else None

    def state_need(self, key: EvseKey, energy_wanted_wh: float, departure_at: datetime) -> bool:
        """What `edge need` states; whether it was taken."""
        if self._daemon is None or not self.is_up or self.disk.is_frozen:
            return False
        try:
            self._daemon.needs.state(key, energy_wanted_wh, departure_at)
        except NeedError:
            return False
        return True

    async def stop(self) -> None:
        """SIGTERM, and the orderly end of it."""
        if self._running is None:
            return
        self._ends = True
        self._stop.set()
        await asyncio.wait([self._running], timeout=30.0)
        await self._end()

    async def kill(self) -> None:
        """SIGKILL: no instruction more of it is executed, as far as anybody else can see.

        The kernel resets its connections; what was written before goes out.
        """
        self.disk.freeze(torn=False)
        self._network.reset(self.node)
        self._network.vanish(self.node)
        await self._end()
        self.disk.thaw()

    def hang(self) -> None:
        """Its event loop stands still: nothing that it would do from now on is kept. Who hangs it cuts its links."""
        self.disk.freeze(torn=False)

    async def lose_power(self) -> None:
        """As :meth:`kill`, and its machine is gone: nobody hears of it, and the last write is torn."""
        self._network.vanish(self.node)
        self._network.power(self.node, on=False)
        self.disk.freeze(torn=True)
        await self._end()
        self.disk.thaw()

    async def _end(self) -> None:
        self._ends = True
        for _ in range(8):  # what a task does in its end may start others
            tasks = tasks_of(self.node)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=5.0)
        if self._running is not None:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                self._running.result()
        self._running = self._daemon = None
        self._ends = False
