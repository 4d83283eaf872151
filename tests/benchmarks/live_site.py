"""A whole site over real sockets: gateway and meter are processes of their own; in this one are stations and cloud."""

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from tests.benchmarks.gateway_process import GatewayProcess
from tests.benchmarks.one_core import Quota
from tests.benchmarks.witness import Witness

SUBPROTOCOL = Subprotocol("ocpp1.6")
MOST_A = 16.0
SAMPLES_EVERY_S = 10.0  # MeterValues of each station
AGAIN_S = 0.2  # a station that was cut off dials again
SITE = """
[site]
id = "bench"
[[circuit]]
id = "main"
fuse_a = {fuse_a}
meter = "grid"
background_reserve_a = 0
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:{meter}"
[ocpp]
listen = "127.0.0.1:{gateway}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"
security_profile = 0
[api]
listen = "127.0.0.1:{api}"
[storage]
path = "{folder}/storage"
"""
STATION = '[[station]]\nid = "{}"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16\nfallback_a = 0\n'


class Cloud:
    """Answers each CALL at once."""

    def __init__(self) -> None:
        self.transactions = 0
        self.port = 0

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncIterator[Self]:
        server: Server
        async with serve(self._talk, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], compression=None) as server:
            self.port = int(next(iter(server.sockets)).getsockname()[1])
            yield self

    async def _talk(self, station: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in station:
                kind, identifier, *rest = orjson.loads(text)
                if kind == 2:
                    await station.send(orjson.dumps([3, identifier, self._answer(rest[0])]).decode())

    def _answer(self, action: str) -> dict[str, Any]:
        match action:
            case "BootNotification":
                return {"currentTime": _stamp(), "interval": 900, "status": "Accepted"}
            case "StartTransaction":
                self.transactions += 1
                return {"transactionId": self.transactions, "idTagInfo": {"status": "Accepted"}}
            case "Heartbeat":
                return {"currentTime": _stamp()}
            case _:
                return {}


@dataclass(slots=True)
class Station:
    """Charges one car for ever, obeys at once, and comes again when it is cut off. Times as of ``perf_counter``."""

    identity: str
    port: int
    limit_a: float = 0.0
    booted_at: float | None = None
    told: list[tuple[float, float]] = field(default_factory=list)  # when, and the limit
    transaction: int | None = None
    _link: ClientConnection | None = None
    _waits: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _calls: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(OSError, TimeoutError, WebSocketException):
                url = f"ws://127.0.0.1:{self.port}/{self.identity}"
                async with connect(
                    url, subprotocols=[SUBPROTOCOL], compression=None, proxy=None, open_timeout=30, ping_interval=None
                ) as self._link:
                    talk = asyncio.create_task(self._talk())
                    try:
                        await self._hear(self._link)
                    finally:
                        talk.cancel()
                        await asyncio.gather(talk, return_exceptions=True)
            await asyncio.sleep(AGAIN_S)

    async def _talk(self) -> None:
        unit = {"chargePointVendor": "Bench", "chargePointModel": "Post"}
        await self._call("BootNotification", unit)
        self.booted_at = time.perf_counter()
        await self._status("Preparing")
        if self.transaction is None:
            start = {"connectorId": 1, "idTag": "BENCH", "meterStart": 0, "timestamp": _stamp()}
            self.transaction = int((await self._call("StartTransaction", start))["transactionId"])
        await self._status("Charging")
        await asyncio.sleep(SAMPLES_EVERY_S * (hash(self.identity) % 100) / 100)
        while True:
            await self._call("MeterValues", self._sample())
            await asyncio.sleep(SAMPLES_EVERY_S)

    def _sample(self) -> dict[str, Any]:
        values = [
            {"value": f"{self.limit_a:.1f}", "measurand": "Current.Import", "phase": phase, "unit": "A"}
            for phase in ("L1", "L2", "L3")
        ]
        sample = {"timestamp": _stamp(), "sampledValue": values}
        return {"connectorId": 1, "transactionId": self.transaction, "meterValue": [sample]}

    async def _status(self, status: str) -> None:
        told = {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": _stamp()}
        await self._call("StatusNotification", told)

    async def _call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._link is None:
            raise ConnectionError("there is no link")
        self._calls += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waits[str(self._calls)] = answer
        await self._link.send(orjson.dumps([2, str(self._calls), action, payload]).decode())
        return await answer

    async def _hear(self, link: ClientConnection) -> None:
        async for text in link:
            kind, identifier, *rest = orjson.loads(text)
            if kind == 2:
                await link.send(orjson.dumps([3, identifier, self._obey(rest[0], rest[1])]).decode())
            elif identifier in self._waits:
                self._waits.pop(identifier).set_result(rest[0] if kind == 3 else {})

    def _obey(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration":
            return {"configurationKey": [], "unknownKey": payload.get("key", [])}
        if action == "SetChargingProfile":
            profile = payload["csChargingProfiles"]
            if "transactionId" in profile:
                self.limit_a = float(profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"])
                self.told.append((time.perf_counter(), self.limit_a))
        return {"status": "Accepted"}


@dataclass(slots=True, kw_only=True)
class LiveSite:
    """All of it. The stations aren't started."""

    gateway: GatewayProcess
    witness: Witness
    stations: list[Station]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, count: int, *, fuse_a: float, quota: Quota | None = None) -> AsyncIterator[Self]:
        """With so many stations behind one fuse; the gateway is ready."""
        ports = _free_ports(2)
        stations = [Station(identity=f"CP-{number:04}", port=ports[0]) for number in range(count)]
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            witness = await stack.enter_async_context(
                Witness.of(folder / "notify.sock", lambda: sum(station.limit_a for station in stations))
            )
            cloud = await stack.enter_async_context(Cloud().there())
            head = SITE.format(
                fuse_a=fuse_a, gateway=ports[0], meter=witness.port, api=ports[1], cloud=cloud.port, folder=folder
            )
            text = head + "".join(STATION.format(station.identity) for station in stations)
            await asyncio.to_thread((folder / "site.toml").write_text, text)
            site = cls(gateway=GatewayProcess(folder / "site.toml", witness, quota), witness=witness, stations=stations)
            try:
                await site.gateway.start()
                await site.gateway.ready()
                yield site
            finally:
                for task in site.tasks:
                    task.cancel()
                await asyncio.gather(*site.tasks, return_exceptions=True)
                await site.gateway.end()

    def dial(self) -> None:
        """Every station, in the same moment."""
        self.tasks += [asyncio.create_task(station.run()) for station in self.stations]

    async def until(self, holds: Callable[[Station], bool], *, at_most_s: float) -> None:
        """Wait until it holds of every station. Raises TimeoutError."""
        async with asyncio.timeout(at_most_s):
            while not all(holds(station) for station in self.stations):  # noqa: ASYNC110 - a state of many peers
                await asyncio.sleep(0.05)


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
