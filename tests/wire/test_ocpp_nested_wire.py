"""One controller is a station of another, on real sockets: both are whole daemons."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.cli import findings
from edge.clock import SystemClock
from edge.daemon import Daemon
from simulators.charger.ev import ElectricVehicle
from simulators.charger_v2 import EvseV2, StationV2
from simulators.csms_v2 import CsmsV2
from simulators.ports import free_endpoints
from tests.wire.attack_site import Watchdog, eventually, honest_answer, read_request

SITE = """
[site]
id = "{name}"
[control]
period_s = 0.2
[[circuit]]
id = "{name}"
fuse_a = {fuse_a}
meter = "grid"
background_reserve_a = 6
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://{meter}"
[[station]]
id = "{station}"
circuit = "{name}"
controller = {controller}
[[station.evse]]
id = 1
max_a = 32
fallback_a = 6
[ocpp]
listen = "{listen}"
upstream = "ws://{cloud}/{{station}}"
[api]
listen = "{api}"
[storage]
path = "{storage}"
{more}
"""


# Two controls, one after the other, hold a limit for 5 s before it rises, and each tick in which a loaded machine reads
# no meter puts that off: this ends by its conditions, and the time is only for what never ends.
PATIENCE_S = 90.0


async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An SDM630 that shows 5 A on each phase."""
    try:
        while True:
            writer.write(honest_answer(await read_request(reader)))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


class Nested:
    """The upper controller, the lower one that is its station, and the cloud above both."""

    def __init__(self, folder: Path, version: str) -> None:
        upper_at, lower_at, self._meter_at, cloud_at, upper_api, lower_api = free_endpoints(6)
        own = f'[ocpp.self]\nid = "GW-1"\nupstream = "ws://{upper_at}/{{station}}"\nversion = "{version}"'
        common = {"meter": self._meter_at, "cloud": cloud_at}
        upper = {"name": "upper", "fuse_a": 20, "station": "GW-1", "controller": "true", "listen": upper_at, "more": ""}
        lower = {"name": "lower", "fuse_a": 63, "station": "CP-1", "controller": "false", "listen": lower_at}
        self.lower_at = lower_at
        self.cloud = CsmsV2("2.1", "2.0.1", "1.6")
        self.cloud.port = cloud_at.port
        self.upper = self._daemon(folder / "upper", {**common, **upper, "api": upper_api})
        self.lower = self._daemon(folder / "lower", {**common, **lower, "api": lower_api, "more": own})

    def _daemon(self, folder: Path, values: dict[str, Any]) -> Daemon:
        folder.mkdir()
        file = folder / "site.toml"
        file.write_text(SITE.format(**values, storage=folder), encoding="utf-8")
        return Daemon(findings.read(file), socket=folder / "edge.sock", clock=SystemClock(), watchdog=Watchdog())

    def cloud_heard(self, identity: str) -> set[str]:
        """The actions that the cloud has had of a station."""
        return {action for who, action, _ in self.cloud.heard if who == identity}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Nested"]:
        """All of it."""
        async with AsyncExitStack() as stack:
            server = await asyncio.start_server(meter, self._meter_at.host, self._meter_at.port)
            stack.callback(server.close)
            await self.cloud.start()
            stack.push_async_callback(self.cloud.stop)
            for daemon in (self.upper, self.lower):
                stop = asyncio.Event()
                running = asyncio.create_task(daemon.run(stop))
                stack.push_async_callback(asyncio.wait, [running])
                stack.callback(stop.set)
            yield self


def evse(daemon: Daemon) -> dict[str, Any]:
    """What the only EVSE of a controller's report says."""
    stations = daemon.status()["stations"]
    return dict(stations[0]["evses"][0]) if stations else {}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_controller_is_a_station_of_another(tmp_path: Path, version: str) -> None:
    """The upper one knows what the lower one's site draws, and its limit on that site is the reason of the setpoint of
    a car below both; the cloud of the upper one sees the lower one as any station of its."""
    async with Nested(tmp_path, version).running() as nested:
        await eventually(lambda: evse(nested.upper).get("draw_a") == [5.0, 5.0, 5.0], PATIENCE_S)
        await eventually(lambda: (evse(nested.upper).get("accepted_a") or 0.0) > 11.0, PATIENCE_S)
        station = StationV2("CP-1", [EvseV2(1, 32.0)])
        await station.connect(f"ws://{nested.lower_at}")
        await station.plug(1, ElectricVehicle(phases=3, max_a=32, battery_wh=60_000, soc=0.2, obey_s=0))
        await eventually(lambda: "the cloud allows lower" in evse(nested.lower).get("text", ""), PATIENCE_S)
        await eventually(lambda: {"BootNotification", "MeterValues"} <= nested.cloud_heard("GW-1"), PATIENCE_S)
        assert nested.cloud.invalid == []
        await station.disconnect()
