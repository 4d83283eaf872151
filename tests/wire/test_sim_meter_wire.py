"""The simulated meter through a Modbus client that others wrote, and the feeder link over UDP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from simulators.feeder import EvseDraw
from simulators.feeder_link import FeederReceiver, FeederSender
from simulators.meter import MeterFault, ModbusTcpServer, SimulatedMeter, circuit_meter
from simulators.ports import free_endpoints
from simulators.site import Endpoint
from tests.wire.sim_patience import TIMEOUT_S, eventually


@pytest.fixture
def endpoint() -> Endpoint:
    """A free loopback address."""
    return free_endpoints(1)[0]


@pytest.fixture
async def meter(endpoint: Endpoint) -> AsyncIterator[SimulatedMeter]:
    """A served meter with 1 kWh on its register."""
    device = circuit_meter(current_a=lambda: (8.25, 0.0, 16.5), import_wh=lambda: 1000.0, nominal_voltage_v=230.0)
    server = await ModbusTcpServer({1: device}).open(endpoint)
    yield device
    await server.close()


@pytest.fixture
async def client(meter: SimulatedMeter, endpoint: Endpoint) -> AsyncIterator[AsyncModbusTcpClient]:
    """A connected pymodbus client that doesn't retry."""
    assert meter.fault is MeterFault.NONE
    connection = AsyncModbusTcpClient(endpoint.host, port=endpoint.port, timeout=TIMEOUT_S, retries=0)
    assert await connection.connect()
    yield connection
    connection.close()


async def test_pymodbus_reads_the_fast_block(client: AsyncModbusTcpClient) -> None:
    """Voltages, currents and powers in one read of 18 registers, decoded as float32 high word first."""
    answer = await client.read_input_registers(0, count=18, device_id=1)
    values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32, word_order="big")
    assert values == [230.0, 230.0, 230.0, 8.25, 0.0, 16.5, 1897.5, 0.0, 3795.0]


async def test_pymodbus_reads_energy_and_serial(client: AsyncModbusTcpClient) -> None:
    """Energy in kWh by function 4, the serial number by function 3."""
    energy = await client.read_input_registers(72, count=4, device_id=1)
    assert client.convert_from_registers(energy.registers, client.DATATYPE.FLOAT32) == [1.0, 0.0]
    serial = await client.read_holding_registers(0xFC00, count=2, device_id=1)
    assert client.convert_from_registers(serial.registers, client.DATATYPE.UINT32) == 18_110_234


async def test_refusals_reach_the_client_as_exception_codes(client: AsyncModbusTcpClient) -> None:
    """An odd start or count: 2; more than 80 registers: 3."""
    assert (await client.read_input_registers(1, count=2, device_id=1)).exception_code == 2
    assert (await client.read_input_registers(0, count=82, device_id=1)).exception_code == 3


async def test_a_silent_meter_times_out_and_comes_back(
    meter: SimulatedMeter, client: AsyncModbusTcpClient, endpoint: Endpoint
) -> None:
    """The fault is switchable while connections stand."""
    hasty = AsyncModbusTcpClient(endpoint.host, port=endpoint.port, timeout=0.3, retries=0)
    assert await hasty.connect()
    meter.fault = MeterFault.SILENT
    with pytest.raises(ModbusIOException):
        await hasty.read_input_registers(0, count=2, device_id=1)
    hasty.close()
    meter.fault = MeterFault.NONE
    assert not (await client.read_input_registers(0, count=2, device_id=1)).isError()


async def test_two_requests_in_one_segment_get_two_answers(meter: SimulatedMeter, endpoint: Endpoint) -> None:
    """Raw pipelining on a socket, as a fast client does it."""
    assert meter.fault is MeterFault.NONE
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    one = bytes.fromhex("0001 0000 0006 01 04 0046 0002")
    writer.write(one + b"\x00\x02" + one[2:])
    answers = await asyncio.wait_for(reader.readexactly(26), TIMEOUT_S)
    assert (answers[:2], answers[13:15]) == (b"\x00\x01", b"\x00\x02")
    assert answers[9:13] == answers[22:26] == bytes.fromhex("42480000")
    writer.close()
    await writer.wait_closed()


async def test_what_is_not_modbus_is_disconnected(meter: SimulatedMeter, endpoint: Endpoint) -> None:
    """The connection is closed, others are still served."""
    assert meter.fault is MeterFault.NONE
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), TIMEOUT_S) == b""
    writer.close()
    await writer.wait_closed()


async def test_draws_cross_the_feeder_link(endpoint: Endpoint) -> None:
    """The sender may be there first; what it sends once the receiver listens arrives."""
    draw = EvseDraw(station="CP-01", evse_id=1, draw_a=(6.0, 6.0, 6.0), wanted_a=(16.0, 16.0, 16.0), offered_a=6.0)
    sender = await FeederSender.open(endpoint)
    sender.send([draw])
    receiver = await FeederReceiver(asyncio.get_running_loop().time).open(endpoint)

    def sent_and_heard() -> bool:
        sender.send([draw])
        return receiver.draws() == (draw,)

    await eventually(sent_and_heard)
    sender.close()
    receiver.close()
