"""A gateway's OCPP side on loopback: its server, a cloud above it, and what both were told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from structlog.testing import LogCapture
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from edge.clock import SystemClock
from edge.domain.reading import MeterFact
from edge.domain.site import Mode
from edge.domain.station import StationFact
from edge.ocpp.server import OcppServer
from edge.ocpp.settings import CloudLoss, Listener, OcppSettings, UnknownStations, Verdict
from edge.ocpp.shelf import Shelf
from edge.ocpp.timings import LinkTimings
from simulators.ports import free_endpoints
from tests.unit.ocpp.ocpp_bench import site

# A hurry that still leaves a loaded machine its time. Stations that connect are not asked within a test's life, except
# where it waits for that.
HURRY = LinkTimings(redial_first_s=0.05, redial_last_s=0.05, tick_every_s=0.05)
PATIENCE_S = 20.0  # on a machine that does much else


async def eventually(condition: Any) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - it hangs on a peer's socket, which sets no event
            await asyncio.sleep(0.005)


class Recorder:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.facts: list[StationFact | MeterFact] = []

    def take(self, fact: StationFact | MeterFact) -> None:
        """Remember the fact."""
        self.facts.append(fact)

    def of(self, kind: type) -> list[Any]:
        """The facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


class Cloud:
    """A CSMS that answers nothing by itself."""

    def __init__(self, *subprotocols: str, takes: int = 1_048_576) -> None:
        """``takes``: bytes of a message at most."""
        # Kept while it is away: a port that the system chose could be given to another then, or to who dials it.
        self.port = free_endpoints(1)[0].port
        self._takes = takes
        self._subprotocols = [Subprotocol(name) for name in subprotocols or ("ocpp1.6",)]
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.connections: list[ServerConnection] = []
        self._server: Server | None = None

    @property
    def open(self) -> int:
        """How many stations are connected."""
        return 0 if self._server is None else len(self._server.connections)

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            self.port,
            subprotocols=self._subprotocols,
            reuse_address=True,
            max_size=self._takes,
        )

    async def stop(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def hears(self) -> str:
        """The next message from any station."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.heard.get()

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        async for message in connection:
            assert isinstance(message, str)
            self.heard.put_nowait(message)


class Gateway:
    """The server under test, and its log."""

    def __init__(
        self,
        cloud: Cloud,
        *ids: str,
        unknown: UnknownStations = UnknownStations.REFUSE,
        cloud_loss: CloudLoss = CloudLoss.AUTONOMOUS,
        mode: Mode = Mode.OBSERVE,
        timings: LinkTimings = HURRY,
        verdict: Verdict = Verdict.LOCAL,
        shelf: Shelf | None = None,
        dossiers: Shelf | None = None,
        sink: Recorder | None = None,
        **settings: Any,
    ) -> None:
        self.sink = sink if sink is not None else Recorder()
        self.capture = LogCapture()
        self.server = OcppServer(
            site=site(*ids, mode=mode),
            settings=OcppSettings(
                plain_listen=Listener(host="127.0.0.1", port=0),
                upstream=settings.pop("upstream", f"ws://127.0.0.1:{cloud.port}/csms/{{station}}"),
                unknown_stations=unknown,
                mode=cloud_loss,
                verdict=verdict,
                **settings,
            ),
            clock=SystemClock(),
            sink=self.sink,
            log=structlog.wrap_logger(
                None, processors=[self.capture], wrapper_class=structlog.make_filtering_bound_logger(0)
            ),
            timings=timings,
            shelf=shelf,
            dossiers=dossiers,
            jitter=lambda: 0.0,
        )

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's lines with this sentence."""
        return [dict(entry) for entry in self.capture.entries if entry["event"] == event]

    def address(self, path: str) -> str:
        """Where a station connects."""
        return f"ws://127.0.0.1:{self.server.port}{path}"

    @asynccontextmanager
    async def station(
        self, path: str = "/CP-01", *offered: str, source: str = "127.0.0.1", **options: Any
    ) -> AsyncIterator[ClientConnection]:
        """A station that is connected."""
        names = [Subprotocol(name) for name in offered or ("ocpp1.6",)]
        async with connect(
            self.address(path),
            subprotocols=options.pop("subprotocols", names),
            proxy=None,
            local_addr=(source, 0),
            open_timeout=PATIENCE_S,
            close_timeout=0.5,
            **options,
        ) as connection:
            yield connection


@asynccontextmanager
async def running(*ids: str, cloud: Cloud | None = None, **options: Any) -> AsyncIterator[tuple[Gateway, Cloud]]:
    """A gateway with these stations, and its cloud."""
    cloud = cloud if cloud is not None else Cloud()
    await cloud.start()
    gateway = Gateway(cloud, *ids, **options)
    await gateway.server.start()
    try:
        yield gateway, cloud
    finally:
        await gateway.server.stop()
        await cloud.stop()


async def round_trip(station: ClientConnection, cloud: Cloud, identifier: str = "1") -> None:
    """A heartbeat goes up and its answer comes down, both as they were sent."""
    text = f'[2,  "{identifier}", "Heartbeat", {{}}]'
    await station.send(text)
    assert await cloud.hears() == text
    answer = f'[3, "{identifier}",   {{}}]'
    await cloud.connections[-1].send(answer)
    async with asyncio.timeout(PATIENCE_S):
        assert await station.recv() == answer


async def received(station: ClientConnection) -> list[Any]:
    """The next message to the station."""
    async with asyncio.timeout(PATIENCE_S):
        message: list[Any] = json.loads(await station.recv())
        return message
