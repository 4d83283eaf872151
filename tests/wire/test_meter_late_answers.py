"""The trap of Modbus RTU over a pair of pseudo-terminals: the late answer to one read looks like the next one's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from edge.clock import SystemClock
from edge.domain.connection import parse_connection
from edge.errors import MeterTimeout
from edge.metering.bus import Line
from edge.metering.family import Limits, RegisterType
from edge.metering.modbus import ReadRequest
from simulators.meter.faults import Delivery
from simulators.meter.serial_line import LineSettings, SerialLine

QUICK = LineSettings(baudrate=115_200)
LIMITS = Limits(answer_s=0.1)
LATE_S = 0.3


class Numbered:
    """Each register holds its own address; the first answers are late."""

    def __init__(self, late: int) -> None:
        self._late = late

    def read(self, function: int, start: int, count: int) -> bytes:
        del function
        return b"".join(address.to_bytes(2, "big") for address in range(start, start + count))

    def delivery(self) -> Delivery:
        self._late -= 1
        return Delivery(delay_s=LATE_S if self._late >= 0 else 0.0)

    def broken(self, frame: bytes) -> bytes:
        return frame


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Path]:
    """A serial port with a device whose first answer is late."""
    line = await SerialLine({1: Numbered(late=1)}, link=tmp_path / "port", settings=QUICK, answer_s=0.001).open()
    yield tmp_path / "port"
    await line.close()


def read(address: int, count: int = 2) -> ReadRequest:
    """A read of input registers."""
    return ReadRequest(unit=1, register_type=RegisterType.INPUT, address=address, count=count)


async def test_the_trap_is_there(port: Path) -> None:
    """A client that goes on after a timeout is given register 100 when it asks for 200: why the program has its own."""
    client = AsyncModbusSerialClient(str(port), baudrate=QUICK.baudrate, timeout=0.2, retries=0)
    assert await client.connect()
    with pytest.raises(ModbusIOException):
        await client.read_input_registers(100, count=2, device_id=1)
    answer = await client.read_input_registers(200, count=2, device_id=1)
    client.close()
    assert answer.registers == [100, 101]


async def test_a_late_answer_is_never_the_next_reads(port: Path) -> None:
    """While an answer to 100 may come, 200 isn't asked without a read of another length before it."""
    line = Line(parse_connection(f"rtu://{port}?baudrate={QUICK.baudrate}"), SystemClock())
    with pytest.raises(MeterTimeout):
        await line.read(read(100), limits=LIMITS)
    with pytest.raises(MeterTimeout, match="answers late or not at all"):
        await line.read(read(200), limits=LIMITS)  # nothing could tell the answers apart
    answered = await line.read(read(200), limits=Limits(answer_s=1.0), fences=[read(0, 1)])
    assert answered.registers == (200, 201)
    assert (await line.read(read(300), limits=LIMITS)).registers == (300, 301)
    await line.close()
