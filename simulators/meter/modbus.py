"""A Modbus TCP server for one meter: answers every request of a segment, in order.

Own code because the server of pymodbus 3.16 answers only the first of two requests that come in one TCP
segment, and a fast client may well send them so.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import Final, Self, cast

from simulators.meter.sdm630 import ExceptionCode, MeterFault, RefusedError, Sdm630
from simulators.site import Endpoint

# Modbus Messaging on TCP/IP V1.0b, section 3.1.3: transaction, protocol (always 0), length of what follows, unit.
MBAP: Final = struct.Struct(">HHHB")
READ_REQUEST: Final = struct.Struct(">BHH")  # function, first register, number of registers
MAX_LENGTH: Final = 254  # unit and a PDU of at most 253 bytes
READ_HOLDING: Final = 3
READ_INPUT: Final = 4
EXCEPTION_FLAG: Final = 0x80


class BadStreamError(ValueError):
    """The bytes aren't Modbus TCP; the only cure is to close the connection."""


def answer_pdu(meter: Sdm630, pdu: bytes) -> bytes:
    """The answer to one request PDU (function code and data)."""
    try:
        data = _read(meter, pdu)
    except RefusedError as refusal:
        return bytes((pdu[0] | EXCEPTION_FLAG, refusal.code))
    return bytes((pdu[0], len(data))) + data


def _read(meter: Sdm630, pdu: bytes) -> bytes:
    """The registers that a request asks for. Raises RefusedError."""
    functions: Mapping[int, Callable[[int, int], bytes]] = {
        READ_HOLDING: meter.read_holding,
        READ_INPUT: meter.read_input,
    }
    if pdu[0] not in functions:
        raise RefusedError(ExceptionCode.ILLEGAL_FUNCTION)
    if len(pdu) != READ_REQUEST.size:
        raise RefusedError(ExceptionCode.ILLEGAL_DATA_VALUE)
    function, start, count = READ_REQUEST.unpack(pdu)
    return functions[function](start, count)


class ModbusTcpServer:
    """Serves one meter under one unit id; other units answer as a converter does whose device is missing."""

    def __init__(self, meter: Sdm630, *, unit: int) -> None:
        self.meter = meter
        self.asked = asyncio.Event()  # set by the first request
        self._unit = unit
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.BaseTransport] = set()

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

    def take(self, buffer: bytearray) -> bytes:
        """Consume the whole requests at the front of `buffer`; what to send back for them.

        Raises BadStreamError.
        """
        answers: list[bytes] = []
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
            if self.meter.fault is MeterFault.SILENT:
                continue
            if unit == self._unit:
                answer = answer_pdu(self.meter, pdu)
            else:
                answer = bytes((pdu[0] | EXCEPTION_FLAG, ExceptionCode.GATEWAY_TARGET_FAILED))
            answers.append(MBAP.pack(transaction, 0, len(answer) + 1, unit) + answer)
        return b"".join(answers)


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
            answer = self._server.take(self._buffer)
        except BadStreamError:
            self._transport.close()
            return
        if answer:
            self._transport.write(answer)
