"""Modbus, as far as reading a meter needs it: requests, answers, and what both framings have in common. Pure.

Own code, because what is at stake can't be had from the library: that on a serial line the late answer to one request
is never taken for the answer to the next (:mod:`edge.metering.modbus_rtu`).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.metering.family import RegisterType
from edge.units import Seconds

_READ = struct.Struct(">BHH")  # function, first register, number of registers
EXCEPTION_FLAG = 0x80
READ_FUNCTIONS = frozenset(each.function for each in RegisterType)
BUSY = 6  # "retransmit the message later" (Modbus Application Protocol V1.1b3 §7)
GATEWAY_SILENT = 11  # "gateway target device failed to respond": the device behind it is silent

NOT_THESE_REGISTERS = frozenset({2, 3})  # some of them aren't there, or they are too many

# Modbus Application Protocol V1.1b3 §7
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal register address",
    3: "illegal register count",
    4: "device failure",
    5: "acknowledged, not answered",
    BUSY: "device busy",
    10: "gateway path unavailable",
    GATEWAY_SILENT: "gateway gets no answer from the device",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """One read of consecutive registers of one device."""

    unit: int
    register_type: RegisterType
    address: int
    count: int

    @property
    def pdu(self) -> bytes:
        """The request without its framing."""
        return _READ.pack(self.register_type.function, self.address, self.count)

    def __str__(self) -> str:
        last = self.address + self.count - 1
        return f"unit {self.unit} {self.register_type} registers {self.address} to {last}"


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers that were asked for, exactly as many."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A Modbus exception."""

    code: int

    def __str__(self) -> str:
        return EXCEPTIONS.get(self.code, f"exception {self.code}")


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes came that are no answer: noise, a wrong check sum, a wrong length. ``reopen``: no later byte can be
    understood either."""

    why: str
    reopen: bool = False


Answer = Registers | Refusal | Garbled


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A request that was given up, and when it had been sent."""

    unit: int
    asked_at: Seconds


class Framing(Protocol):
    """Requests to bytes, bytes to the answer of the one request that is awaited. Sans I/O."""

    def may_send(self, request: ReadRequest, now: Seconds) -> bool:
        """Whether an answer to ``request`` could be told from every late one that may still come."""

    def send(self, request: ReadRequest, now: Seconds) -> bytes:
        """The bytes to send; from here on the request is awaited. Only if none is, and it :meth:`may_send`."""

    def receive(self, data: bytes) -> Answer | None:
        """Take bytes as they come; the answer to the awaited request when they complete it, which ends its waiting."""

    def give_up(self) -> None:
        """Await the request no longer. Its answer may come all the same."""

    def taken_late(self) -> Sequence[Late]:
        """What registers came for since this was last asked, after it was given up."""

    def owed(self, now: Seconds) -> Sequence[Late]:
        """What was given up, and may be answered yet."""

    def reopened(self) -> None:
        """The line was closed and is open again: half a frame won't be completed."""

    @property
    def is_amid_frame(self) -> bool:
        """Whether bytes have come that don't make a whole frame yet."""


def answer(request: ReadRequest, pdu: bytes) -> Answer:
    """What an answer without its framing says to ``request``."""
    function = request.register_type.function
    if len(pdu) == 2 and pdu[0] == function | EXCEPTION_FLAG:
        return Refusal(pdu[1])
    if len(pdu) < 2 or pdu[0] != function:
        return Garbled("the answer is to another function")
    if pdu[1] != 2 * request.count or len(pdu) != 2 + pdu[1]:
        return Garbled(f"the answer has {(len(pdu) - 2) // 2} registers, not {request.count}")
    return Registers(struct.unpack(f">{request.count}H", pdu[2:]))
