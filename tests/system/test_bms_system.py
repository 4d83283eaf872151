"""The real process with a BMS on both of its interfaces: one truth everywhere, and a will when it is killed."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymodbus.client import AsyncModbusTcpClient

from edge.bms.image import Image, image
from edge.bms.mqtt_topics import Topics, snapshot
from edge.bms.point import SHAPES, Bank, Point
from edge.bms.points import (
    CIRCUIT_BASE,
    CIRCUIT_POINTS,
    CIRCUIT_STRIDE,
    CONTROL_POINTS,
    EVSE_BASE,
    EVSE_POINTS,
    EVSE_STRIDE,
    SITE_POINTS,
)
from edge.bms.registers import encode
from edge.bms.settings import MqttVersion
from edge.bms.view import Value
from edge.cli.findings import read
from edge.language import Speaker
from edge.web.report import Report
from edge.web.words import on_control
from simulators.ports import free_endpoints
from tests.forked import Started, started
from tests.wire.meter_lines import line, simulated
from tests.wire.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Watcher, embedded, mosquitto, watching

BASE = "edge/harbour-3"
PERIOD_S = 1.0
MOST_OF_A_CORE = 0.5
START_S = 60.0  # on a machine that is busy

SITE = """
[site]
id = "harbour-3"
[control]
mode = "control"
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[circuit]]
id = "garage"
parent = "main"
fuse_a = 40
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "{meter}"
[[station]]
id = "CP-01"
circuit = "garage"
[[station.evse]]
id = 1
max_a = 32
[ocpp]
listen = "127.0.0.1:{ocpp}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"
[api]
listen = "127.0.0.1:{api}"
[storage]
path = "{storage}"
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
[grid]
circuit = "garage"
"""
Start = Callable[[], AbstractAsyncContextManager[int]]


@pytest.fixture(
    params=["embedded", pytest.param("mosquitto", marks=pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO))]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """How to start each kind of broker."""
    return embedded if request.param == "embedded" else lambda: mosquitto(tmp_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway, its ports, its site file."""

    process: Started
    file: Path
    api: int
    modbus: int

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{self.api}/api/v1/status")
            report: dict[str, Any] = answer.json()
            return report

    async def page(self) -> str:
        """As a browser reads it."""
        async with httpx.AsyncClient() as client:
            return unescape((await client.get(f"http://127.0.0.1:{self.api}/")).text)

    @asynccontextmanager
    async def master(self) -> AsyncIterator[AsyncModbusTcpClient]:
        client = AsyncModbusTcpClient("127.0.0.1", port=self.modbus, retries=0, timeout=20)
        assert await client.connect()
        try:
            yield client
        finally:
            client.close()


@asynccontextmanager
async def gateway(folder: Path, mqtt: int, version: MqttVersion = MqttVersion.V5) -> AsyncIterator[Running]:
    """The process, with a meter that it reads."""
    ocpp, cloud, api, modbus = (each.port for each in free_endpoints(4))
    file = folder / "site.toml"
    async with line("tcp", {1: simulated("eastron_sdm630")}, folder) as meter:
        text = SITE.format(
            ocpp=ocpp,
            cloud=cloud,
            api=api,
            modbus=modbus,
            mqtt=mqtt,
            version=version.value,
            meter=meter,
            storage=folder / "store",
        )
        file.write_text(text, encoding="utf-8")
        env = os.environ | {"EDGE_SOCKET": str(folder / "edge.sock")}
        process = await asyncio.to_thread(started, "edge", "run", "--config", str(file), env=env)
        try:
            yield Running(process=process, file=file, api=api, modbus=modbus)
        finally:
            process.send(signal.SIGTERM)
            await process.wait()


def rows_of(seen: Image, circuits: Sequence[str]) -> Iterator[tuple[int, Point[Any], Value]]:
    """Every telemetry row: its input register, the point, its value in the image."""
    for point in SITE_POINTS:
        yield point.register, point, seen.site[point.name]
    for number, values in enumerate(seen.evses.values()):
        for each in EVSE_POINTS:
            yield EVSE_BASE + number * EVSE_STRIDE + each.register, each, values[each.name]
    for number, circuit in enumerate(circuits):
        for row in CIRCUIT_POINTS:
            yield CIRCUIT_BASE + number * CIRCUIT_STRIDE + row.register, row, seen.circuits[circuit][row.name]


async def test_every_row_says_the_same_over_both_protocols_and_in_the_status(tmp_path: Path, broker: Start) -> None:
    """Site, circuit, EVSE and control points of one tick: Modbus, MQTT's snapshot and topics, and the status."""
    async with broker() as port, watching(port, f"{BASE}/status", f"{BASE}/site/state") as bms:
        async with gateway(tmp_path, port) as running:
            await bms.next(f"{BASE}/status", b"online")
            async with running.master() as client:
                await all_agree(port, bms, running, client)
        await bms.next(f"{BASE}/status", b"offline")


async def all_agree(port: int, bms: Watcher, running: Running, client: AsyncModbusTcpClient) -> None:
    """With limits of two sources and a meter's reading in it."""
    site = read(running.file).site
    assert not (await client.write_registers(2, [0, 11000, 160, 0], device_id=1)).isError()
    assert not (await client.write_coil(0, True, device_id=1)).isError()
    for _ in range(20):  # until all were read between two ticks
        state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
        lower = (await client.read_input_registers(0, count=EVSE_BASE + 20, device_id=1)).registers
        upper = (await client.read_input_registers(CIRCUIT_BASE, count=40, device_id=1)).registers
        holding = (await client.read_holding_registers(0, count=10, device_id=1)).registers
        coil = (await client.read_coils(0, count=1, device_id=1)).bits[0]
        report = await running.status()
        whole = report["control"]["ticks"] == state["tick"] == lower[2]
        by = [each["reason"] for each in report["limits"]["effective"]]
        if whole and by == ["bms", "grid"] and report["meters"][0]["ok"]:
            break
    else:
        raise AssertionError(f"no tick was seen whole: {state} {lower[:3]} {report}")
    Report.model_validate(report)  # as the API describes it
    seen = image(report, site)
    assert snapshot(seen, state["time"]) == state
    assert state["limit"]["limit_w"] == 11000.0
    assert state["limit"]["reason"] == "bms"
    for begin, point, value in rows_of(seen, [circuit.id for circuit in site.circuits]):
        memory, offset = (upper, begin - CIRCUIT_BASE) if begin >= CIRCUIT_BASE else (lower, begin)
        assert tuple(memory[offset : offset + SHAPES[point.kind].words]) == encode(point, value), point.name
    for control in CONTROL_POINTS:
        if control.bank is Bank.HOLDING:
            words = holding[control.register : control.register + SHAPES[control.kind].words]
            assert tuple(words) == encode(control, seen.control[control.name]), control.name
        else:
            assert coil is seen.control[control.name] is True
    await scalars_agree(port, report, Topics(site.id), seen)
    limits = [
        said.text.split(", for ")[0] for said in on_control(Speaker("en"), report)
    ]  # how long is another each second
    page = await running.page()
    assert len(limits) == 2
    assert all(f">{limit}" in page for limit in limits)


async def scalars_agree(port: int, report: Mapping[str, Any], topics: Topics, seen: Image) -> None:
    """Who comes now finds each point's newest value retained; of those that stand still, that of the tick."""
    said = {message.topic: message.payload for message in topics.tick(seen, time=None) if message.retain}
    moving = ("heartbeat", "age_s", "remaining_s", "limit/effective", "bms_heartbeat", "_wh")
    still = {topic: payload for topic, payload in said.items() if payload and not topic.endswith(moving)}
    assert len(still) > 40, report["meters"]
    async with watching(port, f"{BASE}/#") as late:
        async with asyncio.timeout(START_S):
            while still:
                message = await late.next()
                if message.retain and message.topic.value in still:
                    assert message.payload == still.pop(message.topic.value), message.topic.value


async def test_a_limit_is_effective_in_the_next_tick_and_a_flood_changes_nothing(tmp_path: Path, broker: Start) -> None:
    """It is answered, holds in the next tick and ends in the fallback; 10,000 messages of junk and 3,000 writes as fast
    as they are answered change no other limit, cost no tick, and leave the gateway the better part of its core.
    """
    topics = (f"{BASE}/status", f"{BASE}/cmd/limit/ack", f"{BASE}/site/state")
    async with broker() as port, watching(port, *topics) as bms, gateway(tmp_path, port) as running:
        await bms.next(f"{BASE}/status", b"online")
        await bms.next(f"{BASE}/site/state")
        command = {"id": "a", "ts": datetime.now(UTC).isoformat(), "max_a": 12, "valid_s": 3}
        await bms.send(f"{BASE}/cmd/limit", json.dumps(command))
        answer = json.loads((await bms.next(f"{BASE}/cmd/limit/ack")).payload)
        assert (answer["id"], answer["accepted"], answer["effective"]["limit_a"]) == ("a", True, 12.0)
        state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
        assert (state["limit"]["limit_a"], state["limit"]["source"]) == (12.0, "bms_mqtt")
        while state["limit"]["reason"] == "bms":
            state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
        assert (state["limit"]["reason"], state["limit"]["limit_a"]) == ("fallback", 25.0)
        before, used, began_at = (await running.status())["control"], Used.by(running.process.pid), time.monotonic()
        async with AsyncExitStack() as stack:
            masters = [await stack.enter_async_context(running.master()) for _ in range(3)]
            await asyncio.gather(junk(bms), *(flood(master) for master in masters))
        after, lasted_s = await running.status(), time.monotonic() - began_at
        cost = Used.by(running.process.pid).since(used)
        assert after["control"]["ticks"] > before["ticks"]
        # Each tick that was missed is one that the kernel kept the processor from, for as long as that.
        assert after["control"]["missed_ticks"] - before["missed_ticks"] <= cost.kept_waiting_s // PERIOD_S
        assert cost.worked_s < MOST_OF_A_CORE * lasted_s
        (stated,) = (each for each in after["limits"]["stated"] if each["source"] == "bms_mqtt")
        assert (stated["is_fallback"], stated["limit_a"]) == (True, 25.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a process had of the processor, and for how long it was ready to run and had none (proc(5), schedstat)."""

    worked_s: float
    kept_waiting_s: float

    @classmethod
    def by(cls, pid: int) -> "Used":
        worked_ns, kept_waiting_ns, _ = map(int, Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split())
        return cls(worked_s=worked_ns / 1e9, kept_waiting_s=kept_waiting_ns / 1e9)

    def since(self, before: "Used") -> "Used":
        return Used(
            worked_s=self.worked_s - before.worked_s, kept_waiting_s=self.kept_waiting_s - before.kept_waiting_s
        )


async def flood(master: AsyncModbusTcpClient) -> None:
    """1,000 writes, each as soon as the one before it is answered: a server that keeps up lets 400 a second in."""
    for number in range(1000):
        assert not (await master.write_register(4, 300 + number % 10, device_id=1)).isError()


async def junk(bms: Watcher) -> None:
    """10,000 messages that are no commands, some of them retained."""
    for number in range(10_000):
        await bms.send(f"{BASE}/cmd/limit", b"\xff{junk %d" % number, qos=0, retain=number % 100 == 0)


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed (apt-get install mbpoll)")
async def test_mbpoll_limits_the_running_gateway(tmp_path: Path) -> None:
    """Debian's master writes 16 A; the next tick's status has it."""
    async with embedded() as port, watching(port, f"{BASE}/site/state") as bms, gateway(tmp_path, port) as running:
        await bms.next(f"{BASE}/site/state")
        options = ("-m", "tcp", "-p", str(running.modbus), "-a", "1", "-0", "-1", "-t", "4", "-r", "4")
        master = await asyncio.create_subprocess_exec(
            "mbpoll", *options, "127.0.0.1", "160", stdout=asyncio.subprocess.DEVNULL
        )
        assert await master.wait() == 0
        for _ in range(2):  # one may have been on its way
            state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
        assert (state["limit"]["limit_a"], state["limit"]["source"]) == (16.0, "bms_modbus")


async def test_a_gateway_that_is_killed_has_its_will_done(tmp_path: Path, broker: Start) -> None:
    """kill -9: the broker says offline in its place."""
    async with (
        broker() as port,
        watching(port, f"{BASE}/status") as bms,
        gateway(tmp_path, port, MqttVersion.V3_1_1) as running,
    ):
        await bms.next(payload=b"online")
        running.process.send(signal.SIGKILL)
        await bms.next(payload=b"offline")


async def test_a_limit_outlives_a_kill(tmp_path: Path) -> None:
    """kill -9 once it is on the disk: the next start holds it from the beginning, and shows it in the registers."""
    kept = tmp_path / "store" / "bms-limits.json"
    async with embedded() as port, watching(port, f"{BASE}/status", f"{BASE}/site/state") as bms:
        async with gateway(tmp_path, port) as running:
            await bms.next(f"{BASE}/site/state")
            async with running.master() as master:
                await master.write_register(4, 100)
            while True:  # another one than before is written ten seconds later at most
                await asyncio.sleep(0.05)
                if kept.exists() and json.loads(kept.read_bytes())["bms_modbus"]["limit_a"] == 10.0:
                    break
            running.process.send(signal.SIGKILL)
            await bms.next(payload=b"offline")
        async with gateway(tmp_path, port) as running:
            await bms.next(payload=b"online")
            await bms.next(f"{BASE}/site/state")
            effective = (await running.status())["limits"]["effective"][0]
            assert (effective["limit_a"], effective["source"]) == (10.0, "bms_modbus")
            async with running.master() as master:
                assert (await master.read_holding_registers(4)).registers == [100]
