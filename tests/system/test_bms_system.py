"""The real process with a BMS on both of its interfaces: one truth everywhere, and a will when it is killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pymodbus.client import AsyncModbusTcpClient

from edge.bms.image import image
from edge.bms.mqtt_topics import snapshot
from edge.bms.point import SHAPES, Bank
from edge.bms.points import CONTROL_POINTS, EVSE_BASE, EVSE_POINTS, SITE_POINTS
from edge.bms.registers import encode
from edge.bms.settings import MqttVersion
from edge.cli.findings import read
from edge.web.report import Report
from simulators.ports import free_endpoints
from tests.wire.mqtt_brokers import embedded, watching

BASE = "edge/harbour-3"
START_S = 20.0

SITE = """
[site]
id = "harbour-3"
[control]
mode = "control"
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
listen = "127.0.0.1:{ocpp}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"
[api]
listen = "127.0.0.1:{api}"
[bms.modbus]
listen = "127.0.0.1:{modbus}"
writable = true
limit_timeout_s = 60
fallback_a = 20
[bms.mqtt]
broker = "mqtt://127.0.0.1:{mqtt}"
version = "{version}"
writable = true
limit_timeout_s = 60
fallback_a = 25
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway, its ports, its site file."""

    process: asyncio.subprocess.Process
    file: Path
    api: int
    modbus: int

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{self.api}/api/v1/status")
            report: dict[str, Any] = answer.json()
            return report


@asynccontextmanager
async def gateway(folder: Path, mqtt: int, version: MqttVersion = MqttVersion.V5) -> AsyncIterator[Running]:
    ocpp, cloud, api, modbus = (each.port for each in free_endpoints(4))
    file = folder / "site.toml"
    text = SITE.format(ocpp=ocpp, cloud=cloud, api=api, modbus=modbus, mqtt=mqtt, version=version.value)
    file.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edge",
        "run",
        "--config",
        str(file),
        env=os.environ | {"EDGE_SOCKET": str(folder / "edge.sock")},
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Running(process=process, file=file, api=api, modbus=modbus)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_every_row_says_the_same_over_both_protocols_and_in_the_status(tmp_path: Path) -> None:
    """Site, EVSE and control points of one tick: Modbus, MQTT and the status report are one."""
    async with embedded() as port, watching(port, f"{BASE}/status", f"{BASE}/site/state") as bms:
        async with gateway(tmp_path, port) as running:
            await bms.next(f"{BASE}/status", b"online")
            site = read(running.file).site
            client = AsyncModbusTcpClient("127.0.0.1", port=running.modbus)
            assert await client.connect()
            assert not (await client.write_register(4, 160, device_id=1)).isError()
            for _ in range(10):  # until all three were read between two ticks, with the limit in it
                state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
                lower = (await client.read_input_registers(0, count=EVSE_BASE + 20, device_id=1)).registers
                holding = (await client.read_holding_registers(0, count=10, device_id=1)).registers
                report = await running.status()
                if report["control"]["ticks"] == state["tick"] == lower[2] and state["limit"]["reason"] == "bms":
                    break
            else:
                raise AssertionError("no tick was seen whole")
            client.close()
            Report.model_validate(report)  # as the API describes it
            seen = image(report, site)
            assert snapshot(seen, state["time"]) == state
            assert state["limit"]["limit_a"] == 16.0
            for point in SITE_POINTS:
                words = lower[point.register : point.register + SHAPES[point.kind].words]
                assert tuple(words) == encode(point, seen.site[point.name]), point.name
            (evse,) = seen.evses.values()
            for each in EVSE_POINTS:
                begin = EVSE_BASE + each.register
                words = lower[begin : begin + SHAPES[each.kind].words]
                assert tuple(words) == encode(each, evse[each.name]), each.name
            for point in CONTROL_POINTS:
                if point.bank is Bank.HOLDING:
                    words = holding[point.register : point.register + SHAPES[point.kind].words]
                    assert tuple(words) == encode(point, seen.control[point.name]), point.name
        await bms.next(f"{BASE}/status", b"offline")


async def test_a_gateway_that_is_killed_has_its_will_done(tmp_path: Path) -> None:
    """kill -9: the broker says offline in its place."""
    async with (
        embedded() as port,
        watching(port, f"{BASE}/status") as bms,
        gateway(tmp_path, port, MqttVersion.V3_1_1) as running,
    ):
        await bms.next(payload=b"online")
        running.process.send_signal(signal.SIGKILL)
        await bms.next(payload=b"offline")
