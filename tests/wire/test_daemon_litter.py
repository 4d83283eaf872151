"""The whole gateway, and when it looks for its garbage."""

import asyncio
from pathlib import Path

from edge.cli.findings import read
from edge.clock import SystemClock
from edge.control.litter import ALL, NEVER, YOUNG, Litter
from edge.daemon import Daemon
from simulators.ports import free_endpoints
from tests.collector import DEFAULT, FakeCollector

TICKS = 3
PATIENCE_S = 30.0
SITE = """
[site]
id = "harbour-3"
timezone = "Europe/Copenhagen"
[control]
period_s = 0.2
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
[[station]]
id = "CP-01"
circuit = "main"
[[station.evse]]
id = 1
max_a = 32
[ocpp]
listen = "{ocpp}"
upstream = "ws://{cloud}/{{station}}"
[api]
listen = "{api}"
[storage]
path = "{storage}"
"""


class _Watchdog:
    """Sets an event when so many ticks are complete."""

    def __init__(self) -> None:
        self.satisfied = asyncio.Event()
        self._fed = 0

    def ready(self) -> None: ...
    def stopping(self) -> None: ...

    def feed(self) -> None:
        self._fed += 1
        if self._fed > TICKS:
            self.satisfied.set()


async def test_a_gateway_looks_for_garbage_between_its_ticks(tmp_path: Path) -> None:
    """Through all once when it is built, then through what is new; when it has ended, as any program does."""
    ocpp, cloud, api = free_endpoints(3)
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(ocpp=ocpp, cloud=cloud, api=api, storage=tmp_path / "storage"), encoding="utf-8")
    collector, watchdog, stop = FakeCollector(), _Watchdog(), asyncio.Event()
    daemon = Daemon(
        read(file), socket=tmp_path / "edge.sock", clock=SystemClock(), watchdog=watchdog, litter=Litter(collector)
    )
    running = asyncio.create_task(daemon.run(stop))
    async with asyncio.timeout(PATIENCE_S):
        await watchdog.satisfied.wait()
    assert collector.thresholds[ALL] == NEVER
    assert [generation for generation, _ in collector.walked[: 1 + TICKS]] == [ALL, *[YOUNG] * TICKS]
    stop.set()
    await running
    assert collector.thresholds == DEFAULT
