"""Frames over real sockets: the cloud away and back, own calls, hostile peers, and the end."""

import asyncio
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from edge.domain.setpoint import LimitCommand
from edge.domain.site import EvseKey, Mode
from edge.domain.station import CloudLink, LimitAnswered, LimitOutcome, LimitSent, StationOffline, StationOnline
from edge.ocpp.settings import UnknownStations
from edge.ocpp.timings import LinkTimings
from tests.unit.ocpp.ocpp_bench import call, limit, result
from tests.wire.ocpp_site import HURRY, PATIENCE_S, Gateway, eventually, received, round_trip, running


async def test_the_cloud_goes_and_comes_back() -> None:
    """The station stays connected; what it says meanwhile goes up when the cloud is back, and the log tells both."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        await round_trip(station, cloud)
        await cloud.stop()
        await eventually(lambda: gateway.logged("cloud is away"))
        assert gateway.server.cloud_links() == {"CP-01": False}
        await station.send(call("2", "Heartbeat"))
        await cloud.start()
        assert await cloud.hears() == call("2", "Heartbeat")
        await cloud.connections[-1].send(result("2"))
        assert await received(station) == [3, "2", {}]
        assert [fact.connected for fact in gateway.sink.of(CloudLink)] == [True, False, True]
        (line,) = [entry for entry in gateway.capture.entries if entry["event"].startswith("cloud is back after")]
        assert line["log_level"] == "info"
        assert len(gateway.logged("can't reach the cloud")) <= 1  # not for every attempt


async def test_the_upstream_connection_ends_with_the_stations() -> None:
    """One for each connection of the station, and none without."""
    async with running("CP-01", "CP-02") as (gateway, cloud), gateway.station("/CP-02"):
        async with gateway.station():
            await eventually(lambda: cloud.open == 2)
        await eventually(lambda: cloud.open == 1)
        assert [fact.station for fact in gateway.sink.of(StationOffline)] == ["CP-01"]
        assert len(gateway.sink.of(StationOnline)) == 2


async def test_a_limit_reaches_the_station_and_nobody_else() -> None:
    """Written at once, answered to the control, unseen by the cloud; also the questions after a connect."""
    async with running("CP-01", mode=Mode.CONTROL) as (gateway, cloud), gateway.station() as station:
        await eventually(lambda: cloud.open == 1)
        gateway.server.write_limit(limit(5))
        kind, identifier, action, payload = await received(station)
        assert (kind, action, payload["connectorId"]) == (2, "SetChargingProfile", 1)
        await station.send(result(identifier, {"status": "Accepted"}))
        await eventually(lambda: gateway.sink.of(LimitAnswered))
        assert [fact.outcome for fact in gateway.sink.of(LimitAnswered)] == [LimitOutcome.ACCEPTED]
        assert len(gateway.sink.of(LimitSent)) == 1
        for action in ("GetConfiguration", "TriggerMessage", "TriggerMessage"):
            _, identifier, asked, _ = await received(station)
            assert asked == action
            await station.send(result(identifier, {}))
        await round_trip(station, cloud)  # the first thing that the cloud hears


async def test_a_limit_for_a_station_that_is_away() -> None:
    """Never sent, whether it is configured or not."""
    async with running("CP-01", mode=Mode.CONTROL) as (gateway, _):
        elsewhere = LimitCommand(
            id=6,
            key=EvseKey(station="CP-99", evse=1),
            purpose=limit().purpose,
            limit_a=6.0,
            safe_a=6.0,
            lease_s=60.0,
        )
        for command in (limit(5), elsewhere):
            gateway.server.write_limit(command)
        found = [(fact.command, fact.outcome) for fact in gateway.sink.of(LimitAnswered)]
        assert found == [(5, LimitOutcome.NOT_SENT), (6, LimitOutcome.NOT_SENT)]


async def test_text_that_is_not_json() -> None:
    """One line, the link is kept, others are undisturbed."""
    async with (
        running("CP-01", "CP-02", mode=Mode.CONTROL) as (gateway, cloud),
        gateway.station("/CP-01") as station,
        gateway.station("/CP-02") as other,
    ):
        await eventually(lambda: cloud.open == 2)
        await station.send("hello, world")
        await station.send(b"\x00\x01")
        await eventually(lambda: len(gateway.logged("unreadable text from the station")) == 2)
        assert gateway.logged("unreadable text from the station")[0]["station"] == "CP-01"
        for connection, identifier in ((station, "1"), (other, "2")):
            await connection.send(call(identifier, "Heartbeat"))
            assert await cloud.hears() == call(identifier, "Heartbeat")


async def test_a_flood_of_rubbish_ends_the_link() -> None:
    """Twenty unreadable messages within a minute."""
    async with running("CP-01") as (gateway, _), gateway.station() as station:
        for _ in range(20):
            await station.send("hello")
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1008


async def test_a_frame_that_is_too_big_ends_its_link() -> None:
    """More than 256 KiB: closed with 1009, the log says why, others are undisturbed."""
    async with (
        running("CP-01", "CP-02") as (gateway, cloud),
        gateway.station("/CP-02") as other,
        gateway.station() as station,
    ):
        await eventually(lambda: cloud.open == 2)
        await station.send(call("1", "DataTransfer", {"data": "x" * 262_144}))
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1009
        await eventually(lambda: gateway.logged("station is gone"))
        assert "1009" in gateway.logged("station is gone")[0]["why"]
        await eventually(lambda: cloud.open == 1)
        await other.send(call("2", "Heartbeat"))
        assert await cloud.hears() == call("2", "Heartbeat")


async def test_a_large_frame_passes() -> None:
    """Just below the limit, byte for byte."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        text = call("1", "DataTransfer", {"data": "é" * 40_000})
        await station.send(text)
        assert await cloud.hears() == text


async def test_a_station_that_does_not_read_is_cut_off() -> None:
    """What waits for it is bounded, and others are served meanwhile."""
    async with running("CP-01", "CP-02") as (gateway, cloud), gateway.station("/CP-02") as other:
        await eventually(lambda: cloud.open == 1)
        async with gateway.station(max_queue=1) as station:
            station.transport.pause_reading()
            await eventually(lambda: cloud.open == 2)
            flood = call("1", "DataTransfer", {"data": "x" * 200_000})
            while not gateway.logged("cut the station off because it doesn't read"):
                await cloud.connections[1].send(flood)
            await eventually(lambda: gateway.logged("station is gone"))
            await other.send(call("2", "Heartbeat"))
            assert await cloud.hears() == call("2", "Heartbeat")
            station.transport.abort()


async def test_a_station_that_answers_no_ping_is_kept_while_it_talks() -> None:
    """Its pings go unanswered (lbbrhzn/ocpp issue 211); only silence ends its link."""
    timings = LinkTimings(ping_every_s=0.02, silence_s=0.3, tick_every_s=0.05)
    async with running("CP-01", timings=timings) as (gateway, cloud):
        station = await mute_station(gateway)
        await eventually(lambda: cloud.open == 1)
        began = time.monotonic()
        while time.monotonic() - began < 0.6:
            station.write(masked(call("1", "Heartbeat")))
            await cloud.hears()
        assert gateway.logged("station is gone") == []
        await eventually(lambda: gateway.logged("station is gone"))
        assert "nothing was heard" in gateway.logged("station is gone")[0]["why"]
        station.close()


async def test_a_silent_station_that_answers_pings_is_kept() -> None:
    """A pong is a sign of life."""
    timings = LinkTimings(ping_every_s=0.02, silence_s=0.2, tick_every_s=0.05)
    async with running("CP-01", timings=timings) as (gateway, cloud), gateway.station() as station:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await station.recv()
        await round_trip(station, cloud)


async def test_stopping_is_quick_and_thorough() -> None:
    """Within 1.5 s, with stations that answer a close, one that doesn't, one in mid-handshake and one that waits;
    that the stations' connections end is no trouble then, and no warning."""
    async with (
        running("CP-01", "CP-02", unknown=UnknownStations.WAIT) as (gateway, cloud),
        gateway.station("/CP-01") as station,
        gateway.station("/unknown") as unknown,
    ):
        dead = await mute_station(gateway, "/CP-02")
        _, halfway = await asyncio.open_connection("127.0.0.1", gateway.server.port)
        await eventually(lambda: cloud.open == 2 and len(gateway.server.waiting) == 1)
        began = time.monotonic()
        await gateway.server.stop()
        assert time.monotonic() - began < 1.5
        for connection in (station, unknown):
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1001
        await eventually(lambda: cloud.open == 0)
        assert len(gateway.sink.of(StationOffline)) == 2
        assert [line["log_level"] for line in gateway.logged("station is gone")] == ["info", "info"]
        dead.close()
        halfway.close()


async def test_the_cloud_refuses_the_station() -> None:
    """HTTP 401 from above is told once; the station stays, and limits would reach it."""
    async with running("CP-01") as (gateway, cloud):
        await cloud.stop()
        refuser = await asyncio.start_server(refuse, "127.0.0.1", cloud.port)
        async with gateway.station(), refuser:
            await eventually(lambda: gateway.logged("can't reach the cloud"))
            await asyncio.sleep(3 * HURRY.redial_first_s)
            problems = [line["problem"] for line in gateway.logged("can't reach the cloud")]
            assert problems == ["the cloud refuses this station: HTTP 401"]
            assert gateway.logged("station is gone") == []


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A cloud that knows nobody."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def mute_station(gateway: Gateway, path: str = "/CP-01") -> asyncio.StreamWriter:
    """A station that has shaken hands and never reads again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b"\r\n\r\n")
    return writer


def masked(text: str) -> bytes:
    """A client's text frame with a mask of zeros (RFC 6455 §5.3), up to 125 bytes."""
    data = text.encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data


def test_a_masked_frame_is_what_it_says() -> None:
    """The helper writes one frame."""
    assert masked(json.dumps([]))[-2:] == b"[]"
