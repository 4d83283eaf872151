"""Opening handshakes over real sockets: who gets in, and what the log says of those who don't."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge.clock import SystemClock
from edge.domain.station import CloudLink
from edge.errors import StartError
from edge.ocpp.server import OcppServer
from edge.ocpp.settings import CloudLoss, Listener, OcppSettings, UnknownStations
from edge.ocpp.station_connection import NO_HANDSHAKE, SPEAKS_TLS
from edge.ocpp.unreadable import Unreadable
from edge.ocpp.waiting import MAX_CONNECTED
from tests.unit.ocpp.ocpp_bench import call, site
from tests.wire.ocpp_site import HURRY, PATIENCE_S, Cloud, Gateway, Recorder, eventually, received, round_trip, running

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n{connection}"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)


async def request(gateway: Gateway, text: str) -> tuple[str, asyncio.StreamWriter]:
    """Send a handshake by hand; the status line and headers of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(text.encode())
    async with asyncio.timeout(PATIENCE_S):
        return (await reader.readuntil(b"\r\n\r\n")).decode(), writer


@pytest.mark.parametrize("path", ["/CP-01", "/ocpp/CP-01", "/ocpp/CP%2D01/", "/CP-01?a=b"])
async def test_a_known_station_is_relayed(path: str) -> None:
    """Wherever its identity stands in the path, percent-encoded or not; the cloud sees it at its own place."""
    async with running("CP-01") as (gateway, cloud), gateway.station(path) as station:
        await round_trip(station, cloud)
        (upstream,) = cloud.connections
        assert upstream.request is not None
        assert upstream.request.path == "/csms/CP-01"
        assert upstream.subprotocol == "ocpp1.6"
        assert gateway.sink.of(CloudLink)[-1].connected


async def test_credentials_are_passed_on() -> None:
    """The station's Authorization header reaches its cloud as it is."""
    async with running("CP-01") as (gateway, cloud):
        headers = {"Authorization": "Basic Q1AtMDE6AAH/"}
        async with gateway.station(additional_headers=headers, user_agent_header="Charger/1") as station:
            await round_trip(station, cloud)
        assert cloud.connections[0].request is not None
        found = cloud.connections[0].request.headers
        assert (found["Authorization"], found["User-Agent"]) == ("Basic Q1AtMDE6AAH/", "Charger/1")


async def test_the_subprotocol_is_echoed_as_spelled() -> None:
    """OCPP1.6 in capitals gets its own spelling back and is relayed; the log says so in one line."""
    async with running("CP-01") as (gateway, cloud), gateway.station("/CP-01", "OCPP1.6") as station:
        assert station.subprotocol == "OCPP1.6"
        await round_trip(station, cloud)
        (line,) = gateway.logged("station spells its subprotocol in its own way")
        assert (line["station"], line["offered"]) == ("CP-01", "OCPP1.6")
        assert cloud.connections[0].subprotocol == "ocpp1.6"


async def test_no_subprotocol_is_taken_for_1_6() -> None:
    """The station is relayed, its handshake has no such header, and the log says so in one line."""
    async with running("CP-01") as (gateway, cloud), gateway.station(subprotocols=None) as station:
        assert station.subprotocol is None
        await round_trip(station, cloud)
        assert len(gateway.logged("station offers no subprotocol; taken to speak ocpp1.6")) == 1


async def test_another_subprotocol_is_closed_after_the_handshake() -> None:
    """OCPP-J 1.6 §3.2: completed without the header, then closed; others are undisturbed."""
    async with running("CP-01", "CP-02") as (gateway, cloud), gateway.station("/CP-02") as other:
        async with gateway.station("/CP-01", "ocpp2.0", "ocpp1.5") as station:
            assert station.subprotocol is None
            with pytest.raises(ConnectionClosed):
                await station.recv()
            assert station.close_code == 1002
        (line,) = gateway.logged("closed a station that speaks no OCPP we know")
        assert (line["station"], line["offered"]) == ("CP-01", "ocpp2.0, ocpp1.5")
        await round_trip(other, cloud)
        assert len(cloud.connections) == 1


@pytest.mark.parametrize("path", ["/CP-99", "/", "/%00"])
async def test_an_unknown_station_is_refused(path: str) -> None:
    """HTTP 404 and one line; others are undisturbed."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.address(path), proxy=None)
        assert refused.value.response.status_code == 404
        assert len(gateway.logged("refused a connection")) == 1
        await round_trip(station, cloud)


async def test_an_unknown_station_waits() -> None:
    """It is connected, told to wait, listed, and never relayed."""
    async with running("CP-01", unknown=UnknownStations.WAIT) as (gateway, cloud):
        async with gateway.station("/CP-99") as station:
            await station.send(call("1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}))
            assert (await received(station))[2]["status"] == "Pending"
            await station.send("hello")
            await station.send(call("2", "StatusNotification", {"connectorId": 1}))
            assert (await received(station))[:3] == [4, "2", "SecurityError"]
            (waiting,) = gateway.server.waiting
            assert (waiting.identity, waiting.address) == ("CP-99", "127.0.0.1")
            assert (waiting.vendor, waiting.model) == ("V", "M")
        assert len(gateway.logged("unknown station connected and waits to be adopted")) == 1
        await eventually(lambda: gateway.logged("unknown station left"))
        assert cloud.connections == []
        assert gateway.sink.facts == []


async def test_two_unknown_stations_with_one_identity() -> None:
    """Both addresses are named while both are there; one that comes anew from its own address is no second."""
    async with running("CP-01", unknown=UnknownStations.WAIT) as (gateway, _):
        async with gateway.station("/CP-99"):
            await eventually(lambda: len(gateway.server.waiting) == 1)
            async with gateway.station("/CP-99"):
                await eventually(lambda: len(gateway.logged("unknown station connected and waits to be adopted")) == 2)
                assert gateway.server.waiting[0].also_at is None
            other = await connect(gateway.address("/CP-99"), proxy=None, local_addr=("127.0.0.2", 0))
        async with other, gateway.station("/CP-99"):
            await eventually(lambda: gateway.server.waiting[0].also_at is not None)
            (waiting,) = gateway.server.waiting
            assert (waiting.address, waiting.also_at) == ("127.0.0.1", "127.0.0.2")


async def test_an_unknown_station_is_heard_in_its_own_edition() -> None:
    """What 2.1 knows is no rubbish, what can't be read is answered as 2.1 has it, and the trace shows both."""
    async with running("CP-01", unknown=UnknownStations.WAIT) as (gateway, _):
        async with gateway.station("/CP-99", "ocpp2.1") as station:
            for _ in range(Unreadable.MOST):
                await station.send('[6,"s","NotifyPeriodicEventStream",{}]')
            await station.send('[2,"x"]')
            assert (await received(station))[:3] == [4, "x", "RpcFrameworkError"]
        trace = gateway.server.trace("CP-99") or []
        assert [entry["way"] for entry in trace[-2:]] == ["station → gateway", "gateway → station"]
        assert gateway.server.trace("CP-98") is None


async def test_only_so_many_unknown_stations_are_connected() -> None:
    """The next one gets 503, a known one still gets in."""
    async with running("CP-01", unknown=UnknownStations.WAIT) as (gateway, cloud):
        connections = [await connect(gateway.address(f"/X{n}"), proxy=None) for n in range(MAX_CONNECTED)]
        await eventually(lambda: len(gateway.server.waiting) == MAX_CONNECTED)
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.address("/one-more"), proxy=None)
        assert refused.value.response.status_code == 503
        async with gateway.station() as station:
            await round_trip(station, cloud)
        await asyncio.gather(*(connection.close() for connection in connections))


async def test_an_unknown_station_that_talks_rubbish_is_closed() -> None:
    """After twenty unreadable messages."""
    async with running(unknown=UnknownStations.WAIT) as (gateway, _), gateway.station("/X") as station:
        for _ in range(20):
            await station.send("hello")
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1008


@pytest.mark.parametrize("connection", ["", "Connection: keep-alive\r\n"])
async def test_a_missing_connection_header_is_tolerated(connection: str) -> None:
    """Some stations forget ``Connection: Upgrade`` (lbbrhzn/ocpp pull 1984)."""
    async with running("CP-01") as (gateway, _):
        answer, writer = await request(gateway, UPGRADE.format(path="/CP-01", connection=connection))
        assert answer.startswith("HTTP/1.1 101")
        assert len(gateway.logged("station's handshake lacks Connection: Upgrade; served all the same")) == 1
        writer.close()


async def test_a_browser_is_told_what_this_is() -> None:
    """A plain request gets 426 and one line without a traceback; text that is no HTTP ends its connection."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        answer, writer = await request(gateway, "GET /CP-01 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith("HTTP/1.1 426")
        (line,) = gateway.logged("refused a connection")
        assert line["why"] == "missing Connection header"
        assert gateway.logged("a second connection claims a station's identity") == []
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
        writer.write(b"\x16\x03\x01 rubbish\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
        await round_trip(station, cloud)


async def test_a_second_connection_from_the_same_address_takes_over() -> None:
    """The old one is closed, the new one is served, and the log raises an alert."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as old:
        await round_trip(old, cloud)
        async with gateway.station() as new:
            with pytest.raises(ConnectionClosed):
                await old.recv()
            await eventually(lambda: len(cloud.connections) == 2)
            await round_trip(new, cloud, "2")
            (alert,) = gateway.logged("a second connection claims a station's identity")
            assert (alert["station"], alert["taken_over"]) == ("CP-01", True)
            await eventually(lambda: cloud.open == 1)


async def test_a_second_connection_is_refused_while_the_first_lives() -> None:
    """From another address, and the first answers a ping: 409 and an alert."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as old:
        with pytest.raises(InvalidStatus) as refused:
            async with gateway.station(source="127.0.0.2"):
                pass
        assert refused.value.response.status_code == 409
        (alert,) = gateway.logged("a second connection claims a station's identity")
        assert (alert["address"], alert["held_by"], alert["taken_over"]) == ("127.0.0.2", "127.0.0.1", False)
        await round_trip(old, cloud)


async def test_a_second_connection_takes_over_from_a_dead_one() -> None:
    """From another address, when the first answers no ping."""
    async with running("CP-01", timings=replace(HURRY, takeover_ping_s=0.15)) as (gateway, cloud):
        _, writer = await request(gateway, UPGRADE.format(path="/CP-01", connection="Connection: Upgrade\r\n"))
        await eventually(lambda: cloud.open == 1)
        async with gateway.station(source="127.0.0.2") as new:
            await eventually(lambda: len(cloud.connections) == 2 and cloud.open == 1)
            await round_trip(new, cloud)
        writer.close()


async def test_in_transparent_mode_the_cloud_comes_first() -> None:
    """Refused while the cloud is away, closed when it goes, served when it is there."""
    cloud = Cloud()
    async with running("CP-01", cloud=cloud, cloud_loss=CloudLoss.TRANSPARENT) as (gateway, _):
        async with gateway.station() as station:
            assert cloud.open == 1
            await round_trip(station, cloud)
            await cloud.stop()
            with pytest.raises(ConnectionClosed):
                await station.recv()
            assert station.close_code == 1001
        with pytest.raises(InvalidStatus) as refused:
            async with gateway.station():
                pass
        assert refused.value.response.status_code == 503
        await cloud.start()
        async with gateway.station() as station:
            await round_trip(station, cloud)
        await eventually(lambda: cloud.open == 0)


async def test_in_transparent_mode_a_station_that_gives_up_leaves_nothing_behind() -> None:
    """An upstream connection made for a handshake that the library then refuses is closed."""
    async with running("CP-01", cloud_loss=CloudLoss.TRANSPARENT) as (gateway, cloud):
        text = UPGRADE.format(path="/CP-01", connection="Connection: Upgrade\r\n").replace("Version: 13", "Version: 7")
        answer, writer = await request(gateway, text)
        assert answer.startswith("HTTP/1.1 400")
        writer.close()
        await eventually(lambda: len(cloud.connections) == 1 and cloud.open == 0)


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (bytes.fromhex("16030100c5010000c10303"), SPEAKS_TLS),
        (b"POST /CP-01 HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n<s:Envel", NO_HANDSHAKE),
    ],
)
async def test_who_makes_no_handshake_is_told_of(first: bytes, why: str) -> None:
    """A station that is given wss:// for ws://, or speaks SOAP: one line however often it comes, and one entry with how
    often."""
    async with running("CP-01") as (gateway, _):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
            writer.write(first)
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()
        await eventually(lambda: [each.times for each in gateway.server.turned_away] == [2])
        (entry,) = gateway.server.turned_away
        assert (entry.address, entry.why, entry.station) == ("127.0.0.1", why, None)
        assert [line["why"] for line in gateway.logged("refused a connection")] == [why]


@pytest.mark.parametrize("first", [b"", b"GET /CP-01 HT"])
async def test_who_only_looks_whether_the_port_is_open_is_not_told_of(first: bytes) -> None:
    """Monitors do so every few seconds."""
    async with running("CP-01") as (gateway, cloud):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
        writer.write(first)
        writer.close()
        await writer.wait_closed()
        async with gateway.station() as station:
            await round_trip(station, cloud)
        assert gateway.server.turned_away == ()


async def test_an_address_in_use_is_a_start_error() -> None:
    """One sentence with the remedy."""
    async with running("CP-01") as (gateway, cloud):
        settings = OcppSettings(
            plain_listen=Listener(host="127.0.0.1", port=gateway.server.port),
            upstream=f"ws://127.0.0.1:{cloud.port}",
        )
        second = OcppServer(site=site(), settings=settings, clock=SystemClock(), sink=Recorder())
        with pytest.raises(
            StartError, match=r"address 127\.0\.0\.1:\d+ is in use by another program; stop that program"
        ):
            await second.start()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_address_that_no_network_has_is_told_as_such(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """The adapter of the charger LAN is unplugged (RFC 5737's address here): another address wouldn't help."""
    settings = OcppSettings(plain_listen=Listener(host="192.0.2.1", port=9000), upstream="ws://127.0.0.1:1")
    server = OcppServer(site=site(), settings=settings, clock=SystemClock(), sink=Recorder())
    with pytest.raises(
        StartError, match=r"the stations' address 192\.0\.2\.1:9000 .*no network that is up has .*; see"
    ):
        run(server.start())
