"""A hostile cloud of one station: the others are served, the loop ticks on, and its own station stays connected."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from edge.ocpp.arbiter import CLOUD_QUEUE
from tests.wire.attack_site import PATIENCE_S, VICTIM, Cloud, Site, attacked, cloud_answer, eventually

HUGE = "9" * 400
TIME = '"timestamp": "2026-11-21T07:00:00Z"'
CALLS = (
    '[2, "boot", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]',
    '[2, "status", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}]',
    '[2, "auth", "Authorize", {"idTag": "X"}]',
    f'[2, "start", "StartTransaction", {{"connectorId": 1, "idTag": "X", "meterStart": 0, {TIME}}}]',
    f'[2, "stop", "StopTransaction", {{"transactionId": 7, "meterStop": 1, {TIME}}}]',
)
NO_PAYLOADS: tuple[object, ...] = (
    *(None, [], "Accepted", 7),
    *({"transactionId": {}}, {"status": [[]]}, {"idTagInfo": None}, {"csChargingProfiles": 1}),
)


async def wrong_ids(connection: ServerConnection) -> None:
    """Answers what nobody asked."""
    async for text in connection:
        answer = cloud_answer(json.loads(text)[2])
        await connection.send(json.dumps([3, "another", answer]))
        await connection.send(json.dumps([4, "yet another", "InternalError", "", {}]))
        await connection.send(json.dumps([3, "edge-0123456789ab-1", {"status": "Rejected"}]))


async def twice(connection: ServerConnection) -> None:
    """Answers each call with two results and an error."""
    async for text in connection:
        _, identifier, action, _ = json.loads(text)
        for _ in range(2):
            await connection.send(json.dumps([3, identifier, cloud_answer(action)]))
        await connection.send(json.dumps([4, identifier, "InternalError", "", {}]))


async def huge_numbers(connection: ServerConnection) -> None:
    """Numbers that no float, no integer of the machine, no clock can hold."""
    async for text in connection:
        _, identifier, action, _ = json.loads(text)
        number = {"auth": "1e999", "start": HUGE}.get(identifier, f"-{HUGE}")
        payload = f'"interval": {number}, "transactionId": {number}, "currentTime": "{HUGE}", "status": "Accepted"'
        await connection.send(f'[3, "{identifier}", {{{payload}, "idTagInfo": {{"status": "Accepted"}}}}]')
        await connection.send(f'[2, "n{identifier}", "{action}", {{"connectorId": {HUGE}, "limit": 1e308}}]')


async def rubbish(connection: ServerConnection) -> None:
    """What is no OCPP at all."""
    async for _ in connection:
        for text in ("", "null", "[]", "[2]", '{"a": 1}', "[" * 5000, '[3, "boot"', b"\x00\xff", "x" * 300_000):
            await connection.send(text)
        for kind in ("2", "3", "4", "5", "-1", "2.0", "null", HUGE):
            await connection.send(f'[{kind}, "boot", null, [], "{HUGE}"]')


async def wrong_types(connection: ServerConnection) -> None:
    """Answers and calls whose payloads are anything but what belongs there."""
    async for text in connection:
        kind, identifier, *_ = json.loads(text)
        if kind != 2:
            continue
        for payload in NO_PAYLOADS:
            await connection.send(json.dumps([3, identifier, payload]))
            await connection.send(json.dumps([2, "c", "RemoteStartTransaction", payload]))
            await connection.send(json.dumps([2, "c", "SetChargingProfile", payload]))
            await connection.send(json.dumps([2, "c", "ClearChargingProfile", payload]))


async def flood(connection: ServerConnection) -> None:
    """Calls without end, to a station that answers none."""
    with suppress(ConnectionClosed):
        for number in range(20 * CLOUD_QUEUE):
            await connection.send(
                json.dumps([2, f"call-{number}", "TriggerMessage", {"requestedMessage": "Heartbeat"}])
            )
        async for _ in connection:
            pass


async def hang_up(connection: ServerConnection) -> None:
    """Ends each connection in the middle of what it is asked."""
    await connection.recv()
    connection.transport.abort()


async def five_megabytes(connection: ServerConnection) -> None:
    """A frame that is larger than the largest local list."""
    await connection.recv()
    await connection.send(f'[3, "boot", "{"x" * 5 * 1024 * 1024}"]')


CLOUDS: dict[str, Cloud] = {
    "wrong ids": wrong_ids,
    "twice": twice,
    "huge numbers": huge_numbers,
    "rubbish": rubbish,
    "wrong types": wrong_types,
    "a flood of calls": flood,
    "hangs up": hang_up,
    "five megabytes": five_megabytes,
}


async def drained(station: ClientConnection) -> None:
    """Read what comes, and answer nothing."""
    with suppress(ConnectionClosed):
        async for _ in station:
            pass


@pytest.mark.parametrize("kind", CLOUDS)
async def test_a_cloud_that_answers_wrongly(tmp_path: Path, kind: str) -> None:
    """Its station goes through a whole session with it, and is still there afterwards."""
    async with attacked(tmp_path, cloud=CLOUDS[kind]) as site, site.station() as station:
        reading = asyncio.create_task(drained(station))
        await eventually(lambda: site.connected(VICTIM))
        for text in CALLS:
            await station.send(text)
        await site.unharmed()
        await station.send(CALLS[0])
        await site.unharmed()
        assert site.connected(VICTIM)
        assert not reading.done()
        reading.cancel()


async def test_a_cloud_that_never_reads(tmp_path: Path) -> None:
    """What waits for it doesn't fill the memory: it is cut off, and dialled again."""
    dialled = asyncio.Semaphore(0)

    async def never_reads(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        dialled.release()
        await connection.wait_closed()

    async def dials_again(site: Site) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await dialled.acquire()
        await eventually(lambda: any(each["id"] == VICTIM and each["cloud_connected"] for each in stations(site)))

    async with attacked(tmp_path, cloud=never_reads) as site, site.station() as station:
        await dials_again(site)
        text = json.dumps([2, "1", "DataTransfer", {"vendorId": "V", "data": "x" * 200_000}])
        for number in range(100):
            await station.send(text)
            if number % 50 == 49:
                await site.unharmed()
        await dials_again(site)
        assert site.connected(VICTIM)
        await site.unharmed()


def stations(site: Site) -> list[dict[str, object]]:
    """The stations of the status report."""
    return list(site.daemon.status()["stations"])
