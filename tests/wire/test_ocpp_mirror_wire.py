"""Mirrors: further clouds that get copies and can command nothing."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from edge.domain.site import Mode
from edge.domain.station import CloudLink
from edge.ocpp.dossier import Dossier
from edge.ocpp.figures import Figures
from edge.ocpp.guarded import SAMPLE_INTERVAL
from edge.ocpp.mirror import BEHIND, MOST_CHARACTERS, MOST_TOGETHER, MOST_WAITING, Mirror, Room
from edge.ocpp.settings import Samples
from edge.ocpp.station_files import StationFiles
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, call, meter_values, result
from tests.wire.ocpp_site import HURRY, Cloud, Gateway, eventually, received, round_trip, running


@asynccontextmanager
async def mirrored() -> AsyncIterator[tuple[Gateway, Cloud, Cloud]]:
    """A gateway with a cloud and a mirror."""
    mirror = Cloud()
    await mirror.start()
    try:
        address = f"ws://127.0.0.1:{mirror.port}/copy/{{station}}"
        async with running("CP-01", mirrors=(address,)) as (gateway, cloud):
            yield gateway, cloud, mirror
    finally:
        await mirror.stop()


async def test_a_mirror_hears_what_the_cloud_hears() -> None:
    """The station's CALLs and answers to the letter, by its identity, without its credentials."""
    async with mirrored() as (gateway, cloud, mirror):
        headers = {"Authorization": "Basic Q1AtMDE6c2VjcmV0"}
        async with gateway.station(additional_headers=headers) as station:
            await eventually(lambda: cloud.open == 1 and mirror.open == 1)
            await round_trip(station, cloud)
            await cloud.connections[0].send(call("r", "Reset", {"type": "Soft"}))
            assert (await received(station))[2] == "Reset"
            await station.send(result("r", {"status": "Accepted"}))
            assert await cloud.hears() == result("r", {"status": "Accepted"})
            assert await mirror.hears() == '[2,  "1", "Heartbeat", {}]'
            assert await mirror.hears() == result("r", {"status": "Accepted"})
            request = mirror.connections[0].request
            assert request is not None
            assert (request.path, request.headers.get("Authorization")) == ("/copy/CP-01", None)
        await eventually(lambda: mirror.open == 0)


async def test_a_mirror_commands_nothing() -> None:
    """Its CALL is refused by the gateway, its answers and its rubbish are dropped; the station hears of nothing."""
    async with mirrored() as (gateway, cloud, mirror), gateway.station() as station:
        await eventually(lambda: cloud.open == 1 and mirror.open == 1)
        for text in ("rubbish", result("1", {"stray": True}), call("x", "Reset", {"type": "Hard"})):
            await mirror.connections[0].send(text)
        kind, identifier, code, *_ = json.loads(await mirror.hears())
        assert (kind, identifier, code) == (4, "x", "SecurityError")
        await round_trip(station, cloud)


async def test_a_mirror_that_is_away_disturbs_nobody() -> None:
    """It is told once, and found again."""
    async with mirrored() as (gateway, cloud, mirror), gateway.station() as station:
        await eventually(lambda: mirror.open == 1)
        await mirror.stop()
        await eventually(lambda: gateway.logged("can't reach a mirror"))
        await round_trip(station, cloud)
        await mirror.start()
        assert await mirror.hears() == '[2,  "1", "Heartbeat", {}]'
        assert len(gateway.logged("can't reach a mirror")) == 1


async def test_what_a_slow_mirror_can_not_take_is_lost() -> None:
    """The oldest copies go, counted; the newest are there when it is back."""
    figures, cloud = Figures(), Cloud()
    await cloud.start()
    uri = f"ws://127.0.0.1:{cloud.port}/CP-01"
    mirror = Mirror(uri, Version.V16, HURRY, figures, structlog.get_logger())
    for number in range(MOST_WAITING + 3):
        mirror.copy(str(number))
    assert figures.mirror_lost == 3
    running_mirror = asyncio.create_task(mirror.run())
    assert await cloud.hears() == "3"
    running_mirror.cancel()
    await asyncio.gather(running_mirror, return_exceptions=True)
    await cloud.stop()


async def test_no_more_than_so_much_waits_for_a_slow_mirror() -> None:
    """A few long messages take the place of many short ones."""
    figures, cloud = Figures(), Cloud(takes=MOST_CHARACTERS)
    await cloud.start()
    mirror = Mirror(f"ws://127.0.0.1:{cloud.port}/CP-01", Version.V16, HURRY, figures, structlog.get_logger())
    long = "x" * (MOST_CHARACTERS // 2 - 10)
    for message in ("first", long, "second", long, "third", "the fourth makes room"):
        mirror.copy(message)
    assert figures.mirror_lost == 2
    running_mirror = asyncio.create_task(mirror.run())
    assert [await cloud.hears() for _ in range(4)] == ["second", long, "third", "the fourth makes room"]
    running_mirror.cancel()
    await asyncio.gather(running_mirror, return_exceptions=True)
    await cloud.stop()


async def test_no_more_than_so_much_waits_for_all_mirrors_together() -> None:
    """Of five hundred stations. Who brings more loses what is oldest of its own; what is over leaves its room."""
    figures, room = Figures(), Room()
    uri = "ws://127.0.0.1:9/CP-01"
    mirrors = [Mirror(uri, Version.V16, HURRY, figures, structlog.get_logger(), room) for _ in range(500)]
    for mirror in mirrors:
        for _ in range(MOST_WAITING // 4):
            mirror.copy("x" * 1024)
    lost = figures.mirror_lost
    assert room.taken <= MOST_TOGETHER + len(mirrors) * BEHIND * 1024
    assert lost * 1024 == 500 * MOST_WAITING // 4 * 1024 - room.taken
    del mirrors[100:], mirror
    gc.collect()
    for mirror in mirrors:
        mirror.copy("x" * 1024)
    assert figures.mirror_lost == lost


async def test_a_mirror_hears_the_samples_that_the_cloud_has_not_asked_for(tmp_path: Path) -> None:
    """``samples = "asked"`` is about what the link to the cloud costs."""
    mirror, dossiers = Cloud(), StationFiles(tmp_path)
    dossier = Dossier("CP-01", dossiers)
    dossier.cloud_wrote[SAMPLE_INTERVAL] = "60"
    dossier.keep()
    await mirror.start()
    mirrors = (f"ws://127.0.0.1:{mirror.port}/{{station}}",)
    async with (
        running("CP-01", dossiers=dossiers, mirrors=mirrors, samples=Samples.ASKED, mode=Mode.CONTROL) as (
            gateway,
            cloud,
        ),
        gateway.station() as station,
    ):
        # The cloud has let it in some time before the gateway knows that.
        await eventually(lambda: mirror.open == 1 and any(link.connected for link in gateway.sink.of(CloudLink)))
        texts = [
            call(f"m{at}", "MeterValues", meter_values({"value": "9"}, at=NOON + timedelta(seconds=at)))
            for at in (0, 10, 20, 60)
        ]
        for text in texts:
            await station.send(text)
        for identifier in ("m10", "m20"):
            message = await received(station)
            while message[0] != 3:  # what the gateway asks a station that has connected
                message = await received(station)
            assert message == [3, identifier, {}]
        assert [await cloud.hears() for _ in range(2)] == [texts[0], texts[3]]
        assert [await mirror.hears() for _ in range(4)] == texts
    await mirror.stop()
