"""A controller that only observes is a wire: neither a station nor its cloud can tell that it is there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event
from websockets.typing import Subprotocol

from edge.ocpp.farewell import BROKEN, NO_CODE, Farewell, close
from edge.ocpp.settings import CloudLoss, Verdict
from edge.ocpp.timings import LinkTimings
from edge.ocpp.unreadable import Unreadable
from tests.wire.ocpp_site import PATIENCE_S, Cloud, Gateway

V16 = Subprotocol("ocpp1.6")
SILENCE_S = 0.1
# Where there is no wire, a station is pinged all the time, and given up when it says nothing.
NERVOUS = LinkTimings(ping_every_s=0.01, silence_s=SILENCE_S, tick_every_s=0.05)

Heard = tuple[Opcode, bytes]


class Listening(Connection):
    """Remembers the frames that came, whatever they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard: asyncio.Queue[Heard] = asyncio.Queue()

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame):
            self.heard.put_nowait((event.opcode, bytes(event.data)))
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                return  # nobody else reads it
        super().process_event(event)

    def says(self, *frames: Frame) -> None:
        """Send frames as they are."""
        for frame in frames:
            self.protocol.send_frame(frame)
        self.send_data()


class Station(Listening, ClientConnection):
    """The station's end."""


class Csms(Listening, ServerConnection):
    """The cloud's end."""


class Wire:
    """Both ends of a wire."""

    def __init__(self, station: Station, cloud: Csms) -> None:
        self.station = station
        self.cloud = cloud

    @property
    def ways(self) -> tuple[tuple[Station | Csms, Station | Csms], ...]:
        """Who speaks, and who hears: up and down."""
        return (self.station, self.cloud), (self.cloud, self.station)


class Clouds:
    """A cloud whose ends of its connections are the test's."""

    def __init__(self) -> None:
        self.port = 0
        self.arrived: asyncio.Queue[Csms] = asyncio.Queue()

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator[None]:
        """While it listens."""
        given = {"subprotocols": [V16], "ping_interval": None, "compression": None, "create_connection": Csms}
        async with serve(self._handle, "127.0.0.1", 0, **(given | options)) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Csms)
        self.arrived.put_nowait(connection)
        await connection.wait_closed()


@asynccontextmanager
async def gateway_of(clouds: Clouds) -> AsyncIterator[Gateway]:
    """A gateway below that cloud."""
    cloud = Cloud()
    cloud.port = clouds.port
    gateway = Gateway(
        cloud, "CP-01", is_wire=True, verdict=Verdict.CLOUD, cloud_loss=CloudLoss.TRANSPARENT, timings=NERVOUS
    )
    await gateway.server.start()
    try:
        yield gateway
    finally:
        await gateway.server.stop()


def station_at(gateway: Gateway, **options: Any) -> connect:
    """A station's connection to it."""
    given = {"subprotocols": [V16], "proxy": None, "compression": None, "ping_interval": None, "close_timeout": 2.0}
    return connect(gateway.address("/CP-01"), create_connection=Station, **(given | options))


@asynccontextmanager
async def wire(*, csms: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Wire]:
    """A station and its cloud that are connected."""
    clouds = Clouds()
    async with (
        asyncio.timeout(PATIENCE_S),
        clouds.listening(**(csms or {})),
        gateway_of(clouds) as gateway,
        station_at(gateway, **options) as station,
    ):
        assert isinstance(station, Station)
        yield Wire(station, await clouds.arrived.get())


async def hears(end: Station | Csms, count: int) -> list[Heard]:
    """The next frames that come to one end."""
    return [await end.heard.get() for _ in range(count)]


TEXTS = [
    b"",
    b"[2,",
    b'{"no": "array"}',
    b"\x00",
    b"\xff\xfe no UTF-8",
    b"\xed\xa0\x80",
    "äöü\U0001f50c".encode(),
    b"x" * 70_000,
]


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_every_message_goes_through_as_it_is(opcode: Opcode) -> None:
    """OCPP or not, text or binary, both ways, in its order and its kind."""
    async with wire() as ends:
        for speaker, hearer in ends.ways:
            speaker.says(*(Frame(opcode, data) for data in TEXTS))
            assert await hears(hearer, len(TEXTS)) == [(opcode, data) for data in TEXTS]


async def test_a_message_in_pieces_comes_whole() -> None:
    """A wire may put pieces together (RFC 6455 §5.4); what is between them isn't held up."""
    async with wire() as ends:
        for speaker, hearer in ends.ways:
            speaker.says(
                Frame(Opcode.BINARY, b"\xff", fin=False),
                Frame(Opcode.PING, b"now"),
                Frame(Opcode.CONT, b"\x00", fin=True),
            )
            assert await hears(hearer, 2) == [(Opcode.PING, b"now"), (Opcode.BINARY, b"\xff\x00")]
            assert await hears(speaker, 1) == [(Opcode.PONG, b"now")]


async def test_nobody_is_dropped_for_what_he_says() -> None:
    """Many times as much rubbish as a station may send that is controlled."""
    async with wire() as ends:
        rubbish = [f"rubbish {number}".encode() for number in range(3 * Unreadable.MOST)]
        ends.station.says(*(Frame(Opcode.TEXT, data) for data in rubbish))
        assert await hears(ends.cloud, len(rubbish)) == [(Opcode.TEXT, data) for data in rubbish]
        ends.cloud.says(Frame(Opcode.TEXT, b"still there"))
        assert await hears(ends.station, 1) == [(Opcode.TEXT, b"still there")]


async def test_pings_are_answered_by_the_other_end() -> None:
    """With what they carry, once, as are pongs that answer nothing; none is answered in between, and none added."""
    async with wire() as ends:
        for speaker, hearer in ends.ways:
            speaker.says(Frame(Opcode.PING, b"\x00are you there"), Frame(Opcode.PONG, b"I am"), Frame(Opcode.PING, b""))
            came = [(Opcode.PING, b"\x00are you there"), (Opcode.PONG, b"I am"), (Opcode.PING, b"")]
            assert await hears(hearer, 3) == came
            hearer.says(Frame(Opcode.TEXT, b"end"))
            answered = [(Opcode.PONG, b"\x00are you there"), (Opcode.PONG, b""), (Opcode.TEXT, b"end")]
            assert await hears(speaker, 3) == answered


async def test_silence_is_nothing_to_a_wire() -> None:
    """A station that says nothing for longer than elsewhere it may is neither pinged nor given up."""
    async with wire() as ends:
        until = asyncio.get_running_loop().time() + 3 * SILENCE_S
        while asyncio.get_running_loop().time() < until:
            ends.cloud.says(Frame(Opcode.TEXT, b"tick"))
            assert await hears(ends.station, 1) == [(Opcode.TEXT, b"tick")]
        ends.station.says(Frame(Opcode.TEXT, b"here"))
        assert await hears(ends.cloud, 1) == [(Opcode.TEXT, b"here")]


ENDINGS = [
    Farewell(code=1000, reason="bye"),
    Farewell(code=1001),
    Farewell(code=4321, reason="ein eigener Grund: ü"),
    Farewell(code=NO_CODE),
    Farewell(code=BROKEN),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: str(ending.code))
@pytest.mark.parametrize("by_station", [True, False], ids=["station", "cloud"])
async def test_a_connection_ends_as_the_other_has_ended(ending: Farewell, by_station: bool) -> None:
    """The code and the reason, or none, or just no more; and what was said before it comes first."""
    async with wire() as ends:
        speaker, hearer = ends.ways[0 if by_station else 1]
        speaker.says(Frame(Opcode.TEXT, b"last word"))
        await close(speaker, ending)
        assert await hears(hearer, 1) == [(Opcode.TEXT, b"last word")]
        await hearer.wait_closed()
        assert Farewell(code=hearer.close_code or 0, reason=hearer.close_reason or "") == ending


async def test_who_breaks_the_protocol_ends_both() -> None:
    """The other end is told the code with which the offender was closed."""
    async with wire() as ends:
        ends.station.says(Frame(Opcode.CONT, b"of nothing"))
        await asyncio.gather(ends.station.wait_closed(), ends.cloud.wait_closed())
        assert (ends.station.close_code, ends.cloud.close_code) == (1002, 1002)


def agreed(connection: Connection) -> str:
    """The compression that one end has agreed to, by who compresses how."""
    extensions: Sequence[Any] = connection.protocol.extensions
    assert all(isinstance(each, PerMessageDeflate) for each in extensions)
    shown = []
    for each in extensions:
        ours = each.local_no_context_takeover, each.local_max_window_bits
        theirs = each.remote_no_context_takeover, each.remote_max_window_bits
        pair = (ours, theirs) if isinstance(connection, Station) else (theirs, ours)
        shown.append(f"station {pair[0]}, cloud {pair[1]}")
    return ", ".join(shown)


@pytest.mark.parametrize("client", [None, {}, {"client_no_context_takeover": True}, {"server_max_window_bits": 10}])
@pytest.mark.parametrize("server", [None, {}, {"server_no_context_takeover": True, "client_max_window_bits": 9}])
async def test_compression_is_what_both_ends_agree_to(
    client: dict[str, Any] | None, server: dict[str, Any] | None
) -> None:
    """Where one end doesn't want it there is none; where both do, with the one's and the other's parameters."""
    offer = None if client is None else [ClientPerMessageDeflateFactory(**client)]
    answer = None if server is None else [ServerPerMessageDeflateFactory(**server)]
    async with wire(csms={"extensions": answer}, extensions=offer) as ends:
        assert agreed(ends.station) == agreed(ends.cloud)
        assert bool(agreed(ends.station)) == (client is not None and server is not None)
        for speaker, hearer in ends.ways:
            sent = [(Opcode.TEXT, b"\xff" * 2000), (Opcode.BINARY, b"a" * 2000), (Opcode.PING, b"?")]
            speaker.says(*(Frame(opcode, data) for opcode, data in sent))
            assert sorted(await hears(hearer, 3)) == sorted(sent)
            assert await hears(speaker, 1) == [(Opcode.PONG, b"?")]


async def test_headers_go_through_both_ways() -> None:
    """What either side tells in its handshake beside the protocol itself."""

    def tell(_: ServerConnection, __: Request, response: Response) -> None:
        response.headers["X-Csms"] = "rack 7"

    headers = Headers({"X-Serial": "123", "User-Agent": "ACME/1.0", "Authorization": "Basic Q1AtMDE6a2V5"})
    options = {"csms": {"process_response": tell, "server_header": "CSMS/3"}, "user_agent_header": None}
    async with wire(additional_headers=headers, **options) as ends:
        assert ends.cloud.request is not None
        assert ends.station.response is not None
        assert {name: ends.cloud.request.headers.get_all(name) for name in headers} == {
            name: [value] for name, value in headers.items()
        }
        assert ends.station.response.headers["X-Csms"] == "rack 7"
        assert ends.station.response.headers["Server"] == "CSMS/3"


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_a_refusal_goes_through(status: HTTPStatus) -> None:
    """With its status, its headers and its words."""

    def refuse(connection: ServerConnection, _: Request) -> Response:
        response = connection.respond(status, "not you\n")
        response.headers["Retry-After"] = "77"
        return response

    clouds = Clouds()
    async with asyncio.timeout(PATIENCE_S), clouds.listening(process_request=refuse), gateway_of(clouds) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            await station_at(gateway)
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"], response.body) == (status, "77", b"not you\n")
