"""The trap of Modbus RTU over a pair of pseudo-terminals: the late answer to one read looks like the next one's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
LIMITS, LONG = Limits(answer_s=0.1), Limits(answer_s=30.0)
LATE_S = 0.3
PATIENT_S = 1.0  # of the library's client, which has to hear within this what comes 0.1 s after it


class Numbered:
    """Each register holds its own address; the first answers are late."""

    def __init__(self, late: int, late_s: float) -> None:
        self._late, self._late_s = late, late_s

    def read(self, function: int, start: int, count: int) -> bytes:
        del function
        return b"".join(address.to_bytes(2, "big") for address in range(start, start + count))

    def delivery(self) -> Delivery:
        self._late -= 1
        return Delivery(delay_s=self._late_s if self._late >= 0 else 0.0)

    def broken(self, frame: bytes) -> bytes:
        return frame


@asynccontextmanager
async def late_by(late_s: float, folder: Path) -> AsyncIterator[Path]:
    """A serial port with a device whose first answer is late."""
    device = Numbered(late=1, late_s=late_s)
    line = await SerialLine({1: device}, link=folder / "port", settings=QUICK, answer_s=0.001).open()
    try:
        yield folder / "port"
    finally:
        await line.close()


def read(address: int, count: int = 2) -> ReadRequest:
    """A read of input registers."""
    return ReadRequest(unit=1, register_type=RegisterType.INPUT, address=address, count=count)


async def test_the_trap_is_there(tmp_path: Path) -> None:
    """A client that goes on after a timeout is given register 100 when it asks for 200: why the program has its own."""
    async with late_by(PATIENT_S + 0.1, tmp_path) as port:
        client = AsyncModbusSerialClient(str(port), baudrate=QUICK.baudrate, timeout=PATIENT_S, retries=0)
        assert await client.connect()
        with pytest.raises(ModbusIOException):
            await client.read_input_registers(100, count=2, device_id=1)
        answer = await client.read_input_registers(200, count=2, device_id=1)
        client.close()
        assert answer.registers == [100, 101]


async def test_a_late_answer_is_never_the_next_reads(tmp_path: Path) -> None:
    """While an answer to 100 may come, 200 isn't asked without a read of another length before it."""
    async with late_by(LATE_S, tmp_path) as port:
        line = Line(parse_connection(f"rtu://{port}?baudrate={QUICK.baudrate}"), SystemClock())
        with pytest.raises(MeterTimeout):
            await line.read(read(100), limits=LIMITS)
        with pytest.raises(MeterTimeout, match="answers late or not at all"):
            await line.read(read(200), limits=LIMITS)  # nothing could tell the answers apart
        answered = await line.read(read(200), limits=LONG, fences=[read(0, 1)])
        assert answered.registers == (200, 201)
        assert (await line.read(read(300), limits=LONG)).registers == (300, 301)
        await line.close()
