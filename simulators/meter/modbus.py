"""A Modbus TCP server for one meter, or a gateway with several: answers every request of a segment, in order.

Own code because the server of pymodbus 3.16 answers only the first of two requests that come in one TCP
segment, and a fast client may well send them so.
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import Final, Self, cast

from simulators.meter.device import Device
from simulators.meter.refusal import ExceptionCode, RefusedError
from simulators.site import Endpoint

# Modbus Messaging on TCP/IP V1.0b, section 3.1.3: transaction, protocol (always 0), length of what follows, unit.
MBAP: Final = struct.Struct(">HHHB")
READ_REQUEST: Final = struct.Struct(">BHH")  # function, first register, number of registers
MAX_LENGTH: Final = 254  # unit and a PDU of at most 253 bytes
EXCEPTION_FLAG: Final = 0x80


class BadStreamError(ValueError):
    """The bytes aren't Modbus TCP; the only cure is to close the connection."""


def answer_pdu(meter: Device, pdu: bytes, *, exception: int | None = None) -> bytes:
    """The answer to one request PDU (function code and data), or the exception in its place."""
    if exception is not None:
        return bytes((pdu[0] | EXCEPTION_FLAG, exception))
    if len(pdu) != READ_REQUEST.size:
        return bytes((pdu[0] | EXCEPTION_FLAG, ExceptionCode.ILLEGAL_DATA_VALUE))
    try:
        function, start, count = READ_REQUEST.unpack(pdu)
        data = meter.read(function, start, count)
    except RefusedError as refusal:
        return bytes((pdu[0] | EXCEPTION_FLAG, refusal.code))
    return bytes((pdu[0], len(data))) + data


class ModbusTcpServer:
    """Serves meters by unit id; other units answer as a converter does whose device is missing."""

    def __init__(self, meters: Mapping[int, Device]) -> None:
        self.asked = asyncio.Event()  # set by the first request
        self._meters = meters
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.BaseTransport] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("not open yet")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, listen: Endpoint) -> Self:
        """Listen. Raises OSError if the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, self._connections), listen.host, listen.port)
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is None:
            return
        self._server.close()
        for transport in tuple(self._connections):
            transport.close()
        await self._server.wait_closed()

    def take(self, buffer: bytearray) -> list[tuple[float, bytes]]:
        """Consume the whole requests at the front of `buffer`; what to send back for them, each after so many seconds.

        Raises BadStreamError.
        """
        answers: list[tuple[float, bytes]] = []
        while len(buffer) >= MBAP.size:
            transaction, protocol, length, unit = MBAP.unpack_from(buffer)
            if protocol != 0 or not 2 <= length <= MAX_LENGTH:
                raise BadStreamError("not a Modbus TCP header")
            end = MBAP.size - 1 + length
            if len(buffer) < end:
                break
            pdu = bytes(buffer[MBAP.size : end])
            del buffer[:end]
            self.asked.set()
            answer = self._answer(transaction, unit, pdu)
            if answer is not None:
                answers.append(answer)
        return answers

    def _answer(self, transaction: int, unit: int, pdu: bytes) -> tuple[float, bytes] | None:
        """The delay and the bytes of one answer; None: there is none."""
        meter = self._meters.get(unit)
        if meter is None:
            missing = bytes((pdu[0] | EXCEPTION_FLAG, ExceptionCode.GATEWAY_TARGET_FAILED))
            return 0.0, MBAP.pack(transaction, 0, len(missing) + 1, unit) + missing
        delivery = meter.delivery()
        if delivery.is_silent:
            return None
        answer = answer_pdu(meter, pdu, exception=delivery.exception)
        frame = MBAP.pack(transaction, 0, len(answer) + 1, delivery.unit or unit) + answer
        if delivery.is_broken:
            # TCP has sums of its own, so noise never arrives: the gateway before the line hears a broken frame and
            # says nothing.
            return None
        return delivery.delay_s, frame


class _Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, server: ModbusTcpServer, connections: set[asyncio.BaseTransport]) -> None:
        self._server = server
        self._connections = connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            answers = self._server.take(self._buffer)
        except BadStreamError:
            self._transport.close()
            return
        for delay_s, answer in answers:
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, self._transport.write, answer)
            else:
                self._transport.write(answer)
