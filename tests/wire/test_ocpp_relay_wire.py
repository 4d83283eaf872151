"""Frames over real sockets: the cloud away and back, own calls, hostile peers, and the end."""

import asyncio
import contextlib
import gc
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from edge.domain.reading import MeterFact
from edge.domain.setpoint import LimitCommand
from edge.domain.site import EvseKey, Mode
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    StationFact,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.ocpp.comings import BURST as BURST_OF_COMINGS
from edge.ocpp.pace import BURST
from edge.ocpp.settings import UnknownStations
from edge.ocpp.station_files import StationFilesBeside
from edge.ocpp.timings import LinkTimings
from tests.unit.ocpp.ocpp_bench import call, limit, result
from tests.wire.ocpp_site import HURRY, PATIENCE_S, Cloud, Gateway, Recorder, eventually, received, round_trip, running


async def test_the_cloud_goes_and_comes_back() -> None:
    """The station stays connected; what it says meanwhile goes up when the cloud is back, and the log tells both."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        await round_trip(station, cloud)
        await cloud.stop()
        await eventually(lambda: gateway.logged("cloud is away"))
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
        await eventually(lambda: gateway.logged("unreadable text from the station"))
        for connection, identifier in ((station, "1"), (other, "2")):
            await connection.send(call(identifier, "Heartbeat"))
            assert await cloud.hears() == call(identifier, "Heartbeat")
        (line,) = gateway.logged("unreadable text from the station")
        assert line["station"] == "CP-01"


async def test_a_flood_of_rubbish_ends_the_link() -> None:
    """Twenty unreadable messages within a minute."""
    async with running("CP-01", mode=Mode.CONTROL) as (gateway, _), gateway.station() as station:
        for _ in range(20):
            await station.send("hello")
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1008


async def test_a_frame_that_is_too_big_ends_its_link() -> None:
    """More than 4 MiB: closed with 1009, the log says why, others are undisturbed."""
    async with (
        # A machine under load must not run out of time between the close and its answer: the rest would be a reset.
        running("CP-01", "CP-02", timings=replace(HURRY, close_s=PATIENCE_S)) as (gateway, cloud),
        gateway.station("/CP-02") as other,
        gateway.station() as station,
    ):
        await eventually(lambda: cloud.open == 2)
        station.transport.write(struct.pack("!BBQ", 0x81, 0xFF, 4_194_305) + b"0123")  # by its head
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1009
        await eventually(lambda: gateway.logged("station is gone"))
        assert "1009" in gateway.logged("station is gone")[0]["why"]
        await eventually(lambda: cloud.open == 1)
        await other.send(call("2", "Heartbeat"))
        assert await cloud.hears() == call("2", "Heartbeat")


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_large_frame_passes(mode: Mode) -> None:
    """A StopTransaction with the samples of a night is some MiB; it passes byte for byte, and what comes behind it."""
    patient = Cloud(takes=4_200_000)
    async with (
        running("CP-01", cloud=patient, mode=mode) as (gateway, cloud),
        gateway.station() as station,
    ):
        text = call("1", "StopTransaction", {"data": "é" * 690_000})
        await eventually(lambda: cloud.open == 1)
        await station.send(text)
        assert len(text) > 4_000_000
        assert await cloud.hears() == text
        await station.send(call("2", "Heartbeat"))
        assert await cloud.hears() == call("2", "Heartbeat")


async def test_an_unknown_station_sends_no_large_frames() -> None:
    """More than 256 KiB of one that waits to be adopted end its link."""
    async with (
        running("CP-01", unknown=UnknownStations.WAIT) as (gateway, _),
        gateway.station("/CP-NEW") as station,
    ):
        await station.send(call("1", "DataTransfer", {"data": "x" * 262_144}))
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1009


async def test_a_station_that_does_not_read_is_cut_off() -> None:
    """What waits for it is bounded, and others are served meanwhile."""
    async with running("CP-01", "CP-02") as (gateway, cloud), gateway.station("/CP-02") as other:
        await eventually(lambda: cloud.open == 1)
        async with gateway.station(max_queue=1) as station:
            station.transport.pause_reading()
            await eventually(lambda: cloud.open == 2)
            flood = call("1", "DataTransfer", {"data": "x" * 200_000})
            with contextlib.suppress(ConnectionClosed):  # the station's upstream connection ends with the station's own
                while True:
                    await cloud.connections[1].send(flood)
            # By whoever looks first: the next message for it, or the ticker.
            by_ticker = [each["why"] for each in gateway.logged("cut a connection off")]
            assert gateway.logged("cut the station off because it doesn't read") or by_ticker == ["it doesn't read"]
            await eventually(lambda: gateway.logged("station is gone"))
            await other.send(call("2", "Heartbeat"))
            assert await cloud.hears() == call("2", "Heartbeat")
            station.transport.abort()


async def test_a_station_that_falls_silent_is_gone() -> None:
    """It answers no ping, and its last word was long ago: the log says so, and its cloud is told."""
    timings = replace(HURRY, ping_every_s=0.05, silence_s=0.3)
    async with running("CP-01", timings=timings) as (gateway, cloud):
        station = await mute_station(gateway)
        await eventually(lambda: gateway.logged("station is gone"))
        assert "nothing was heard" in gateway.logged("station is gone")[0]["why"]
        await eventually(lambda: cloud.open == 0)
        station.close()


async def test_a_pong_is_a_sign_of_life() -> None:
    """The station is pinged, and its pongs come back to its link."""
    timings = replace(HURRY, ping_every_s=0.02)
    async with running("CP-01", timings=timings) as (gateway, cloud), gateway.station(ping_interval=None) as station:
        await eventually(lambda: gateway.sink.of(StationOnline))
        pings: list[Frame] = []
        receive = station.protocol.recv_frame

        def count(frame: Frame) -> None:
            if frame.opcode is Opcode.PING:
                pings.append(frame)
            receive(frame)

        station.protocol.recv_frame = count  # type: ignore[method-assign]
        await eventually(lambda: len(pings) >= 3)  # each but the first shows that the one before was answered
        await round_trip(station, cloud)


async def test_stopping_is_quick_and_thorough() -> None:
    """Within 1.5 s and what a loaded machine takes, with stations that answer a close, one that doesn't, one in
    mid-handshake and one that waits, which would be waited for a minute; that the stations' connections end is no
    trouble then, and no warning."""
    timings = replace(HURRY, close_s=60.0, handshake_s=60.0)
    assert timings.stop_s + timings.cut_s < 1.5
    async with (
        running("CP-01", "CP-02", unknown=UnknownStations.WAIT, timings=timings) as (gateway, cloud),
        gateway.station("/CP-01") as station,
        gateway.station("/unknown") as unknown,
    ):
        dead = await mute_station(gateway, "/CP-02")
        _, halfway = await asyncio.open_connection("127.0.0.1", gateway.server.port)
        await eventually(lambda: cloud.open == 2 and len(gateway.server.waiting) == 1)
        async with asyncio.timeout(PATIENCE_S):
            await gateway.server.stop()
        for connection in (station, unknown):
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1001
        await eventually(lambda: cloud.open == 0)
        assert len(gateway.sink.of(StationOffline)) == 2
        assert [line["log_level"] for line in gateway.logged("station is gone")] == ["info", "info"]
        dead.close()
        halfway.close()


async def test_a_stop_that_runs_out_of_time_complains_of_nothing() -> None:
    """A slow machine: connections are still there when the gateway waits no longer for them."""
    loop, faults = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _loop, context: faults.append(str(context["message"])))
    async with running("CP-01", timings=replace(HURRY, stop_s=0.0, cut_s=0.0)) as (gateway, cloud):
        async with gateway.station() as station:
            await round_trip(station, cloud)
            await gateway.server.stop()
        await eventually(lambda: cloud.open == 0)
    gc.collect()
    assert faults == []


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


async def test_a_login_in_the_clouds_address_is_not_logged() -> None:
    """Who reads the log needn't be who may log in there."""
    upstream = "ws://operator:s3cr@t@127.0.0.1:9/{station}"
    async with running("CP-01", upstream=upstream) as (gateway, _), gateway.station():
        await eventually(lambda: gateway.logged("can't reach the cloud"))
        (line,) = gateway.logged("can't reach the cloud")
        assert line["address"] == "ws://***@127.0.0.1:9/CP-01"


async def test_the_first_that_finds_the_cloud_tells_the_others() -> None:
    """After an outage nobody waits out a pause that another has shown to be needless."""
    timings = LinkTimings(tick_every_s=0.05, redial_first_s=600.0, redial_last_s=600.0, rush_s=0.01)
    async with running("CP-01", "CP-02", "CP-03", timings=timings) as (gateway, cloud):
        await cloud.stop()
        async with gateway.station("/CP-01"), gateway.station("/CP-02"):
            await eventually(lambda: len(gateway.logged("can't reach the cloud")) == 2)
            await cloud.start()
            async with gateway.station("/CP-03"):
                await eventually(lambda: cloud.open == 3)


async def test_a_cloud_that_lets_in_and_hangs_up_is_not_stormed() -> None:
    """Who was let in and lost at once waits its own pause: that others are let in says nothing of how long."""
    timings = LinkTimings(tick_every_s=0.05, redial_first_s=600.0, redial_last_s=600.0, rush_s=0.01)
    ids = ["CP-01", "CP-02", "CP-03"]
    async with contextlib.AsyncExitStack() as them:
        gateway, cloud = await them.enter_async_context(running(*ids, cloud=HangingUp(), timings=timings))
        stations = [await them.enter_async_context(gateway.station(f"/{each}")) for each in ids]
        await eventually(lambda: len(gateway.logged("cloud is away")) >= len(ids))
        for _ in range(20):
            for station in stations:
                await (await station.ping())
        assert len(cloud.connections) == len(ids)


async def test_a_station_that_comes_and_goes_without_end_is_let_in_more_slowly() -> None:
    """Many that claim to be it at once, besides: neither its cloud nor the log has each of them."""
    async with running("CP-01") as (gateway, cloud):
        for _ in range(BURST_OF_COMINGS):
            async with gateway.station():
                pass
        async with contextlib.AsyncExitStack() as them:
            dials = [them.enter_async_context(gateway.station()) for _ in range(10)]
            found = await asyncio.gather(*dials, return_exceptions=True)
        refused = [each.response.status_code for each in found if isinstance(each, InvalidStatus)]
        assert len(refused) >= 5
        assert set(refused) == {429}
        assert len(gateway.logged("station comes and goes too often and is let in more slowly")) == 1
        assert gateway.logged("refused a connection") == []
        assert len(cloud.connections) <= BURST_OF_COMINGS + 10 - len(refused)


class HangingUp(Cloud):
    """A cloud that ends each connection as soon as it stands."""

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        await connection.close(1011)


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


async def test_an_accepted_profile_of_the_cloud_binds(tmp_path: Path) -> None:
    """What it allows reaches the control within a tick, on one connector and on the station as a whole (EVSE 0); the
    cloud hears so when it is on the disk."""
    period = {"startPeriod": 0, "limit": 10.0}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    common = {"stackLevel": 0, "chargingProfileKind": "Relative", "chargingSchedule": schedule}
    default = {"chargingProfileId": 1, "chargingProfilePurpose": "TxDefaultProfile", **common}
    most = {
        **default,
        "chargingProfileId": 2,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {**schedule, "startSchedule": "2026-01-01T00:00:00Z"},
    }
    shelf = StationFilesBeside(tmp_path)
    async with running("CP-01", mode=Mode.CONTROL, shelf=shelf) as (gateway, cloud), gateway.station():
        await eventually(lambda: cloud.open == 1)
        for number, connector, profile in ((1, 1, default), (2, 0, most)):
            payload = {"connectorId": connector, "csChargingProfiles": profile}
            await cloud.connections[0].send(call(str(number), "SetChargingProfile", payload))
            assert json.loads(await cloud.hears()) == [3, str(number), {"status": "Accepted"}]
            assert f'chargingProfileId\\":{number}' in str(shelf.load("CP-01"))
            await eventually(
                lambda connector=connector: (
                    [fact.limit_a for fact in gateway.sink.of(CloudLimit) if fact.key.evse == connector][-1:] == [10.0]
                )
            )


def fragments(text: str, pieces: int) -> bytes:
    """A client's text in pieces (RFC 6455 §5.4), with a mask of zeros."""
    data = text.encode()
    size = len(data) // pieces + 1
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    frames = []
    for index, part in enumerate(parts):
        first = (0x01 if index == 0 else 0x00) | (0x80 if index == len(parts) - 1 else 0x00)
        frames.append(bytes([first, 0x80 | len(part), 0, 0, 0, 0]) + part)
    return b"".join(frames)


@pytest.mark.parametrize("at_once", [True, False])
async def test_messages_in_pieces_keep_their_place(at_once: bool) -> None:
    """Among whole ones, before, between and after, whether they come in one packet or in many."""
    texts = [call(str(number), "Heartbeat") for number in range(12)]
    packets = [fragments(text, 3) if number % 3 else masked(text) for number, text in enumerate(texts)]
    async with running("CP-01") as (gateway, cloud):
        station = await mute_station(gateway)
        await eventually(lambda: cloud.open == 1)
        if at_once:
            station.write(b"".join(packets))
        else:
            for packet in packets:
                for half in (packet[:9], packet[9:]):
                    station.write(half)
                    await station.drain()
                    await asyncio.sleep(0)
        assert [await cloud.hears() for _ in texts] == texts
        station.close()


async def test_text_that_is_no_utf_8_ends_its_link() -> None:
    """Closed with 1007 (RFC 6455 §8.1), and the log says so."""
    async with running("CP-01") as (gateway, cloud):
        station = await mute_station(gateway)
        await eventually(lambda: cloud.open == 1)
        station.write(bytes([0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28]))
        await eventually(lambda: gateway.logged("station is gone"))
        assert "1007" in gateway.logged("station is gone")[0]["why"]
        station.close()


async def test_a_flood_is_read_more_slowly() -> None:
    """Nothing of it is lost or changes its place, the log tells it once, and others are served meanwhile."""
    texts = [call(str(number), "Heartbeat") for number in range(round(BURST) + 40)]
    async with running("CP-01", "CP-02") as (gateway, cloud), gateway.station("/CP-02") as other:
        await eventually(lambda: cloud.open == 1)
        station = await mute_station(gateway)
        await eventually(lambda: cloud.open == 2)
        station.write(b"".join(masked(text) for text in texts))
        await eventually(lambda: gateway.logged("station sends too fast and is read more slowly"))
        await other.send(call("other", "Heartbeat"))
        heard = [await cloud.hears() for _ in range(len(texts) + 1)]
        assert heard.index(call("other", "Heartbeat")) < len(texts)
        assert [text for text in heard if text != call("other", "Heartbeat")] == texts
        assert len(gateway.logged("station sends too fast and is read more slowly")) == 1
        station.close()


class BrokenSink(Recorder):
    """A control that fails at one kind of fact."""

    def take(self, fact: StationFact | MeterFact) -> None:
        """See :class:`edge.control.ports.FactSink`."""
        if isinstance(fact, StatusReported):
            raise RuntimeError("broken")  # noqa: TRY004 - not about the type
        super().take(fact)


async def test_a_fault_of_ours_ends_one_link_only() -> None:
    """The log has it whole; the station may come back, and others don't notice."""
    async with running("CP-01", "CP-02", sink=BrokenSink()) as (gateway, cloud), gateway.station("/CP-02") as other:
        await eventually(lambda: cloud.open == 1)
        async with gateway.station() as station:
            await eventually(lambda: cloud.open == 2)
            await station.send(call("1", "StatusNotification", {"connectorId": 1, "status": "Available"}))
            with pytest.raises(ConnectionClosed):
                await received(station)
        assert await cloud.hears() == call("1", "StatusNotification", {"connectorId": 1, "status": "Available"})
        (line,) = gateway.logged("a fault of the gateway ended a station's connection")
        assert str(line["exc_info"]) == "broken"
        await other.send(call("2", "Heartbeat"))
        assert await cloud.hears() == call("2", "Heartbeat")
        async with gateway.station():
            await eventually(lambda: len(gateway.sink.of(StationOnline)) == 3)
