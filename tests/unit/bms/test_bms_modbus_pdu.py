"""Modbus TCP without sockets: framing, functions, exceptions."""

import struct
from collections.abc import Sequence

import pytest

from edge.bms.modbus_pdu import MBAP, BadStream, ExceptionCode, Refused, Stream


class Device:
    """Ten registers and ten coils of each kind; what is written is kept."""

    def __init__(self) -> None:
        self.holding = list(range(10))
        self.coils = [False] * 10

    def read_input(self, start: int, count: int) -> Sequence[int]:
        return self._part([100 + index for index in range(10)], start, count)

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        return self._part(self.holding, start, count)

    def write_holding(self, start: int, values: Sequence[int]) -> None:
        self._part(self.holding, start, len(values))
        self.holding[start : start + len(values)] = values

    def read_coils(self, start: int, count: int) -> Sequence[bool]:
        if start + count > len(self.coils):
            raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return self.coils[start : start + count]

    def write_coils(self, start: int, values: Sequence[bool]) -> None:
        self.coils[start : start + len(values)] = values

    @staticmethod
    def _part(memory: list[int], start: int, count: int) -> list[int]:
        if start + count > len(memory):
            raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return memory[start : start + count]


def stream(device: Device | None = None) -> Stream:
    return Stream(device or Device(), units=frozenset({1, 255}))


def request(pdu: bytes, *, transaction: int = 7, unit: int = 1) -> bytes:
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


READ_TWO = struct.pack(">BHH", 4, 0, 2)


def test_two_requests_in_one_segment_are_both_answered() -> None:
    """In their order, each under its own transaction."""
    answers = stream().receive(request(READ_TWO, transaction=1) + request(READ_TWO, transaction=2, unit=255))
    body = bytes((4, 4, 0, 100, 0, 101))
    assert answers == [request(body, transaction=1), request(body, transaction=2, unit=255)]


def test_a_request_may_come_byte_by_byte() -> None:
    """Nothing is answered before the last byte."""
    bench = stream()
    whole = request(READ_TWO)
    assert [bench.receive(whole[index : index + 1]) for index in range(len(whole) - 1)] == [[]] * (len(whole) - 1)
    assert len(bench.receive(whole[-1:])) == 1


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (struct.pack(">BHH", 3, 8, 2), bytes((3, 4, 0, 8, 0, 9))),
        (struct.pack(">BHH", 6, 3, 77), struct.pack(">BHH", 6, 3, 77)),
        (struct.pack(">BHHBHH", 16, 0, 2, 4, 5, 6), struct.pack(">BHH", 16, 0, 2)),
        (struct.pack(">BHHHHBHH", 23, 0, 3, 1, 2, 4, 70, 80), bytes((23, 6, 0, 0, 0, 70, 0, 80))),
        (struct.pack(">BHH", 1, 0, 9), bytes((1, 2, 0, 0))),
        (struct.pack(">BHH", 5, 0, 0xFF00), struct.pack(">BHH", 5, 0, 0xFF00)),
        (struct.pack(">BHHBB", 15, 0, 3, 1, 0b101), struct.pack(">BHH", 15, 0, 3)),
    ],
)
def test_each_function_answers_by_the_book(pdu: bytes, answer: bytes) -> None:
    """The forms of the specification, §6."""
    assert stream().receive(request(pdu)) == [request(answer)]


def test_coils_are_packed_low_bit_first() -> None:
    """The first coil is the lowest bit (§6.1)."""
    device = Device()
    bench = stream(device)
    bench.receive(request(struct.pack(">BHHBB", 15, 0, 3, 1, 0b101)))
    assert device.coils[:3] == [True, False, True]
    assert bench.receive(request(struct.pack(">BHH", 1, 0, 3))) == [request(bytes((1, 1, 0b101)))]


def test_what_can_not_be_read_is_not_written() -> None:
    """Function 23 is one request: it is carried out whole or not at all."""
    device = Device()
    stream(device).receive(request(struct.pack(">BHHHHBH", 23, 9, 2, 0, 1, 2, 55)))
    assert device.holding == list(range(10))


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (bytes((43, 14, 1, 0)), ExceptionCode.ILLEGAL_FUNCTION),
        (struct.pack(">BHH", 4, 9, 2), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (struct.pack(">BHH", 4, 0, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHH", 4, 0, 126), ExceptionCode.ILLEGAL_DATA_VALUE),
        (bytes((4, 0)), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHHB", 16, 0, 2, 4), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHHBH", 16, 0, 2, 2, 5), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHH", 5, 0, 1), ExceptionCode.ILLEGAL_DATA_VALUE),
        (bytes((16,)), ExceptionCode.ILLEGAL_DATA_VALUE),
        (bytes((23,)), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHHHHBH", 23, 0, 126, 0, 1, 2, 5), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHHHHBH", 23, 0, 1, 0, 2, 4, 5), ExceptionCode.ILLEGAL_DATA_VALUE),
        (struct.pack(">BHHHHBH", 23, 9, 2, 0, 1, 2, 5), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (struct.pack(">BHHHHBH", 23, 0, 1, 10, 1, 2, 5), ExceptionCode.ILLEGAL_DATA_ADDRESS),
    ],
)
def test_what_can_not_be_done_is_answered_with_an_exception(pdu: bytes, code: ExceptionCode) -> None:
    """The function's number with its high bit set, and the code."""
    assert stream().receive(request(pdu)) == [request(bytes((pdu[0] | 0x80, code)))]


def test_an_unknown_unit_is_answered_as_a_gateway_does() -> None:
    """Exception 11, so that the master needn't wait for its time-out."""
    (answer,) = stream().receive(request(READ_TWO, unit=17))
    assert answer == request(bytes((0x84, 11)), unit=17)


@pytest.mark.parametrize("header", [(7, 1, 6, 1), (7, 0, 1, 1), (7, 0, 255, 1), (7, 0, 0, 1)])
def test_bytes_that_are_no_modbus_end_the_connection(header: tuple[int, int, int, int]) -> None:
    """Where the next request begins can't be known any more."""
    with pytest.raises(BadStream):
        stream().receive(MBAP.pack(*header) + READ_TWO)
