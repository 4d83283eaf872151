"""Faults of the building and the clock, met by a whole gateway: the daemon with its sockets, a master, a broker."""

import asyncio
import csv
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from pymodbus.client import AsyncModbusTcpClient

from edge.chance import SystemChance
from edge.cli.findings import read
from edge.clock import SystemClock
from edge.daemon import Daemon
from simulators.ports import free_endpoints
from tests.wire.attack_site import Watchdog
from tests.wire.mqtt_brokers import embedded, watching
from tests.wire.pki import Authority

BASE = "edge/harbour-3"
COMMAND, ACK = f"{BASE}/cmd/limit", f"{BASE}/cmd/limit/ack"
PATIENCE_S = 30.0
PERIOD_S = 0.2
HOLDS_S = 6  # of a limit that is to be seen to hold and to end: longer than a busy machine stalls
LIMIT_W, LIMIT_A, VALID_S, MODE, RESULT = 2, 4, 5, 7, 9  # holding registers
PAUSE, ECO = 1, 2  # modes
STATUS_BITS, MODE_NOW = 3, 53  # input registers
MODE_COMMAND, MODE_ACK = f"{BASE}/cmd/mode", f"{BASE}/cmd/mode/ack"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
# The moments of a rule from 02:30 to 03:30 local, by UTC, and whether it holds then.
CHANGES = [
    ("2026-03-29T00:59:58", False),  # 01:59 in winter
    ("2026-03-29T01:00:00", True),  # 03:00 in summer: the first half of the rule doesn't happen
    ("2026-03-29T01:30:00", False),
    ("2026-10-25T00:29:00", False),  # 02:29 in summer
    ("2026-10-25T00:30:00", True),
    ("2026-10-25T01:05:00", False),  # 02:05 in winter, for the second time
    ("2026-10-25T01:30:00", True),  # 02:30, for the second time
    ("2026-10-25T02:29:00", True),
    ("2026-10-25T02:30:00", False),
]
DIMMED = {"2026-10-25T00:30:00": True, "2026-10-25T01:05:00": False}
SITE = """
[site]
id = "harbour-3"
timezone = "Europe/Copenhagen"
[control]
period_s = {period_s}
[[circuit]]
id = "main"
fuse_a = 63
margin_a = 0
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
[bms.modbus]
listen = "{modbus}"
writable = true
limit_timeout_s = 60
fallback_a = 20
[bms.mqtt]
broker = "mqtt://127.0.0.1:{mqtt}"
writable = true
fallback_a = 25
[grid]
[[schedule]]
from = "02:30"
to = "03:30"
limit_a = 16
"""


METER = """
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:{nobody}"
"""


def metered(text: str) -> str:
    """With a meter at the grid connection, which doesn't answer."""
    return text.replace("fuse_a = 63", 'fuse_a = 63\nmeter = "grid"', 1) + METER


class TurnedClock(SystemClock):
    """The wall clock's hands are set by hand; monotonic time runs as it does."""

    def __init__(self, wall: datetime) -> None:
        self.set(wall)

    def set(self, wall: datetime) -> None:
        self._began = wall - timedelta(seconds=self.monotonic())

    def wall(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic())


class Soon(SystemChance):
    """A broker that is lost is dialled again as soon as may be."""

    def fraction(self) -> float:
        return 0.0


@dataclass(kw_only=True)
class House:
    """A running gateway."""

    daemon: Daemon
    clock: TurnedClock
    master: AsyncModbusTcpClient
    evidence: Path

    @property
    def report(self) -> dict[str, Any]:
        return dict(self.daemon.status())

    @property
    def effective(self) -> tuple[str, float]:
        """Whose limit holds at the grid connection, and how much it is per phase."""
        found = self.report["limits"]["effective"][0]
        return found["reason"], found["limit_a"]

    async def until(self, holds: Callable[[], bool]) -> int:
        """Wait for it; how many ticks that took."""
        before = self.report["control"]["ticks"]
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - a tick tells nobody
                await asyncio.sleep(PERIOD_S / 4)
        return int(self.report["control"]["ticks"] - before)

    async def tick(self, times: int) -> None:
        """So many ticks come."""
        before = self.report["control"]["ticks"]
        await self.until(lambda: bool(self.report["control"]["ticks"] >= before + times))

    async def write(self, register: int, *values: int) -> int | None:
        """The exception, None where it was taken."""
        answer = await self.master.write_registers(register, list(values), device_id=1)
        return answer.exception_code if answer.isError() else None


@asynccontextmanager
async def house(
    folder: Path, *, wall: datetime = NOON, mqtt_port: int | None = None, edit: Callable[[str], str] = str
) -> AsyncIterator[House]:
    """``edit`` makes another site file of :data:`SITE`."""
    ocpp, cloud, api, modbus, nobody = free_endpoints(5)
    file = folder / "site.toml"
    places = {"ocpp": ocpp, "cloud": cloud, "api": api, "modbus": modbus, "storage": folder / "storage"}
    mqtt = nobody.port if mqtt_port is None else mqtt_port
    text = edit(SITE).format(mqtt=mqtt, nobody=nobody.port, period_s=PERIOD_S, **places)
    file.write_text(text, encoding="utf-8")
    clock = TurnedClock(wall)
    daemon = Daemon(read(file), socket=folder / "edge.sock", clock=clock, watchdog=Watchdog(), chance=Soon())
    stop = asyncio.Event()
    running = asyncio.create_task(daemon.run(stop))
    master = AsyncModbusTcpClient("127.0.0.1", port=modbus.port, retries=0, timeout=PATIENCE_S)
    found = House(daemon=daemon, clock=clock, master=master, evidence=folder / "storage" / "grid-events.csv")
    try:
        await found.until(lambda: found.report["control"]["ticks"] > 1)
        assert await master.connect()
        yield found
    finally:
        master.close()
        stop.set()
        await running


async def test_fault_40_the_bms_watchdog_lapses(tmp_path: Path) -> None:
    """What is written holds for its time, which an old heartbeat doesn't prolong; then it is the installer's fallback,
    connected or not, until the BMS limits again."""
    async with house(tmp_path) as site:
        assert site.effective == ("fuse", 63.0)
        assert await site.write(LIMIT_A, 300, HOLDS_S) is None
        assert await site.until(lambda: site.effective == ("bms", 30.0)) <= 2
        assert await site.write(1, 7) is None  # the heartbeat: once new, and then always the same
        begun = site.clock.monotonic()
        while site.effective == ("bms", 30.0):
            assert await site.write(1, 7) is None
            assert site.clock.monotonic() - begun < PATIENCE_S
        assert site.effective == ("fallback", 20.0)
        site.master.close()
        await site.tick(5)
        assert site.effective == ("fallback", 20.0)
        assert await site.master.connect()
        assert await site.write(LIMIT_A, 250) is None
        await site.until(lambda: site.effective == ("bms", 25.0))


async def test_fault_41_the_bms_writes_0_65535_and_a_flood(tmp_path: Path) -> None:
    """0 is a limit, 65535 is none, above the fuse is exception 3; of a flood the last one accepted counts, each tick
    comes, and control is told the lowest."""
    async with house(tmp_path) as site:
        assert await site.write(LIMIT_A, 0) is None
        assert await site.until(lambda: site.effective == ("bms", 0.0)) <= 2
        assert await site.write(LIMIT_A, 0xFFFF) is None
        assert await site.until(lambda: site.effective == ("fuse", 63.0)) <= 2
        assert await site.write(LIMIT_A, 631) == 3
        assert await site.write(LIMIT_W, 0x7FFF, 0xFFFF) == 3
        assert await site.write(VALID_S, 0xFFFF) == 3
        assert await site.write(RESULT, 1) == 2
        ticks = site.report["control"]["ticks"]
        for value in range(400):
            assert await site.write(LIMIT_A, value, 60) is None
        assert site.report["control"]["ticks"] > ticks
        await site.until(lambda: site.effective == ("bms", 39.9))
        assert [each["source"] for each in site.report["limits"]["stated"] if each["limit_a"] is not None] == [
            "bms_modbus"
        ]


async def test_eco_is_refused_where_no_meter_shows_surplus(tmp_path: Path) -> None:
    """Exception 3, and the mode that holds is told: neither a pause nor auto is made of it."""
    async with house(tmp_path) as site:
        assert await site.write(MODE, PAUSE) is None
        assert await site.until(lambda: site.effective == ("bms", 0.0)) <= 2
        assert await site.write(MODE, ECO) == 3
        await site.tick(2)
        assert (site.effective, site.report["bms"]["mode"]) == (("bms", 0.0), "pause")


async def test_eco_holds_as_long_as_who_asks_for_it(tmp_path: Path) -> None:
    """By register 7 for the block's time, by cmd/mode for its own; what holds is at register 53 and on its topic."""
    port = free_endpoints(1)[0].port
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(embedded(port))
        site = await stack.enter_async_context(house(tmp_path, mqtt_port=port, edit=metered))
        bms = await stack.enter_async_context(watching(port, f"{BASE}/site/mode", MODE_ACK))
        await bms.next(f"{BASE}/site/mode", b"auto")
        assert await site.write(VALID_S, HOLDS_S) is None
        assert await site.write(MODE, ECO) is None
        await bms.next(f"{BASE}/site/mode", b"eco")
        answer = await site.master.read_input_registers(MODE_NOW, count=1, device_id=1)
        assert answer.registers == [ECO]
        await bms.next(f"{BASE}/site/mode", b"auto")  # nobody has asked again
        command = {"id": "1", "ts": site.clock.wall().isoformat(), "mode": "eco"}
        await bms.send(MODE_COMMAND, json.dumps(command))
        assert json.loads((await bms.next(MODE_ACK)).payload)["accepted"] is True
        await bms.next(f"{BASE}/site/mode", b"eco")
        assert 0 < site.report["bms"]["eco_remaining_s"] <= 60


async def test_fault_57_a_certificate_is_about_to_expire(tmp_path: Path) -> None:
    """Thirty days ahead, in the report, the metrics and the building's status bits; a new file is seen on a reload."""
    authority = Authority(tmp_path, "site")
    ours, other = (authority.issue("gateway", server=True) for _ in range(2))
    listen = free_endpoints(1)[0]

    def with_tls(text: str) -> str:
        files = f'certificate = "{ours.certificate}"\nprivate_key = "{ours.key}"\ntls_listen = "{listen}"'
        return text.replace("[ocpp]", f"[ocpp]\n{files}", 1)

    ends = x509.load_pem_x509_certificate(ours.certificate.read_bytes()).not_valid_after_utc
    async with house(tmp_path, wall=ends - timedelta(days=29, hours=12), edit=with_tls) as site:
        (told,) = site.report["certificates"]
        assert (told["use"], told["place"], told["state"]) == ("stations", str(ours.certificate), "EXPIRING")
        assert told["days_left"] == 29.5
        await site.tick(2)
        answer = await site.master.read_input_registers(STATUS_BITS, count=1, device_id=1)
        assert answer.registers[0] & 1 << 5
        site.clock.set(ends + timedelta(days=2))
        await site.until(lambda: bool(site.report["certificates"][0]["state"] == "EXPIRED"))
        site.clock.set(ends - timedelta(days=60))
        shutil.copy(other.certificate, ours.certificate)
        shutil.copy(other.key, ours.key)
        site.daemon.reload()
        await site.until(lambda: bool(site.report["certificates"][0]["state"] == "GOOD"))


async def test_fault_42_junk_a_retained_command_and_a_broker_that_is_lost(tmp_path: Path) -> None:
    """What is retained or no command limits nothing; without a broker each tick comes, and when it is back all is said
    and commands are heard."""
    port = free_endpoints(1)[0].port
    command = {"id": "old", "ts": NOON.isoformat(), "max_a": 6}
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(AsyncExitStack())
        await broker.enter_async_context(embedded(port))
        bms = await broker.enter_async_context(watching(port, f"{BASE}/status", ACK))
        await bms.send(COMMAND, json.dumps(command), retain=True)
        site = await stack.enter_async_context(house(tmp_path, mqtt_port=port))
        await bms.next(f"{BASE}/status", b"online")
        for payload in (b"\xff", b"[" * 4000, b'{"id":1}', json.dumps(command | {"id": "a", "max_a": -1}).encode()):
            await bms.send(COMMAND, payload)
            assert json.loads((await bms.next(ACK)).payload)["accepted"] is False
        assert site.effective == ("fuse", 63.0)
        await broker.aclose()
        await site.until(lambda: not site.report["bms"]["mqtt"]["connected"])
        await site.tick(5)
        assert await site.write(LIMIT_A, 300) is None  # the other way is as open as before
        await site.until(lambda: site.effective == ("bms", 30.0))
        await stack.enter_async_context(embedded(port))
        bms = await stack.enter_async_context(watching(port, f"{BASE}/status", f"{BASE}/limit/effective", ACK))
        await bms.next(f"{BASE}/status", b"online")
        assert json.loads((await bms.next(f"{BASE}/limit/effective")).payload)["limit_a"] == 30.0
        await bms.send(COMMAND, json.dumps(command | {"id": "new", "ts": site.clock.wall().isoformat()}))
        assert json.loads((await bms.next(ACK)).payload)["accepted"] is True
        await site.until(lambda: site.effective == ("bms", 6.0))


async def test_fault_43_46_the_wall_clock_steps(tmp_path: Path) -> None:
    """By a day both ways and by a leap second: a limit holds for its time and no longer, and control ticks on."""
    async with house(tmp_path) as site:
        begun = site.clock.monotonic()
        assert await site.write(LIMIT_A, 300, HOLDS_S) is None
        await site.until(lambda: site.effective == ("bms", 30.0))
        for step in (timedelta(days=1), timedelta(days=-2), timedelta(seconds=-1)):
            site.clock.set(site.clock.wall() + step)
            await site.tick(2)
            assert site.effective == ("bms", 30.0)
        await site.until(lambda: site.effective == ("fallback", 20.0))
        assert site.clock.monotonic() - begun >= HOLDS_S
        await site.tick(2)
        assert site.effective == ("fallback", 20.0)


async def test_fault_44_boots_in_1970(tmp_path: Path) -> None:
    """What hangs on the time is taken for the worse, what doesn't works; once the time is known it is followed."""
    async with house(tmp_path, wall=datetime(1970, 1, 1, tzinfo=UTC)) as site:
        assert site.effective == ("schedule", 16.0)  # at whatever hour
        assert await site.write(LIMIT_A, 100) is None
        await site.until(lambda: site.effective == ("bms", 10.0))
        assert await site.write(LIMIT_A, 0xFFFF) is None
        site.clock.set(NOON)
        await site.until(lambda: site.effective == ("fuse", 63.0))


async def test_dimming_outlives_a_restart(tmp_path: Path) -> None:
    """It has no end: the gateway that comes back dims on, its coil says so, and there is one proof of its begin."""
    async with house(tmp_path) as site:
        assert not (await site.master.write_coil(0, True, device_id=1)).isError()
        await site.until(lambda: site.effective[0] == "grid")
        await site.tick(1)
    async with house(tmp_path) as site:
        assert site.effective[0] == "grid"
        assert (await site.master.read_coils(0, count=1, device_id=1)).bits[0] is True
        assert not (await site.master.write_coil(0, False, device_id=1)).isError()
        await site.until(lambda: site.effective[0] == "fuse")
        await site.tick(1)
    rows = csv.DictReader(site.evidence.read_text(encoding="utf-8").splitlines())
    assert [(row["event"], row["by"]) for row in rows] == [("begin", "modbus"), ("end", "modbus")]
    async with house(tmp_path) as site:
        assert site.effective[0] == "fuse"


async def test_fault_45_daylight_saving_both_ways(tmp_path: Path) -> None:
    """The schedule follows the local clock through both changes; what the grid operator is shown is in UTC, in order,
    though the local hour comes twice; control ticks on."""
    async with house(tmp_path, wall=datetime(2026, 3, 29, 0, 50, tzinfo=UTC)) as site:
        for at, holds in CHANGES:
            site.clock.set(datetime.fromisoformat(at).replace(tzinfo=UTC))
            if at in DIMMED:
                assert not (await site.master.write_coil(0, DIMMED[at], device_id=1)).isError()
            await site.tick(3)
            scheduled = [each for each in site.report["limits"]["stated"] if each["source"] == "schedule"]
            assert [each["limit_a"] for each in scheduled] == [16.0 if holds else None], at
    rows = list(csv.DictReader(site.evidence.read_text(encoding="utf-8").splitlines()))
    assert [(row["time"][:16], row["event"]) for row in rows] == [
        ("2026-10-25T00:30", "begin"),
        ("2026-10-25T01:05", "end"),
    ]
    assert all(row["time"].endswith("+00:00") for row in rows)
