"""Modbus RTU framing (Modbus over Serial Line V1.02), and why no late answer is taken for another's. Sans I/O.

An RTU answer names only its unit, its function and its length: not what it answers. So an answer that comes after its
request was given up looks like the answer to the next request of the same length. Here every request that was sent and
not answered stays *in doubt*, and a request is only sent when its answer can't be mistaken: when each doubtful one of
the same unit, function and length is the very same read, sent a moment ago. Otherwise another read of that unit, of a
length that nothing doubtful has, must be answered first (a fence): as a device answers in the order in which it was
asked, its answer proves that nothing from before will come. What is in doubt is forgotten ``FORGET_S`` after it was
sent.
"""

from dataclasses import dataclass

from edge.metering.modbus import EXCEPTION_FLAG, READ_FUNCTIONS, Answer, Garbled, Late, ReadRequest, answer
from edge.units import Seconds

# No meter answers later: ten times the longest answer that a maker states (Carlo Gavazzi, 500 ms), and more than twice
# the longest that is waited for here (edge.metering.patience).
FORGET_S = 5.0
SAME_READ_S = 0.5  # a repeated read may get the answer of the first: it is then this much older than it seems at most
REQUEST_LENGTH = 8  # unit, function, first register, count, check sum
EXCEPTION_LENGTH = 5  # unit, function, code, check sum
_FRAME_OVERHEAD = 5  # unit, function, byte count, check sum
_CRC_LENGTH = 2
_MAX_BYTES = 250  # 125 registers
_POLYNOMIAL = 0xA001


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """The check sum as it stands at the end of a frame: low byte first (Modbus over Serial Line V1.02 §6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(_CRC_LENGTH, "little")


def answer_length(count: int) -> int:
    """How many characters the answer to a read of ``count`` registers has."""
    return _FRAME_OVERHEAD + 2 * count


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request that may yet be answered."""

    request: ReadRequest
    at: Seconds

    @property
    def looks(self) -> tuple[int, int, int]:
        """All by which an answer to it can be known."""
        return self.request.unit, self.request.register_type.function, self.request.count


def _late(sent: _Sent) -> Late:
    return Late(unit=sent.request.unit, asked_at=sent.at)


class RtuFraming:
    """Implements :class:`edge.metering.modbus.Framing` for a serial line, or a serial server that passes its bytes."""

    def __init__(self) -> None:
        self._sent: list[_Sent] = []  # in the order of sending; the awaited one among them
        self._awaited: _Sent | None = None
        self._late: list[Late] = []
        self._echo = b""  # our request, which an adapter that hears itself gives back
        self._buffer = bytearray()

    @property
    def is_amid_frame(self) -> bool:
        return bool(self._buffer)

    def may_send(self, request: ReadRequest, now: Seconds) -> bool:
        self._sent = [each for each in self._sent if now - each.at < FORGET_S]
        looks = _Sent(request, now).looks
        return all(
            each.request == request and now - each.at <= SAME_READ_S for each in self._sent if each.looks == looks
        )

    def send(self, request: ReadRequest, now: Seconds) -> bytes:
        assert self._awaited is None  # noqa: S101 - one at a time: the bus's promise
        self._awaited = _Sent(request, now)
        self._sent.append(self._awaited)
        self._buffer.clear()
        frame = bytes((request.unit,)) + request.pdu
        self._echo = frame + crc16(frame)
        return self._echo

    def receive(self, data: bytes) -> Answer | None:
        self._buffer += data
        self._drop_echo()
        found: Answer | None = None
        while self._buffer and not (self._echo and self._echo.startswith(self._buffer)):
            length = self._frame_length()
            if length is None:
                del self._buffer[0]  # no frame begins so
            elif len(self._buffer) < length:
                break
            else:
                frame = bytes(self._buffer[:length])
                if crc16(frame[:-_CRC_LENGTH]) == frame[-_CRC_LENGTH:]:
                    del self._buffer[:length]
                    found = self._take(frame) or found
                else:
                    # Where the next frame begins can't be told: what is there is dropped, and so is what follows it.
                    self._buffer.clear()
                    found = found or self._spoilt()
        return found

    def give_up(self) -> None:
        self._awaited = None
        self._buffer.clear()

    def taken_late(self) -> list[Late]:
        late, self._late = self._late, []
        return late

    def owed(self, now: Seconds) -> list[Late]:
        return [_late(each) for each in self._sent if each is not self._awaited and now - each.at < FORGET_S]

    def reopened(self) -> None:
        self.give_up()

    def _drop_echo(self) -> None:
        if self._echo and len(self._buffer) >= len(self._echo):
            if self._buffer.startswith(self._echo):
                del self._buffer[: len(self._echo)]
            self._echo = b""

    def _frame_length(self) -> int | None:
        """The length of the frame that begins the buffer, as far as can be told; None: no answer begins so."""
        function = self._buffer[1] if len(self._buffer) > 1 else None
        if function is None:
            return EXCEPTION_LENGTH
        if function & ~EXCEPTION_FLAG not in READ_FUNCTIONS:
            return None
        if function & EXCEPTION_FLAG:
            return EXCEPTION_LENGTH
        size = self._buffer[2] if len(self._buffer) > 2 else 2
        return _FRAME_OVERHEAD + size if 0 < size <= _MAX_BYTES and size % 2 == 0 else None

    def _take(self, frame: bytes) -> Answer | None:
        """A whole, sound frame: an answer to the awaited request, or a late one, or another device's."""
        unit, pdu = frame[0], frame[1:-_CRC_LENGTH]
        awaited = self._awaited
        if pdu[0] & EXCEPTION_FLAG:
            return self._take_exception(unit, pdu)
        looks = (unit, pdu[0], (len(pdu) - 2) // 2)
        oldest = next((each for each in self._sent if each.looks == looks), None)
        if oldest is None:
            return None
        # It answers the oldest that it can: so much at least is done, and all that this device was asked before.
        done = self._sent.index(oldest)
        self._sent = [
            each for index, each in enumerate(self._sent) if index > done or each.request.unit != unit
        ]  # fmt: skip
        if awaited is None or awaited.looks != looks:
            self._late.append(_late(oldest))
            return None
        self._awaited = None
        return answer(awaited.request, pdu)

    def _take_exception(self, unit: int, pdu: bytes) -> Answer | None:
        """An exception doesn't tell which read it refuses; where several are open it proves nothing but failure."""
        awaited = self._awaited
        function = pdu[0] & ~EXCEPTION_FLAG
        if awaited is None or awaited.looks[:2] != (unit, function):
            return None
        if all(each is awaited for each in self._sent if each.looks[:2] == (unit, function)):
            self._sent.remove(awaited)
        self._awaited = None
        return answer(awaited.request, pdu)

    def _spoilt(self) -> Answer | None:
        if self._awaited is None:
            return None
        self._awaited = None
        return Garbled("the answer's check sum is wrong")
