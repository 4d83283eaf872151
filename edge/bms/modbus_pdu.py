"""Modbus TCP without sockets: bytes of a connection in, answers out.

Sources: MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.1.3 (MBAP), MODBUS Application Protocol V1.1b3 §6, §7.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Protocol

MBAP = struct.Struct(">HHHB")  # transaction, protocol (0), length of what follows, unit
MAX_LENGTH = 254  # the unit and a PDU of at most 253 bytes (§4.1)
MAX_READ_REGISTERS = 125  # §6.3
MAX_WRITE_REGISTERS = 123  # §6.12
MAX_WRITE_AND_READ = 121  # registers to write, §6.17
MAX_READ_COILS = 2000  # §6.1
MAX_WRITE_COILS = 1968  # §6.11
COIL_ON, COIL_OFF = 0xFF00, 0x0000  # §6.5
EXCEPTION_FLAG = 0x80
PAIR = struct.Struct(">HH")
BLOCK_HEADER = struct.Struct(">HHB")  # first, count, number of data bytes


class ExceptionCode(IntEnum):
    """Exception codes (§7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    SERVER_DEVICE_BUSY = 6
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11


class Refused(Exception):
    """The request is answered with an exception."""

    def __init__(self, code: ExceptionCode) -> None:
        super().__init__(code.name)
        self.code = code


class BadStream(Exception):
    """The bytes aren't Modbus TCP: where the next request begins can't be known, so the connection is to be closed."""


class Registers(Protocol):
    """The device behind the server. Each method raises :class:`Refused`."""

    def read_input(self, start: int, count: int) -> Sequence[int]: ...
    def read_holding(self, start: int, count: int) -> Sequence[int]: ...
    def write_holding(self, start: int, values: Sequence[int]) -> None:
        """All of the values, or none."""

    def read_coils(self, start: int, count: int) -> Sequence[bool]: ...
    def write_coils(self, start: int, values: Sequence[bool]) -> None:
        """All of the values, or none."""


def answer(pdu: bytes, registers: Registers) -> bytes:
    """The answer to one request PDU of at least one byte."""
    function = FUNCTIONS.get(pdu[0], _no_such_function)
    try:
        return pdu[:1] + function(pdu[1:], registers)
    except Refused as refusal:
        return bytes((pdu[0] | EXCEPTION_FLAG, refusal.code))


class Stream:
    """The requests of one connection, whatever segments they come in. ``units`` are the unit ids that are answered."""

    def __init__(self, registers: Registers, *, units: frozenset[int]) -> None:
        self._registers = registers
        self._units = units
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """The answers to all requests that are complete now, in their order.

        :raises BadStream: after it, nothing more is to be received.
        """
        self._buffer += data
        answers: list[bytes] = []
        while len(self._buffer) >= MBAP.size:
            transaction, protocol, length, unit = MBAP.unpack_from(self._buffer)
            if protocol != 0 or not 2 <= length <= MAX_LENGTH:
                raise BadStream
            end = MBAP.size - 1 + length
            if len(self._buffer) < end:
                break
            pdu = bytes(self._buffer[MBAP.size : end])
            del self._buffer[:end]
            if unit in self._units:
                reply = answer(pdu, self._registers)
            else:
                code = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND
                reply = bytes((pdu[0] & ~EXCEPTION_FLAG | EXCEPTION_FLAG, code))
            answers.append(MBAP.pack(transaction, 0, len(reply) + 1, unit) + reply)
        return answers


def _no_such_function(_data: bytes, _registers: Registers) -> bytes:
    raise Refused(ExceptionCode.ILLEGAL_FUNCTION)


def _pair(data: bytes) -> tuple[int, int]:
    if len(data) != PAIR.size:
        raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
    first, second = PAIR.unpack(data)
    return first, second


def _span(data: bytes, most: int) -> tuple[int, int]:
    """First address and count of a read."""
    start, count = _pair(data)
    if not 1 <= count <= most:
        raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
    return start, count


def _block(data: bytes, most: int, bytes_for: Callable[[int], int]) -> tuple[int, int, bytes]:
    """First address, count and data of a write of several."""
    if len(data) < BLOCK_HEADER.size:
        raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
    start, count, size = BLOCK_HEADER.unpack_from(data)
    body = data[BLOCK_HEADER.size :]
    if not 1 <= count <= most or size != bytes_for(count) or len(body) != size:
        raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
    return start, count, body


def _register_bytes(values: Sequence[int]) -> bytes:
    return bytes((2 * len(values),)) + struct.pack(f">{len(values)}H", *values)


def _read_holding(data: bytes, registers: Registers) -> bytes:
    return _register_bytes(registers.read_holding(*_span(data, MAX_READ_REGISTERS)))


def _read_input(data: bytes, registers: Registers) -> bytes:
    return _register_bytes(registers.read_input(*_span(data, MAX_READ_REGISTERS)))


def _write_register(data: bytes, registers: Registers) -> bytes:
    start, value = _pair(data)
    registers.write_holding(start, (value,))
    return data


def _write_registers(data: bytes, registers: Registers) -> bytes:
    start, count, body = _block(data, MAX_WRITE_REGISTERS, lambda number: 2 * number)
    registers.write_holding(start, struct.unpack(f">{count}H", body))
    return PAIR.pack(start, count)


def _write_and_read(data: bytes, registers: Registers) -> bytes:
    """Writes first, then reads (§6.17); what can't be read isn't written either."""
    start, count = _span(data[: PAIR.size], MAX_READ_REGISTERS)
    registers.read_holding(start, count)
    written, number, body = _block(data[PAIR.size :], MAX_WRITE_AND_READ, lambda number: 2 * number)
    registers.write_holding(written, struct.unpack(f">{number}H", body))
    return _register_bytes(registers.read_holding(start, count))


def _read_coils(data: bytes, registers: Registers) -> bytes:
    start, count = _span(data, MAX_READ_COILS)
    packed = sum(1 << index for index, coil in enumerate(registers.read_coils(start, count)) if coil)
    size = _coil_bytes(count)
    return bytes((size,)) + packed.to_bytes(size, "little")


def _write_coil(data: bytes, registers: Registers) -> bytes:
    start, value = _pair(data)
    if value not in (COIL_ON, COIL_OFF):
        raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
    registers.write_coils(start, (value == COIL_ON,))
    return data


def _write_coils(data: bytes, registers: Registers) -> bytes:
    start, count, body = _block(data, MAX_WRITE_COILS, _coil_bytes)
    packed = int.from_bytes(body, "little")
    registers.write_coils(start, [bool(packed >> index & 1) for index in range(count)])
    return PAIR.pack(start, count)


def _coil_bytes(count: int) -> int:
    return (count + 7) // 8


FUNCTIONS: Mapping[int, Callable[[bytes, Registers], bytes]] = {
    1: _read_coils,
    3: _read_holding,
    4: _read_input,
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    23: _write_and_read,
}
