"""A whole gateway on loopback for those who attack it: the daemon with its sockets, a cloud, a meter, and a witness.

Each attack ends with :meth:`Site.unharmed`: another station is still served through the gateway, and the control loop
ticks on.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from edge.cli import findings
from edge.clock import SystemClock
from edge.daemon import Daemon
from simulators.ports import free_endpoints

PATIENCE_S = 15.0  # a loaded machine needs a second or two for what these tests wait for
TICKS = 2  # so many more show that the loop goes on
SITE = """
[site]
id = "attacked"
[control]
period_s = 0.2
meter_stale_s = 2
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://{meter}"
{stations}
[ocpp]
listen = "{gateway}"
upstream = "ws://{cloud}/{{station}}"
[api]
listen = "{api}"
[storage]
path = "{storage}"
"""
STATION = """
[[station]]
id = "{id}"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
"""
WITNESS, VICTIM = "WITNESS", "VICTIM"

Cloud = Callable[[ServerConnection], Awaitable[None]]
Meter = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Watchdog:
    """Nobody watches."""

    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


async def honest_cloud(connection: ServerConnection) -> None:
    """Accepts whatever it is asked."""
    async for text in connection:
        kind, identifier, *rest = json.loads(text)
        if kind == 2:
            await connection.send(json.dumps([3, identifier, cloud_answer(rest[0])]))


def cloud_answer(action: str) -> dict[str, Any]:
    """An answer that every station can live with."""
    accepted = {"status": "Accepted"}
    answers: dict[str, dict[str, Any]] = {
        "BootNotification": accepted | {"currentTime": "2026-11-21T07:00:00Z", "interval": 300},
        "StartTransaction": {"transactionId": 7, "idTagInfo": accepted},
        "Authorize": {"idTagInfo": accepted},
        "Heartbeat": {"currentTime": "2026-11-21T07:00:00Z"},
    }
    return answers.get(action, {})


class ReadRequest(NamedTuple):
    """A request to read registers (MODBUS Messaging on TCP/IP V1.0b §3.1.3)."""

    transaction: int
    unit: int
    function: int
    first: int
    registers: int


async def read_request(reader: asyncio.StreamReader) -> ReadRequest:
    """The next request."""
    transaction, _protocol, _length, unit, function, first, count = struct.unpack(
        ">HHHBBHH", await reader.readexactly(12)
    )
    return ReadRequest(transaction=transaction, unit=unit, function=function, first=first, registers=count)


def answer_with(request: ReadRequest, data: bytes) -> bytes:
    """An answer with these registers' bytes."""
    head = (request.transaction, 0, len(data) + 3, request.unit, request.function, len(data))
    return struct.pack(">HHHBBB", *head) + data


def honest_answer(request: ReadRequest) -> bytes:
    """230 V in the first three of the meter's floats, 5 A in the next three, 1,150 W or Wh in the others."""
    places = range(request.first, request.first + request.registers, 2)
    shown = [230.0 if at < 6 else 5.0 if at < 12 else 1150.0 for at in places]
    return answer_with(request, struct.pack(f">{len(shown)}f", *shown))


async def honest_meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An SDM630 that shows 5 A on each phase."""
    while True:
        writer.write(honest_answer(await read_request(reader)))
        await writer.drain()


class Site:
    """The attacked gateway. ``cloud`` and ``meter`` are what new connections to them meet, and may be exchanged."""

    def __init__(self, folder: Path, *, cloud: Cloud, meter: Meter, spare: int) -> None:
        self.gateway, self._cloud_at, self._meter_at, self.api = free_endpoints(4)
        self.cloud = cloud
        self.meter = meter
        self.spare = tuple(f"SPARE-{number}" for number in range(spare))
        file = folder / "site.toml"
        stations = "".join(STATION.format(id=name) for name in (WITNESS, VICTIM, *self.spare))
        stations = stations.replace("max_a = 16", "max_a = 16\nfallback_a = 0")
        addresses = {"gateway": self.gateway, "cloud": self._cloud_at, "meter": self._meter_at, "api": self.api}
        file.write_text(SITE.format(stations=stations, storage=folder / "storage", **addresses), encoding="utf-8")
        self.daemon = Daemon(
            findings.read(file),
            socket=folder / "edge.sock",
            clock=SystemClock(),
            watchdog=Watchdog(),
        )
        self._witness: ClientConnection | None = None
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._asked = 0
        self._talking: set[asyncio.Task[None]] = set()

    @property
    def ticks(self) -> int:
        """How many ticks the control loop has completed."""
        return int(self.daemon.status()["control"]["ticks"])

    @property
    def meter_ok(self) -> bool:
        """Whether the gateway goes by its meter."""
        return bool(self.daemon.status()["meters"] and self.daemon.status()["meters"][0]["ok"])

    @property
    def meter_problem(self) -> str | None:
        """What the gateway says of its meter."""
        meters = self.daemon.status()["meters"]
        return meters[0]["problem"] if meters else None

    def hang_up_meter(self) -> None:
        """End the meter's connections; the next ones meet what ``meter`` is by then."""
        for task in self._talking:
            task.cancel()

    def connected(self, station: str) -> bool:
        """Whether the gateway holds a connection of this station."""
        return any(each["id"] == station and each["connected"] for each in self.daemon.status()["stations"])

    @asynccontextmanager
    async def station(self, identity: str = VICTIM) -> AsyncIterator[ClientConnection]:
        """A connection that says it is this station."""
        async with connect(
            f"ws://{self.gateway}/{identity}",
            subprotocols=[Subprotocol("ocpp1.6")],
            proxy=None,
            open_timeout=PATIENCE_S,
            close_timeout=0.5,
        ) as connection:
            yield connection

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection to the stations' port."""
        return await asyncio.open_connection(self.gateway.host, self.gateway.port)

    async def unharmed(self) -> None:
        """The witness's Heartbeat reaches the cloud and is answered, and the loop goes on."""
        assert self._witness is not None
        self._asked += 1
        await self._witness.send(json.dumps([2, f"alive-{self._asked}", "Heartbeat", {}]))
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self._answers.get())[1] != f"alive-{self._asked}":
                pass
        assert answer[0] == 3
        before = self.ticks
        await eventually(lambda: self.ticks >= before + TICKS)

    async def run(self, stack: AsyncExitStack) -> None:
        """Start all that there is; ``stack`` ends it."""
        cloud = await serve(
            self._serve_cloud,
            self._cloud_at.host,
            self._cloud_at.port,
            subprotocols=[Subprotocol("ocpp1.6")],
            close_timeout=0.5,  # some of these clouds don't even hear that they are left
        )
        stack.push_async_callback(cloud.wait_closed)
        stack.callback(cloud.close)
        meter = await asyncio.start_server(self._serve_meter, self._meter_at.host, self._meter_at.port)
        stack.callback(meter.close)
        stack.callback(self.hang_up_meter)
        stop = asyncio.Event()
        running = asyncio.create_task(self.daemon.run(stop))
        stack.push_async_callback(lambda: running)
        stack.callback(stop.set)
        await eventually(lambda: running.done() or self.ticks > 0)
        self._witness = await stack.enter_async_context(self.station(WITNESS))
        listening = asyncio.create_task(self._witness_listens(self._witness))
        stack.callback(listening.cancel)
        await eventually(lambda: self.daemon.status()["stations"][0]["cloud_connected"])

    async def _witness_listens(self, connection: ClientConnection) -> None:
        """It accepts what the gateway and the cloud ask of it."""
        async for text in connection:
            message = json.loads(text)
            if message[0] == 2:
                await connection.send(json.dumps([3, message[1], {"status": "Accepted"}]))
            else:
                self._answers.put_nowait(message)

    async def _serve_cloud(self, connection: ServerConnection) -> None:
        is_witness = connection.request is not None and connection.request.path == f"/{WITNESS}"
        with suppress(ConnectionClosed):
            await (honest_cloud if is_witness else self.cloud)(connection)

    async def _serve_meter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talking.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.meter(reader, writer)
        finally:
            self._talking.discard(task)
            writer.close()


async def eventually(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - it hangs on peers' sockets, which set no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def attacked(
    folder: Path, *, cloud: Cloud = honest_cloud, meter: Meter = honest_meter, spare: int = 0
) -> AsyncIterator[Site]:
    """A running gateway with a witness; ``spare`` stations more are in its site file."""
    async with AsyncExitStack() as stack:
        site = Site(folder, cloud=cloud, meter=meter, spare=spare)
        await site.run(stack)
        yield site
