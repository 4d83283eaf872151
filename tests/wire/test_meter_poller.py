"""The poller against a Modbus TCP server on loopback: answers, refusals, silence, loss and return."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.clock import SystemClock
from edge.domain.connection import parse_connection
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.site import Meter
from edge.domain.station import StationFact
from edge.errors import MeterUnreachable
from edge.metering.bus import RECONNECT_S, Line
from edge.metering.catalogue import FAMILIES
from edge.metering.channel import open_channel
from edge.metering.poller import Meters
from edge.units import PhaseAmps


class SteppingClock(SystemClock):
    """The machine's clock, which the tests may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Facts:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[MeterFact] = []
        self._news = asyncio.Event()

    async def more(self) -> None:
        self._news.clear()
        await self._news.wait()

    def take(self, fact: StationFact | MeterFact) -> None:
        assert isinstance(fact, MeterReading | MeterFailed)
        self.taken.append(fact)
        self._news.set()


class Polled:
    """One meter at a port of loopback."""

    def __init__(self, port: int, unit: int = 1) -> None:
        self._clock = SteppingClock()
        self._facts = Facts()
        meter = Meter(id="grid", model="eastron_sdm630", connection=f"tcp://127.0.0.1:{port}", unit=unit)
        self.meters = Meters(meters=[meter], families=FAMILIES, clock=self._clock, sink=self._facts)

    async def sample(self, *, after_s: float = 1.0) -> MeterFact:
        self._clock.ahead += after_s
        await self.meters.sample()
        while not self._facts.taken:  # a poll that outlasts the sample delivers by itself
            await self._facts.more()
        return self._facts.taken.pop()


@asynccontextmanager
async def polled(port: int, unit: int = 1) -> AsyncIterator[Polled]:
    each = Polled(port, unit)
    try:
        yield each
    finally:
        await each.meters.close()


def sdm630(*, current_a: Sequence[float], power_w: Sequence[float], registers: int = 80) -> SimDevice:
    """A device with the input registers of an SDM630 at unit 1."""
    memory = [0] * 80
    numbers = dict.fromkeys((0, 2, 4), 230.0) | {70: 50.0, 72: 1.5, 74: 0.25, 52: sum(power_w)}
    numbers |= dict(zip((6, 8, 10), current_a, strict=True)) | dict(zip((12, 14, 16), power_w, strict=True))
    for address, value in numbers.items():
        memory[address : address + 2] = struct.unpack(">HH", struct.pack(">f", value))
    bits = [SimData(0, values=False, datatype=DataType.BITS)]
    holding = [SimData(0, values=0, datatype=DataType.REGISTERS)]
    data = [SimData(0, values=memory[:registers], datatype=DataType.REGISTERS)]
    return SimDevice(1, simdata=(bits, bits, holding, data))


@asynccontextmanager
async def served(device: SimDevice, port: int = 0) -> AsyncIterator[int]:
    """The device on a port of loopback."""
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    listening = server.transport
    assert isinstance(listening, asyncio.AbstractServer)
    try:
        yield listening.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call] # pymodbus has left this one without types
        await listening.wait_closed()


HEALTHY = sdm630(current_a=(10.0, 11.0, 12.0), power_w=(2300.0, -2500.0, 2700.0))


async def test_a_meter_is_read() -> None:
    """Currents with the sign of their phase's power, voltages, total power and frequency; then energies."""
    async with served(HEALTHY) as port, polled(port) as meter:
        first = await meter.sample()
        assert isinstance(first, MeterReading)
        assert first.current_a == PhaseAmps(10.0, -11.0, 12.0)
        assert (first.voltage_v, first.power_w) == ((230.0, 230.0, 230.0), 2500.0)
        later = await meter.sample()
        assert isinstance(later, MeterReading)
        assert (later.import_wh, later.export_wh, later.frequency_hz) == (1500.0, 250.0, 50.0)


async def test_a_refusal_is_told_and_the_connection_kept() -> None:
    """A Modbus exception is a failed poll in words, with the current that is missing; nothing is dropped for it."""
    short = sdm630(current_a=(1, 1, 1), power_w=(1, 1, 1), registers=10)
    async with served(short) as port, polled(port) as meter:
        for _ in range(2):
            fact = await meter.sample(after_s=0.0)  # at once: a reconnection would have to wait
            assert isinstance(fact, MeterFailed)
            assert "refuses to read unit 1 input registers 10 to 11: illegal register address" in fact.problem


async def test_an_implausible_answer_is_no_reading() -> None:
    """A current that no site has is no reading; the phase is named."""
    device = sdm630(current_a=(20_000.0, 1.0, 1.0), power_w=(1.0, 1.0, 1.0))
    async with served(device) as port, polled(port) as meter:
        fact = await meter.sample()
    assert isinstance(fact, MeterFailed)
    assert fact.problem.startswith("20000 A on L1; check the meter's model")


async def test_a_first_connection_that_fails_is_tried_again() -> None:
    """Nobody listens: told at once; as soon as the meter is there, it is read without a restart."""
    async with served(HEALTHY) as port:
        pass  # the port is free again
    async with polled(port) as meter:
        fact = await meter.sample()
        assert isinstance(fact, MeterFailed)
        assert fact.problem == (
            f"no connection to tcp://127.0.0.1:{port}: nothing listens at that port; "
            "check the port, and that the device's interface is switched on"
        )
        async with served(HEALTHY, port):
            again = await meter.sample(after_s=RECONNECT_S / 2)  # not so soon
            assert isinstance(again, MeterFailed)
            assert again.problem == fact.problem
            assert isinstance(await meter.sample(), MeterReading)


async def test_a_name_that_is_not_found_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a cable: names go through a server that may be the one that is away."""

    async def unknown(*_of: object, **_how: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    connection = parse_connection("tcp://meter.invalid:502")
    with pytest.raises(MeterUnreachable, match=r"meter\.invalid:502: its name isn't found; .* its address in numbers"):
        await open_channel(connection, Line(connection, SystemClock()))


async def test_a_meter_that_goes_away_comes_back() -> None:
    """The server dies and returns: failed polls in between, then readings again."""
    async with served(HEALTHY) as port:
        pass  # the port is free again
    async with polled(port) as meter:
        async with served(HEALTHY, port):
            assert isinstance(await meter.sample(), MeterReading)
        assert isinstance(await meter.sample(), MeterFailed)
        assert isinstance(await meter.sample(), MeterFailed)
        async with served(HEALTHY, port):
            assert isinstance(await meter.sample(), MeterReading)


class SilentServer:
    """Accepts, reads and never answers."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked = 0
        self.gone: asyncio.Queue[None] = asyncio.Queue()  # one for each connection that is over

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.read(256):
            self.asked += 1
        writer.close()
        await writer.wait_closed()
        self.gone.put_nowait(None)


async def test_silence_is_a_timeout() -> None:
    """No answer within 0.5 s is told so; a new connection is given the time that a slow device needs."""
    silent = SilentServer()
    server = await asyncio.start_server(silent.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, polled(port, unit=7) as meter:
        for _ in range(4):
            fact = await meter.sample()
            assert isinstance(fact, MeterFailed)
            assert fact.problem == (
                f"no answer from tcp://127.0.0.1:{port} unit 7 within 0.5 s; "
                "check the unit id, the wiring behind a gateway, and whether that passes bytes through (rtu+tcp://)"
            )
    assert (silent.connections, silent.asked) == (1, 4)
    await silent.gone.get()


async def test_babble_is_a_failed_poll() -> None:
    """Bytes that aren't Modbus raise nothing out of the poller."""

    ended = asyncio.Event()

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(256)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server, polled(server.sockets[0].getsockname()[1]) as meter:
        assert isinstance(await meter.sample(), MeterFailed)
        await ended.wait()
