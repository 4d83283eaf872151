"""RTU framing: check sums, strays, echoes, and late answers that look like the next request's."""

import struct

import pytest

from edge.metering.family import RegisterType
from edge.metering.modbus import Garbled, ReadRequest, Refusal, Registers
from edge.metering.modbus_rtu import FORGET_S, SAME_READ_S, RtuFraming, crc16


def read(address: int, count: int = 2, unit: int = 1) -> ReadRequest:
    """A read of input registers."""
    return ReadRequest(unit=unit, register_type=RegisterType.INPUT, address=address, count=count)


def answer(*values: int, unit: int = 1, function: int = 4) -> bytes:
    """A device's answer."""
    frame = bytes((unit, function, 2 * len(values))) + struct.pack(f">{len(values)}H", *values)
    return frame + crc16(frame)


def refusal(code: int, unit: int = 1, function: int = 4) -> bytes:
    """A device's exception."""
    frame = bytes((unit, function | 0x80, code))
    return frame + crc16(frame)


def test_the_check_sum_is_the_one_of_the_specification() -> None:
    """The well-known frame 01 04 02 FF FF has the sum B8 80."""
    assert crc16(bytes.fromhex("010402FFFF")).hex() == "b880"


def test_a_request_and_its_answer() -> None:
    """Unit, function, first register, count, sum; the answer's registers come back, in whatever pieces."""
    framing = RtuFraming()
    assert framing.send(read(0x100), 0.0).hex() == "0104010000027037"
    data = answer(7, 8)
    assert framing.receive(data[:3]) is None
    assert framing.is_amid_frame
    assert framing.receive(data[3:]) == Registers((7, 8))
    assert not framing.is_amid_frame


def test_a_refusal() -> None:
    """An exception names its code."""
    framing = RtuFraming()
    framing.send(read(0), 0.0)
    assert framing.receive(refusal(2)) == Refusal(2)


@pytest.mark.parametrize("stray", [answer(1, 2, unit=2), answer(1, 2, function=3), answer(1, 2, 3), refusal(2, unit=9)])
def test_what_is_not_the_answer_is_dropped(stray: bytes) -> None:
    """Another device's, another function's or another length's frame is no answer; the answer after it is."""
    framing = RtuFraming()
    framing.send(read(0), 0.0)
    assert framing.receive(stray) is None
    assert framing.receive(answer(7, 8)) == Registers((7, 8))


def test_noise_before_the_answer_is_skipped() -> None:
    """A driver that switches on too early sends a byte that begins no frame."""
    framing = RtuFraming()
    framing.send(read(0), 0.0)
    assert framing.receive(b"\x00\xff" + answer(7, 8)) == Registers((7, 8))


def test_an_adapter_that_hears_itself() -> None:
    """The request's own echo is no answer."""
    framing = RtuFraming()
    sent = framing.send(read(0x0204), 0.0)
    assert framing.receive(sent[:5]) is None
    assert framing.receive(sent[5:] + answer(7, 8)) == Registers((7, 8))


def test_a_wrong_sum_is_a_garbled_answer() -> None:
    """It ends the wait at once, so that there is time to ask again; the same read may be repeated."""
    framing = RtuFraming()
    framing.send(read(0), 0.0)
    spoilt = bytearray(answer(7, 8))
    spoilt[4] ^= 1
    assert isinstance(framing.receive(bytes(spoilt)), Garbled)
    assert framing.may_send(read(0), 0.1)
    assert not framing.may_send(read(100), 0.1)


def test_a_read_that_looks_like_an_unanswered_one_is_not_sent() -> None:
    """Same unit, function and length, another address: its answer could be the late one's."""
    framing = RtuFraming()
    framing.send(read(100), 0.0)
    framing.give_up()
    assert not framing.may_send(read(200), 0.6)
    assert framing.may_send(read(200, unit=2), 0.6)
    assert framing.may_send(read(200, count=4), 0.6)
    assert framing.may_send(read(100), SAME_READ_S)
    assert not framing.may_send(read(100), SAME_READ_S + 0.1)  # its answer would be older than it seems
    assert framing.may_send(read(200), FORGET_S)


def test_a_fence_clears_the_way() -> None:
    """An answer of another length proves that what the device was asked before is done with."""
    framing = RtuFraming()
    framing.send(read(100), 0.0)
    framing.give_up()
    framing.send(read(200, count=4), 0.6)
    assert framing.receive(answer(1, 1)) is None  # the late one
    assert framing.receive(answer(2, 2, 2, 2)) == Registers((2, 2, 2, 2))
    assert framing.may_send(read(200), 0.7)


def test_a_late_answer_that_is_seen_clears_the_way_too() -> None:
    """It came while nothing was awaited: no fence is needed any more."""
    framing = RtuFraming()
    framing.send(read(100), 0.0)
    framing.give_up()
    assert framing.receive(answer(1, 1)) is None
    assert framing.may_send(read(200), 0.6)


def test_a_refusal_proves_nothing_while_others_are_open() -> None:
    """An exception doesn't tell what it refuses: it may be the late one's."""
    framing = RtuFraming()
    framing.send(read(100), 0.0)
    framing.give_up()
    framing.send(read(200, count=4), 0.6)
    assert framing.receive(refusal(2)) == Refusal(2)
    assert not framing.may_send(read(200), 0.7)
    assert not framing.may_send(read(300, count=4), 0.7)


def test_a_repeated_read_leaves_its_second_answer_in_doubt() -> None:
    """Two were sent and one came: the other may come while the next read waits."""
    framing = RtuFraming()
    framing.send(read(100), 0.0)
    framing.give_up()
    framing.send(read(100), 0.2)
    assert framing.receive(answer(1, 1)) == Registers((1, 1))
    assert not framing.may_send(read(200), 0.3)
