"""A hostile meter: no reading of it is believed, nobody else is disturbed, and once it is honest again it is read."""

import asyncio
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wire.attack_site import (
    Meter,
    ReadRequest,
    answer_with,
    attacked,
    eventually,
    honest_answer,
    honest_meter,
    read_request,
)

Answer = Callable[[ReadRequest], bytes]


def answering(answer: Answer) -> Meter:
    """A meter that answers every request with these bytes."""

    async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(answer(await read_request(reader)))
            await writer.drain()

    return meter


def hanging_up_after(size: int) -> Meter:
    """A meter that ends the connection in the middle of its answer."""

    async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(honest_answer(await read_request(reader))[:size])
        await writer.drain()

    return meter


def posing(**other: int) -> Meter:
    """A meter whose answers are those to another request than it was sent."""
    return answering(lambda request: honest_answer(request._replace(**other)))


def spoiled(start: int, instead: bytes) -> Meter:
    """A meter whose answers have these bytes in the place of their own."""

    def answer(request: ReadRequest) -> bytes:
        right = honest_answer(request)
        return right[:start] + instead + right[start + len(instead) :]

    return answering(answer)


def showing(value: float) -> Meter:
    """A meter that shows this everywhere."""
    return answering(lambda request: answer_with(request, struct.pack(">f", value) * (request.registers // 2)))


def refusing(code: int) -> Meter:
    """A meter that answers with a Modbus exception."""

    def answer(request: ReadRequest) -> bytes:
        return struct.pack(">HHHBBB", request.transaction, 0, 3, request.unit, request.function | 0x80, code)

    return answering(answer)


async def flooding(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talks without being asked, and without end."""
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then."""
    for byte in honest_answer(await read_request(reader)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)  # slower than the gateway's patience is the point


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes every request and answers none."""
    await reader.read()


METERS: dict[str, Meter] = {
    "garbage": answering(lambda _: os.urandom(300)),
    "zeros": answering(lambda _: bytes(300)),
    "a header cut short": answering(lambda request: honest_answer(request)[:5]),
    "a frame cut short": answering(lambda request: honest_answer(request)[:40]),
    "another transaction": posing(transaction=0xFFFF),
    "another unit": posing(unit=2),
    "another function": posing(function=3),
    "half the registers": posing(registers=36),
    "no registers": posing(registers=0),
    "another protocol": spoiled(2, b"\x00\x07"),
    "a length that lies": spoiled(4, b"\xff\xff"),
    "a byte count that lies": spoiled(8, b"\xff"),
    "an exception": refusing(255),
    "not a number": showing(float("nan")),
    "infinity": showing(float("inf")),
    "far too much": showing(3e38),
    "hangs up at once": hanging_up_after(0),
    "hangs up in the header": hanging_up_after(4),
    "hangs up in the data": hanging_up_after(30),
    "a flood": flooding,
    "a byte now and then": dripping,
    "silence": silent,
}


@pytest.mark.parametrize("kind", METERS)
async def test_a_meter_that_lies(tmp_path: Path, kind: str) -> None:
    """It counts as lost as long as it does, and is read again when it doesn't."""
    async with attacked(tmp_path, meter=METERS[kind]) as site:
        await eventually(lambda: site.meter_problem is not None)
        await site.unharmed()
        assert not site.meter_ok
        site.meter = honest_meter
        site.hang_up_meter()
        await eventually(lambda: site.meter_ok)
        await site.unharmed()


async def test_a_meter_that_answers_twice_is_read(tmp_path: Path) -> None:
    """The second answer belongs to no request any more: it is dropped, and the meter counts as sound."""
    async with attacked(tmp_path, meter=answering(lambda request: honest_answer(request) * 2)) as site:
        await eventually(lambda: site.meter_ok)
        await site.unharmed()
        assert site.meter_ok
