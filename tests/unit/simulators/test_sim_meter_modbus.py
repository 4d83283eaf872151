"""The SDM630's registers and the Modbus TCP framing, without sockets."""

import struct

import pytest

from simulators.meter import MeterFault, ModbusTcpServer, SimulatedMeter, circuit_meter
from simulators.meter.modbus import MBAP, BadStreamError, answer_pdu
from simulators.phases import Amps3


class Line:
    """A current and an energy that a test may change."""

    def __init__(self) -> None:
        self.amps: Amps3 = (10.0, 20.0, 30.5)
        self.import_wh = 12_345.0

    def meter(self) -> SimulatedMeter:
        return circuit_meter(
            current_a=lambda: self.amps,
            import_wh=lambda: self.import_wh,
            nominal_voltage_v=230.0,
        )


def read(function: int, start: int, count: int) -> bytes:
    """A read request's PDU."""
    return struct.pack(">BHH", function, start, count)


def request(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """A whole Modbus TCP request."""
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def sent(server: ModbusTcpServer, buffer: bytearray) -> bytes:
    """What the server sends back, all of it at once."""
    return b"".join(answer for _, answer in server.take(buffer))


def test_parameters_are_at_their_registers() -> None:
    """Voltages 0/2/4, currents 6/8/10, powers 12/14/16: floats, high word first."""
    answer = answer_pdu(Line().meter(), read(4, 0, 18))
    assert answer[:2] == bytes((4, 36))
    assert struct.unpack(">9f", answer[2:]) == (230, 230, 230, 10, 20, 30.5, 2300, 4600, 7015)


def test_totals_frequency_and_energies() -> None:
    """Total power at 52, frequency at 70, import and export in kWh at 72 and 74; what isn't simulated reads 0."""
    meter = Line().meter()
    values = struct.unpack(">12f", answer_pdu(meter, read(4, 52, 24))[2:])
    assert values[0] == 13_915
    assert values[1] == 0.0
    assert values[9] == 50.0
    assert values[10] == pytest.approx(12.345)
    assert values[11] == 0.0


def test_the_serial_number_is_a_holding_register() -> None:
    """A uint32 at 0xFC00, function 3."""
    assert answer_pdu(Line().meter(), read(3, 0xFC00, 2)) == bytes((3, 4)) + (18_110_234).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        (read(4, 1, 2), 2),
        (read(4, 0, 3), 2),
        (read(4, 0, 0), 3),
        (read(4, 0, 82), 3),
        (read(4, 0x0180, 4), 2),
        (read(3, 0, 2), 2),
        (read(3, 0xFC00, 4), 2),
        (read(6, 0, 2), 1),
        (b"\x04\x00", 3),
    ],
)
def test_what_the_meter_refuses(pdu: bytes, exception: int) -> None:
    """Odd starts or counts and foreign addresses are exception 2, too large counts 3, other functions 1."""
    assert answer_pdu(Line().meter(), pdu) == bytes((pdu[0] | 0x80, exception))


def test_eighty_registers_are_the_most() -> None:
    """40 parameters in one read are answered."""
    assert len(answer_pdu(Line().meter(), read(4, 0, 80))) == 2 + 160


def test_values_are_those_of_the_instant() -> None:
    """Each read computes anew; frozen, the values of the moment the fault began stay."""
    line = Line()
    meter = line.meter()
    before = answer_pdu(meter, read(4, 6, 6))
    line.amps = (1.0, 2.0, 3.0)
    assert answer_pdu(meter, read(4, 6, 6)) != before
    meter.fault = MeterFault.FROZEN
    frozen = answer_pdu(meter, read(4, 6, 6))
    line.amps = (4.0, 5.0, 6.0)
    assert answer_pdu(meter, read(4, 6, 6)) == frozen
    meter.fault = MeterFault.NONE
    assert struct.unpack(">3f", answer_pdu(meter, read(4, 6, 6))[2:]) == (4.0, 5.0, 6.0)


async def test_pipelined_requests_are_all_answered_in_order() -> None:
    """Two requests in one segment and a half of a third: two answers, and the third when its rest has come."""
    server = ModbusTcpServer({1: Line().meter()})
    third = request(3, read(4, 70, 2))
    buffer = bytearray(request(1, read(4, 0, 2)) + request(2, read(4, 6, 2)) + third[:5])
    answer = sent(server, buffer)
    assert [MBAP.unpack_from(answer, at)[0] for at in (0, 13)] == [1, 2]
    assert len(answer) == 26
    buffer += third[5:]
    assert sent(server, buffer)[-4:] == struct.pack(">f", 50.0)
    assert not buffer


async def test_a_silent_meter_takes_requests_and_says_nothing() -> None:
    """No answer, and no backlog of answers when it speaks again."""
    line = Line()
    meter = line.meter()
    server = ModbusTcpServer({1: meter})
    meter.fault = MeterFault.SILENT
    assert sent(server, bytearray(request(1, read(4, 0, 2)))) == b""
    assert server.asked.is_set()
    meter.fault = MeterFault.NONE
    assert MBAP.unpack_from(sent(server, bytearray(request(2, read(4, 0, 2)))))[0] == 2


async def test_another_unit_answers_like_a_converter_without_that_device() -> None:
    """Exception 11, gateway target device failed to respond."""
    server = ModbusTcpServer({1: Line().meter()})
    assert sent(server, bytearray(request(1, read(4, 0, 2), unit=7)))[-2:] == bytes((0x84, 11))


@pytest.mark.parametrize("header", [(1, 1, 6, 1), (1, 0, 1, 1), (1, 0, 255, 1)])
async def test_a_stream_that_is_not_modbus_is_given_up(header: tuple[int, int, int, int]) -> None:
    """A wrong protocol id or an impossible length can't be resynchronised."""
    server = ModbusTcpServer({1: Line().meter()})
    with pytest.raises(BadStreamError):
        server.take(bytearray(MBAP.pack(*header)))
