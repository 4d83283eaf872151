"""Hostile stations, and what isn't a station at all: whatever they do, the others are served and the loop ticks on."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from edge.ocpp.waiting import MAX_CONNECTED, MAX_LISTED
from tests.wire.attack_site import PATIENCE_S, VICTIM, Site, attacked, eventually

UPGRADE = (
    b"GET /VICTIM HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)
# Each sends a hundred KiB to a MiB: far more than a connection that is over is given.
MOST_ROUNDS = 2000


async def upgraded(site: Site, identity: str = VICTIM) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection whose handshake as this station is done; frames are the test's to write."""
    reader, writer = await site.raw()
    writer.write(UPGRADE.replace(VICTIM.encode(), identity.encode()))
    async with asyncio.timeout(PATIENCE_S):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A client's frame with the mask 0 (RFC 6455 §5.2)."""
    length = len(payload)
    head = bytes([opcode | (0x80 if final else 0)])
    if length < 126:
        head += bytes([0x80 | length])
    else:
        head += bytes([0x80 | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


async def gone(reader: asyncio.StreamReader) -> None:
    """Wait until the gateway has ended the connection."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionError):
            while await reader.read(65536):
                pass


async def written(writer: asyncio.StreamWriter, data: bytes) -> bool:
    """Send with patience; False when the gateway has ended the connection."""
    try:
        writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            await writer.drain()
    except ConnectionError:
        return False
    return True


async def test_a_hundred_duplicates_of_one_identity(tmp_path: Path) -> None:
    """All at once from one address: at most one of them is the station in the end, and the next one gets in."""

    async def claim(site: Site) -> None:
        with suppress(ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, TimeoutError):
            async with site.station() as station:
                await station.send('[2, "1", "Heartbeat", {}]')
                await station.recv()

    async with attacked(tmp_path) as site:
        await asyncio.gather(*(claim(site) for _ in range(100)))
        await site.unharmed()
        async with site.station() as station:
            await eventually(lambda: site.connected(VICTIM))
            await station.send('[2, "mine", "Heartbeat", {}]')
            async with asyncio.timeout(PATIENCE_S):
                while json.loads(await station.recv())[1] != "mine":
                    pass
        await site.unharmed()


async def test_two_hundred_connections_at_once_from_one_address(tmp_path: Path) -> None:
    """Unknown identities crowd out nobody: so many wait, so many are listed, and a station of the site gets in."""
    async with attacked(tmp_path) as site:

        async def come(number: int) -> bool:
            with suppress(InvalidHandshake, OSError, TimeoutError):
                async with site.station(f"STRANGER-{number}"):
                    in_time = not all_came.is_set()  # who comes later takes the place of one that has left
                    await all_came.wait()
                    return in_time
            arrived.release()
            return False

        all_came, arrived = asyncio.Event(), asyncio.Semaphore(0)
        coming = [asyncio.create_task(come(number)) for number in range(200)]
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(200 - MAX_CONNECTED - MAX_CONNECTED):
                await arrived.acquire()
        await site.unharmed()
        async with site.station():
            await eventually(lambda: site.connected(VICTIM))
        all_came.set()
        inside = sum(await asyncio.gather(*coming))
        assert 0 < inside <= MAX_CONNECTED
        assert len(site.daemon.status()["waiting_stations"]) <= MAX_LISTED
        await site.unharmed()


@pytest.mark.parametrize("pieces", [1, 50])
async def test_a_message_of_five_megabytes(tmp_path: Path, pieces: int) -> None:
    """In one frame or in fragments: the connection is closed, and only that."""
    part = b"x" * (5 * 1024 * 1024 // pieces)
    async with attacked(tmp_path) as site:
        reader, writer = await upgraded(site)
        await eventually(lambda: site.connected(VICTIM))
        for number in range(pieces):
            opcode = 0x1 if number == 0 else 0x0
            if not await written(writer, frame(opcode, part, final=number == pieces - 1)):
                break
        await gone(reader)
        writer.close()
        await eventually(lambda: not site.connected(VICTIM))
        await site.unharmed()


async def endure(site: Site, writer: asyncio.StreamWriter, data: bytes) -> bool:
    """Whether the gateway ends the connection over which this is sent again and again, the others being served."""
    for number in range(MOST_ROUNDS):
        if not await written(writer, data):
            return True
        if number % 100 == 99:
            await site.unharmed()
    return False


@pytest.mark.parametrize("identity", [VICTIM, "STRANGER"])
@pytest.mark.parametrize("size", [0, 1, 1000])
async def test_endless_fragments(tmp_path: Path, size: int, identity: str) -> None:
    """A message that never ends is bounded, even where its fragments are empty; and the connection ends soon after,
    whether the peer goes on sending or not."""
    async with attacked(tmp_path) as site:
        _, writer = await upgraded(site, identity)
        assert await written(writer, frame(0x1, b"[", final=False))
        assert await endure(site, writer, frame(0x0, b" " * size, final=False) * 1000)
        writer.close()
        await site.unharmed()


@pytest.mark.parametrize("identity", [VICTIM, "STRANGER"])
async def test_a_flood_of_pings_whose_answers_are_not_read(tmp_path: Path, identity: str) -> None:
    """Each wants a pong. Who doesn't read them is cut off before they fill the memory."""
    async with attacked(tmp_path) as site:
        _, writer = await upgraded(site, identity)
        assert await endure(site, writer, frame(0x9, b"x" * 125) * 1000)
        writer.close()
        await eventually(lambda: not site.connected(VICTIM))
        await site.unharmed()


def rubbish() -> Iterator[tuple[str, bytes]]:
    """What comes to a port that is open."""
    yield "random bytes", os.urandom(4096)
    yield "a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    yield "a line without end", b"GET /" + b"a" * 1_000_000
    yield "headers without end", b"GET /VICTIM HTTP/1.1\r\n" + b"X-More: and more\r\n" * 10_000
    yield "a body of its own", UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 999999\r\n\r\n") + b"x" * 9999
    yield "empty lines", b"\r\n" * 10_000
    yield "zeros", bytes(100_000)
    yield "another protocol", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
    yield "a path that is no text", b"GET /%ff%fe%00\xff HTTP/1.1\r\nHost: x\r\n\r\n"


RUBBISH = dict(rubbish())


@pytest.mark.parametrize("kind", RUBBISH)
async def test_rubbish_before_the_handshake(tmp_path: Path, kind: str) -> None:
    """Twenty such connections at once, left open by their end."""
    async with attacked(tmp_path) as site:
        connections = [await site.raw() for _ in range(20)]
        for _, writer in connections:
            await written(writer, RUBBISH[kind])
        await site.unharmed()
        for _, writer in connections:
            writer.close()
        await site.unharmed()


async def test_handshakes_that_never_end(tmp_path: Path) -> None:
    """Two hundred connections that send a byte now and then: a station of the site still gets in at once."""
    async with attacked(tmp_path) as site:
        connections = [await site.raw() for _ in range(200)]
        for byte in UPGRADE[:5]:
            for _, writer in connections:
                await written(writer, bytes([byte]))
            await site.unharmed()
        async with site.station():
            await eventually(lambda: site.connected(VICTIM))
            await site.unharmed()
        for _, writer in connections:
            writer.close()


async def test_frames_that_break_the_protocol(tmp_path: Path) -> None:
    """Unmasked, reserved, control frames too long, a continuation of nothing, text that is no UTF-8."""
    broken = (
        b"\x81\x02{}",
        frame(0x3, b"x"),
        frame(0x9, b"x" * 200),
        frame(0x0, b"x"),
        frame(0x1, b"\xff\xfe"),
        frame(0x8, b"\x00"),
        b"\xff" * 100,
    )
    async with attacked(tmp_path) as site:
        for each in broken:
            reader, writer = await upgraded(site)
            await written(writer, each)
            await gone(reader)
            writer.close()
        await site.unharmed()


async def test_answers_to_nothing_and_calls_without_end(tmp_path: Path) -> None:
    """A station that floods with calls, answers that nobody asked for, and numbers no float can hold."""
    huge = "9" * 400
    texts = [
        *(json.dumps([3, f"edge-{number}", {}]) for number in range(500)),
        *(json.dumps([2, str(number), "Heartbeat", {}]) for number in range(500)),
        f'[2, "a", "MeterValues", {{"connectorId": {huge}, "meterValue": []}}]',
        f'[2, "b", "StartTransaction", {{"connectorId": 1, "idTag": "x", "meterStart": {huge}, "timestamp": "9"}}]',
        '[2, "c", "StatusNotification", {"connectorId": 1e308, "errorCode": "NoError", "status": "Charging"}]',
        json.dumps([2, "d" * 200_000, "Heartbeat", {}]),
    ]
    async with attacked(tmp_path) as site, site.station() as station:
        with suppress(ConnectionClosed):
            for text in texts:
                await station.send(text)
        await site.unharmed()
