"""Modbus TCP framing (Modbus Messaging on TCP/IP V1.0b). Sans I/O.

Each request has a number that its answer repeats, so a late answer is known as such and dropped.

An answer that bears the request's number is its answer also where the device writes 0 or 255 for the unit it was asked
for: to a device on its own network these mean no unit at all (page 23 of the guide), and some servers know nothing else
(FluentModbus issue 84). Any other unit is that of another device behind a gateway.
"""

import struct

from edge.metering.modbus import EXCEPTION_FLAG, Answer, Garbled, Late, ReadRequest, answer
from edge.units import Seconds

_HEADER = struct.Struct(">HHHB")  # transaction, protocol (always 0), length of what follows, unit
_LENGTH_BEFORE = 6  # what the length doesn't count
_MIN_LENGTH = 3  # unit, function, one byte
_MAX_LENGTH = 254  # unit and a PDU of at most 253 bytes
_TRANSACTIONS = 1 << 16
_NO_UNIT = frozenset({0, 255})
_REMEMBERED = 16  # requests that were given up; a device that is later than so many reads is no slow one


class TcpFraming:
    """Implements :class:`edge.metering.modbus.Framing`."""

    def __init__(self) -> None:
        self._transaction = 0
        self._awaited: ReadRequest | None = None
        self._asked_at: Seconds = 0.0
        self._given_up: dict[int, Late] = {}  # by number, the oldest first
        self._late: list[Late] = []
        self._buffer = bytearray()

    @property
    def is_amid_frame(self) -> bool:
        return bool(self._buffer)

    def may_send(self, request: ReadRequest, now: Seconds) -> bool:  # noqa: ARG002 - the number tells answers apart
        return True

    def send(self, request: ReadRequest, now: Seconds) -> bytes:
        assert self._awaited is None  # noqa: S101 - one at a time: the bus's promise
        self._awaited = request
        self._asked_at = now
        self._transaction = (self._transaction + 1) % _TRANSACTIONS
        pdu = request.pdu
        return _HEADER.pack(self._transaction, 0, len(pdu) + 1, request.unit) + pdu

    def receive(self, data: bytes) -> Answer | None:
        self._buffer += data
        found: Answer | None = None
        while len(self._buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not _MIN_LENGTH <= length <= _MAX_LENGTH:
                self._buffer.clear()
                self._awaited = None
                return Garbled("what answers doesn't speak Modbus TCP", reopen=True)
            end = _LENGTH_BEFORE + length
            if len(self._buffer) < end:
                break
            pdu = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            awaited = self._awaited
            if awaited is not None and transaction == self._transaction and unit in {awaited.unit, *_NO_UNIT}:
                self._awaited = None
                found = answer(awaited, pdu)
            elif transaction in self._given_up:
                late = self._given_up.pop(transaction)
                if not pdu[0] & EXCEPTION_FLAG:
                    self._late.append(late)
        return found

    def give_up(self) -> None:
        if self._awaited is not None:
            self._given_up[self._transaction] = Late(unit=self._awaited.unit, asked_at=self._asked_at)
            if len(self._given_up) > _REMEMBERED:
                del self._given_up[next(iter(self._given_up))]
        self._awaited = None

    def taken_late(self) -> list[Late]:
        late, self._late = self._late, []
        return late

    def owed(self, now: Seconds) -> list[Late]:  # noqa: ARG002 - numbered, so that it is known however late it comes
        return list(self._given_up.values())

    def reopened(self) -> None:
        self._awaited = None
        self._given_up.clear()
        self._buffer.clear()
