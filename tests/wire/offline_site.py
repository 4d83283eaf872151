"""A whole gateway on loopback whose cloud comes and goes: the daemon with its journal, a cloud that keeps books, and
stations that ask by hand."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from edge.cli import findings
from edge.clock import Clock, SystemClock
from edge.daemon import Daemon
from simulators.ports import free_endpoints
from tests.wire.attack_site import Watchdog, honest_meter
from tests.wire.ocpp_site import PATIENCE_S, eventually

EDITIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
SITE = """
[site]
id = "lonely"
[control]
period_s = 0.2
meter_stale_s = 2
{control}
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://{meter}"
[[class]]
id = "staff"
rank = 0
[[class]]
id = "visitor"
rank = 1
{stations}
[ocpp]
listen = "{gateway}"
{upstream}
[api]
listen = "{api}"
[offline]
deliveries_per_s = 1000
answer_timeout_s = 2
{offline}
[storage]
path = "{storage}"
"""
STATION = """
[[station]]
id = "{id}"
circuit = "main"
{mode}
[[station.evse]]
id = 1
max_a = 16
fallback_a = 0
"""

Answer = Callable[[str, dict[str, Any]], dict[str, Any] | None]


class Cloud:
    """Books what it is told, in order. ``answer`` may be exchanged; None from it: no answer."""

    def __init__(self, address: Any) -> None:
        self._address = address
        self.calls: list[tuple[str, str, dict[str, Any]]] = []  # station, action, payload
        self.texts: list[str] = []
        self.sockets: dict[str, ServerConnection] = {}
        self.shown: list[tuple[str, str | None]] = []  # path and credentials of each connection
        self.answers: dict[str, list[Any]] = {}  # to CALLs of the cloud, by id
        self.answer: Answer = self.honest
        self._numbers = itertools.count(1)
        self._server: Server | None = None

    def honest(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """An answer that every station can live with."""
        accepted = {"status": "Accepted"}
        match action:
            case "BootNotification":
                return accepted | {"currentTime": "2026-11-21T07:00:00Z", "interval": 300}
            case "StartTransaction":
                return {"transactionId": next(self._numbers), "idTagInfo": accepted}
            case "Authorize":
                return {"idTokenInfo" if "idToken" in payload else "idTagInfo": accepted}
            case "Heartbeat":
                return {"currentTime": "2026-11-21T07:00:00Z"}
            case _:
                return {}

    async def come(self) -> None:
        """Be there."""
        protocols = [Subprotocol(name) for name in EDITIONS]
        self._server = await serve(
            self._handle, self._address.host, self._address.port, subprotocols=protocols, reuse_address=True
        )

    async def go(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def told(self, *actions: str) -> list[dict[str, Any]]:
        """The payloads of the CALLs of these actions, in order."""
        return [payload for _, action, payload in self.calls if action in actions]

    async def ask(self, station: str, action: str, payload: dict[str, Any]) -> list[Any]:
        """Make a CALL; the answer's frame."""
        identifier = f"cloud-{next(self._numbers)}"
        await self.sockets[station].send(json.dumps([2, identifier, action, payload]))
        await eventually(lambda: identifier in self.answers)
        return self.answers[identifier]

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        station = connection.request.path.strip("/")
        self.sockets[station] = connection
        self.shown.append((connection.request.path, connection.request.headers.get("Authorization")))
        try:
            async for text in connection:
                assert isinstance(text, str)
                frame = json.loads(text)
                if frame[0] != 2:
                    self.answers[frame[1]] = frame
                    continue
                self.texts.append(text)
                self.calls.append((station, frame[2], frame[3]))
                answer = self.answer(frame[2], frame[3])
                if answer is not None:
                    code = answer.get("refused")
                    reply = [4, frame[1], code, "", {}] if code else [3, frame[1], answer]
                    await connection.send(json.dumps(reply))
        except ConnectionClosed:
            pass


class Charger:
    """A station's socket. It accepts whatever it is asked, and remembers it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.replies: dict[str, dict[str, Any]] = {}  # by action, where Accepted won't do
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._ids = itertools.count(1)
        self.reader = asyncio.create_task(self._read())

    async def ask(self, action: str, payload: dict[str, Any], identifier: str | None = None) -> list[Any]:
        """Make a CALL; the answer's frame."""
        name = identifier or f"s{next(self._ids)}"
        self._answers[name] = asyncio.get_running_loop().create_future()
        await self.connection.send(json.dumps([2, name, action, payload]))
        async with asyncio.timeout(PATIENCE_S):
            return await self._answers[name]

    async def result(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of the answer, which must be no error."""
        answer = await self.ask(action, payload)
        assert answer[0] == 3, answer
        found: dict[str, Any] = answer[2]
        return found

    async def start(self, tag: str = "CARD-1", meter: int = 100, at: str = "2026-11-21T08:00:00Z") -> dict[str, Any]:
        """StartTransaction (1.6)."""
        payload = {"connectorId": 1, "idTag": tag, "meterStart": meter, "timestamp": at}
        return await self.result("StartTransaction", payload)

    async def stop(self, number: int, meter: int = 5100, at: str = "2026-11-21T09:00:00Z") -> dict[str, Any]:
        """StopTransaction (1.6)."""
        payload = {"transactionId": number, "meterStop": meter, "timestamp": at}
        return await self.result("StopTransaction", payload)

    async def meter(self, number: int, wh: int) -> dict[str, Any]:
        """MeterValues of now (1.6)."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        value = {"timestamp": at, "sampledValue": [{"value": str(wh)}]}
        return await self.result("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})

    async def event(
        self, kind: str, order: int, more: dict[str, Any] | None = None, transaction: str = "tx-1"
    ) -> dict[str, Any]:
        """TransactionEvent (2.x)."""
        payload = {
            "eventType": kind,
            "timestamp": f"2026-11-21T08:{order:02}:00Z",
            "triggerReason": "Authorized",
            "seqNo": order,
            "transactionInfo": {"transactionId": transaction},
            "evse": {"id": 1},
            **(more or {}),
        }
        return await self.result("TransactionEvent", payload)

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                frame = json.loads(text)
                if frame[0] == 2:
                    self.asked.append((frame[2], frame[3]))
                    answer = self.replies.get(frame[2], {"status": "Accepted"})
                    await self.connection.send(json.dumps([3, frame[1], answer]))
                elif frame[1] in self._answers and not self._answers[frame[1]].done():
                    self._answers[frame[1]].set_result(frame)
        except ConnectionClosed:
            pass


class Site:
    """The gateway, its cloud and its meter. The cloud is away at first; without ``has_cloud`` the site has none."""

    def __init__(
        self, folder: Path, *stations: str, offline: str = "", mode: str = "", has_cloud: bool = True, control: str = ""
    ) -> None:
        self.gateway, cloud, self._meter_at, api = free_endpoints(4)
        self.cloud = Cloud(cloud)
        self.storage = folder / "storage"
        self.file = folder / "site.toml"
        self.file.write_text(
            SITE.format(
                meter=self._meter_at,
                gateway=self.gateway,
                upstream=f'upstream = "ws://{cloud}/{{station}}"' if has_cloud else "",
                control=control,
                api=api,
                offline=offline,
                storage=self.storage,
                stations="".join(STATION.format(id=name, mode=mode) for name in stations or ("CP-01",)),
            )
        )
        self._socket = folder / "control.sock"
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()
        self.daemon: Daemon | None = None
        self.clock: Clock = SystemClock()

    async def start(self) -> None:
        """Start the gateway, on what it kept."""
        self._stop.clear()
        self.daemon = Daemon(findings.read(self.file), socket=self._socket, clock=self.clock, watchdog=Watchdog())
        self._running = asyncio.create_task(self.daemon.run(self._stop))
        await eventually(self.daemon.healthy)

    async def stop(self) -> None:
        """Stop it."""
        self._stop.set()
        if self._running is not None:
            await self._running
            self._running = None

    @asynccontextmanager
    async def station(
        self, name: str = "CP-01", edition: str = "ocpp1.6", headers: dict[str, str] | None = None
    ) -> AsyncIterator[Charger]:
        """A station that is connected."""
        address = f"ws://{self.gateway}/{name}"
        async with connect(
            address,
            subprotocols=[Subprotocol(edition)],
            additional_headers=headers,
            proxy=None,
            open_timeout=PATIENCE_S,
            close_timeout=0.5,
        ) as connection:
            charger = Charger(connection)
            try:
                yield charger
            finally:
                charger.reader.cancel()

    def status(self, station: str = "CP-01") -> dict[str, Any]:
        """What the report says of a station's EVSE."""
        assert self.daemon is not None
        stations = {each["id"]: each for each in self.daemon.status()["stations"]}
        found: dict[str, Any] = stations[station]["evses"][0]
        return found

    async def meter(self) -> asyncio.Server:
        """The site's meter."""
        return await asyncio.start_server(_metering, self._meter_at.host, self._meter_at.port)


async def _metering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        await honest_meter(reader, writer)
    writer.close()


@asynccontextmanager
async def lonely(
    folder: Path, *stations: str, offline: str = "", mode: str = "", has_cloud: bool = True, control: str = ""
) -> AsyncIterator[Site]:
    """A site that runs; its cloud is away, or it has none."""
    site = Site(folder, *stations, offline=offline, mode=mode, has_cloud=has_cloud, control=control)
    meter = await site.meter()
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
        await site.cloud.go()
        meter.close()
