"""Modbus RTU as a bus of simulated meters speaks it: over a byte stream, whatever carries it.

Requests are answered one after the other, in the order in which they came; each answer after the meter's own time.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, Self, cast

from simulators.meter.device import Device
from simulators.meter.modbus import answer_pdu
from simulators.site import Endpoint

REQUEST_LENGTH: Final = 8  # unit, function, first register, count, check sum
_CRC_LENGTH: Final = 2
ANSWER_S: Final = 0.02  # from the end of the request to the beginning of the answer: a quick meter's
# Modbus over Serial Line V1.02 §2.5.1.1: the silence that ends a frame, where the carrier tells of it.
Send = Callable[[bytes], Awaitable[None]]


def crc(data: bytes) -> bytes:
    """The check sum of a frame, bit by bit (Modbus over Serial Line V1.02 §6.2.2)."""
    remainder = 0xFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            carry = remainder & 1
            remainder >>= 1
            if carry:
                remainder ^= 0xA001
    return struct.pack("<H", remainder)


class RtuBus:
    """The meters of one line by unit id; `send` puts bytes onto it."""

    def __init__(self, meters: Mapping[int, Device], send: Send, *, answer_s: float = ANSWER_S) -> None:
        self._meters = meters
        self._send = send
        self._answer_s = answer_s
        self._buffer = bytearray()
        self._requests: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked = asyncio.Event()  # set by the first request

    def take(self, data: bytes) -> None:
        """Bytes from the master."""
        self._buffer += data
        for request in self._frames():
            self.asked.set()
            self._requests.put_nowait(request)

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            request = await self._requests.get()
            meter = self._meters.get(request[0])
            if meter is None:
                continue
            delivery = meter.delivery()
            if delivery.is_silent:
                continue
            await asyncio.sleep(self._answer_s + delivery.delay_s)
            frame = bytes((delivery.unit or request[0],)) + answer_pdu(
                meter, request[1:-_CRC_LENGTH], exception=delivery.exception
            )
            frame += crc(frame)
            await self._send(meter.broken(frame) if delivery.is_broken else frame)

    def _frames(self) -> Iterator[bytes]:
        """Whole requests; a byte that begins none is skipped."""
        while len(self._buffer) >= REQUEST_LENGTH:
            frame = bytes(self._buffer[:REQUEST_LENGTH])
            if crc(frame[:-_CRC_LENGTH]) == frame[-_CRC_LENGTH:]:
                del self._buffer[:REQUEST_LENGTH]
                yield frame
            else:
                del self._buffer[0]


class RtuTcpServer:
    """A transparent serial server: RTU frames over TCP, one master at a time or several."""

    def __init__(self, meters: Mapping[int, Device], *, answer_s: float = ANSWER_S) -> None:
        self._meters = meters
        self._answer_s = answer_s
        self._server: asyncio.Server | None = None
        self._connections: set[_Stream] = set()
        self.asked = asyncio.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("not open yet")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, listen: Endpoint) -> Self:
        """Listen. Raises OSError if the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, listen.host, listen.port)
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        await self._server.wait_closed()

    def _connect(self) -> asyncio.Protocol:
        stream = _Stream(self._meters, self._answer_s, self._connections.discard, self.asked)
        self._connections.add(stream)
        return stream


class _Stream(asyncio.Protocol):
    """One master's connection."""

    def __init__(
        self,
        meters: Mapping[int, Device],
        answer_s: float,
        gone: Callable[["_Stream"], None],
        asked: asyncio.Event,
    ) -> None:
        self._bus = RtuBus(meters, self._write, answer_s=answer_s)
        self._bus.asked = asked
        self._gone = gone
        self._transport: asyncio.Transport
        self._serving: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._serving = asyncio.create_task(self._bus.serve())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._serving is not None:
            self._serving.cancel()
        self._gone(self)

    def data_received(self, data: bytes) -> None:
        self._bus.take(data)

    def close(self) -> None:
        self._transport.close()

    async def _write(self, data: bytes) -> None:
        self._transport.write(data)
