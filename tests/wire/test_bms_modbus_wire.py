"""The Modbus server on loopback: independent masters (pymodbus, mbpoll), junk, who may come and for how long."""

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network

import pytest
from pymodbus.client import AsyncModbusTcpClient
from structlog.testing import capture_logs

from edge.bms.facility import Facility
from edge.bms.point import SHAPES, Bank
from edge.bms.points import CONTROL_POINTS, EVSE_BASE, EVSE_POINTS, EVSE_STRIDE, MIRROR, SITE_POINTS
from edge.bms.registers import encode, number_of
from edge.bms.settings import FacilitySettings, ModbusSettings, Network, WritePolicy
from edge.errors import StartError
from edge.listening import listen_once_there
from tests.unit.bms.bms_site import Hands, Taken, report, site

LIMIT_A = 4
PATIENCE_S = 60.0  # for what comes within milliseconds, on a machine that is busy


class Served:
    """A facility with a Modbus server, and its master's view."""

    def __init__(
        self,
        *,
        allow: tuple[Network, ...] | None = None,
        idle_timeout_s: float = 300.0,
        stall_s: float = 10.0,
        host: str = "127.0.0.1",
    ) -> None:
        self.clock = Hands()
        self.taken = Taken()
        self.facility = Facility(
            site(),
            FacilitySettings(
                modbus=ModbusSettings(
                    host=host,
                    port=0,
                    policy=WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0),
                    allow=allow,
                    idle_timeout_s=idle_timeout_s,
                    stall_s=stall_s,
                )
            ),
            clock=self.clock,
            version="test",
            sink=self.taken,
        )

    def tick(self, number: int) -> None:
        limits = {"limits": self.facility.limits.report(self.clock.now)}
        self.facility.publish(report(ticks=number) | limits | self.facility.report())

    @property
    def port(self) -> int:
        assert self.facility.modbus_port is not None
        return self.facility.modbus_port

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()


@asynccontextmanager
async def served(served: Served) -> AsyncIterator[Served]:
    await served.facility.start()
    served.tick(42)
    try:
        yield served
    finally:
        await served.facility.stop()


@asynccontextmanager
async def master(port: int) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=PATIENCE_S)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


async def test_every_point_is_read_by_an_independent_master() -> None:
    """Telemetry by function 4 and, mirrored, by function 3; it is what the report of the tick says."""
    async with served(Served()) as bench, master(bench.port) as client:
        telemetry = await client.read_input_registers(0, count=100, device_id=1)
        mirrored = await client.read_holding_registers(MIRROR, count=100, device_id=255)
        assert telemetry.registers == mirrored.registers
        power = number_of(SHAPES_OF["power_w"], telemetry.registers[10:12])
        assert power == 8650
        evse = await client.read_input_registers(EVSE_BASE + EVSE_STRIDE, count=len(EVSE_POINTS), device_id=1)
        assert evse.registers[0] == 9  # unknown
        for point in CONTROL_POINTS:
            if point.bank is Bank.HOLDING:
                read = await client.read_holding_registers(point.register, count=SHAPES[point.kind].words, device_id=1)
                said = bench.facility.report()["bms"]["modbus"][point.name]
                assert tuple(read.registers) == encode(point, said), point.name


SHAPES_OF = {point.name: point.kind for point in SITE_POINTS}


async def test_a_limit_is_written_by_an_independent_master() -> None:
    """It is a fact at once, reads back, and is out of range above the fuse: exception 3."""
    async with served(Served()) as bench, master(bench.port) as client:
        assert not (await client.write_register(LIMIT_A, 160, device_id=1)).isError()
        assert bench.taken.limits[-1].limit_a == 16.0
        refused = await client.write_register(LIMIT_A, 700, device_id=1)
        assert refused.exception_code == 3
        assert not (await client.write_registers(2, [0, 11000, 0xFFFF, 30], device_id=1)).isError()
        assert bench.taken.limits[-1].limit_w == 11000.0
        bench.tick(43)
        effective = await client.read_input_registers(46, count=7, device_id=1)
        assert effective.registers[:2] == [0, 11000]
        assert effective.registers[5:] == [2, 30]


async def test_a_limit_is_written_and_telemetry_read_in_one_request() -> None:
    """Function 23, which some PLCs use for all of their cyclic exchange."""
    async with served(Served()) as bench, master(bench.port) as client:
        read = await client.readwrite_registers(
            read_address=MIRROR, read_count=10, write_address=LIMIT_A, values=[160], device_id=1
        )
        assert read.registers[0] == 0x4547
        assert bench.taken.limits[-1].limit_a == 16.0


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed (apt-get install mbpoll)")
async def test_mbpoll_reads_and_writes() -> None:
    """Debian's master, as an integrator has it on his bench."""
    async with served(Served()) as bench:
        options = ("-m", "tcp", "-p", str(bench.port), "-a", "1", "-0", "-1")
        written = await asyncio.create_subprocess_exec(
            "mbpoll", *options, "-t", "4", "-r", "4", "127.0.0.1", "160", stdout=asyncio.subprocess.PIPE
        )
        await written.communicate()
        assert written.returncode == 0
        assert bench.taken.limits[-1].limit_a == 16.0
        read = await asyncio.create_subprocess_exec(
            "mbpoll", *options, "-t", "3", "-r", "2", "-c", "1", "127.0.0.1", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await read.communicate()
        assert b"[2]: \t42" in output


async def test_several_masters_see_one_tick() -> None:
    """A block is of one snapshot, whoever reads it and whatever ticks go by."""
    async with served(Served()) as bench, master(bench.port) as one, master(bench.port) as other:
        for tick in range(50, 60):
            bench.tick(tick)
            first, second = await asyncio.gather(
                one.read_input_registers(0, count=60, device_id=1),
                other.read_input_registers(0, count=60, device_id=1),
            )
            assert first.registers == second.registers
            assert first.registers[2] == tick


@pytest.mark.parametrize(("unit", "function"), [(0, 4), (1, 4), (255, 4), (2, 0x84), (254, 0x84)])
async def test_masters_that_name_no_unit_are_answered(unit: int, function: int) -> None:
    """0 and 255 are no unit to a device on its own network (node-red-contrib-modbus issue 274): some masters have no
    other. What is meant for another unit isn't."""
    async with served(Served()) as bench, bench.raw() as (reader, writer):
        writer.write(struct.pack(">HHHBBHH", 7, 0, 6, unit, 4, 2, 1))
        head = await asyncio.wait_for(reader.readexactly(8), PATIENCE_S)
        transaction, _, length, answered, code = struct.unpack(">HHHBB", head)
        assert (transaction, answered, code) == (7, unit, function)
        await asyncio.wait_for(reader.readexactly(length - 2), PATIENCE_S)


async def test_two_requests_in_one_segment() -> None:
    """Both are answered, in order."""
    async with served(Served()) as bench, bench.raw() as (reader, writer):
        writer.write(b"".join(struct.pack(">HHHBBHH", number, 0, 6, 1, 4, 2, 1) for number in (1, 2)))
        answers = await asyncio.wait_for(reader.readexactly(22), PATIENCE_S)
        assert [struct.unpack_from(">H", answers, offset)[0] for offset in (0, 11)] == [1, 2]


async def test_an_address_that_is_not_allowed_is_turned_away() -> None:
    """And one that is, is served."""
    async with served(Served(allow=(ip_network("192.0.2.0/24"),))) as bench, bench.raw() as (reader, _):
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    async with served(Served(allow=(ip_network("127.0.0.0/8"),))) as bench, master(bench.port) as client:
        assert not (await client.read_input_registers(0, count=1, device_id=1)).isError()


async def test_an_idle_connection_is_closed() -> None:
    """So that masters that died without a word don't use up the places."""
    async with served(Served(idle_timeout_s=0.05)) as bench, bench.raw() as (reader, _):
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""


async def test_half_a_request_keeps_no_place() -> None:
    """A byte now and then is no request: the connection is closed as an idle one, and not after as long as it drips."""
    drips = iter(b"\x00\x01\x00\x00\x00\xfe\x01" + bytes(253))
    bench = Served(idle_timeout_s=0.2)
    async with served(bench), bench.raw() as (reader, writer), asyncio.timeout(PATIENCE_S):
        closed: bytes | None = None
        while closed is None:
            writer.write(bytes((next(drips),)))
            with contextlib.suppress(TimeoutError):
                closed = await asyncio.wait_for(reader.read(), 0.03)
        assert closed == b""
    assert next(drips, None) is not None


async def test_a_master_that_takes_no_answers_is_let_go() -> None:
    """Its socket too, and what waits for it in there: else each such master kept one for as long as it lives, beside
    the places that are counted."""
    ask = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 125)
    loop = asyncio.get_running_loop()
    async with served(Served(stall_s=0.05)) as bench, asyncio.timeout(PATIENCE_S):
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            deaf.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # or the system holds megabytes of answers
            deaf.setblocking(False)
            await loop.sock_connect(deaf, ("127.0.0.1", bench.port))
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                await loop.sock_sendall(deaf, ask * 1_000_000)


async def test_a_master_that_says_no_more_gets_its_answers() -> None:
    """One that closes its side with its last request still hears what was asked."""
    ask = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 125)
    async with served(Served()) as bench, bench.raw() as (reader, writer), asyncio.timeout(PATIENCE_S):
        writer.write(ask * 50)
        writer.write_eof()
        assert len(await reader.read()) == 50 * (9 + 2 * 125)


async def test_junk_ends_a_connection_and_nothing_else() -> None:
    """The next master is served, and no limit was stated."""
    async with served(Served()) as bench:
        before = list(bench.taken.limits)
        for _ in range(20):
            async with bench.raw() as (reader, writer):
                writer.write(b"\x00\x01\xff" + os.urandom(300))  # no protocol that is known
                await asyncio.wait_for(reader.read(), PATIENCE_S)
        async with master(bench.port) as client:
            assert not (await client.read_input_registers(0, count=10, device_id=1)).isError()
        assert bench.taken.limits == before


async def test_more_masters_than_places_are_turned_away() -> None:
    """The ones that are in stay in."""
    hours = Served(idle_timeout_s=30 * 3600.0)  # none is unused for so long that it gives way
    async with served(hours) as bench, AsyncExitStack() as stack:
        for _ in range(16):
            reader, writer = await stack.enter_async_context(bench.raw())
            writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 2, 1))
            await asyncio.wait_for(reader.readexactly(11), PATIENCE_S)  # it has been let in
        reader, _ = await stack.enter_async_context(bench.raw())
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""


async def test_a_newcomer_takes_the_place_that_was_unused_the_longest() -> None:
    """A controller that dials for each poll and never closes shuts out neither itself nor one that polls."""
    ask = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 2, 1)
    async with served(Served(idle_timeout_s=30 * 0.1)) as bench, AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
        polls, busy = await stack.enter_async_context(bench.raw())
        lines = [polls]
        while len(lines) < 40:
            reader, writer = await stack.enter_async_context(bench.raw())
            for stream, sink in ((reader, writer), (polls, busy)):
                sink.write(ask)
                answer = b""
                with contextlib.suppress(ConnectionResetError):  # what was turned away may be so before it asks
                    answer = await stream.read(11)
                if stream is polls:
                    assert len(answer) == 11, "who polls stays in"
                elif answer:
                    lines.append(reader)
        assert await lines[1].read() == b""


async def test_a_flood_of_writes_costs_no_tick() -> None:
    """1,000 writes at once: each is answered in its turn, every tick in between is seen, and the last counts."""
    async with served(Served()) as bench, bench.raw() as (reader, writer), master(bench.port) as other:
        flood = b"".join(struct.pack(">HHHBBHH", number, 0, 6, 1, 6, LIMIT_A, number % 630) for number in range(1000))
        writer.write(flood)
        answered = asyncio.create_task(reader.readexactly(len(flood)))
        for tick in range(100, 110):
            bench.tick(tick)
            seen = await other.read_input_registers(2, count=1, device_id=1)
            assert seen.registers == [tick]
        assert await asyncio.wait_for(answered, PATIENCE_S) == flood
        assert bench.taken.limits[-1].limit_a == 36.9
        assert len(bench.facility.limits.report(bench.clock.now)["stated"]) == 1


async def test_an_address_that_no_network_has_yet_is_waited_for() -> None:
    """The building's router may be back from a power cut long after the gateway, whose control can't wait for it (an
    address of RFC 5737 here)."""
    with capture_logs() as logs:
        async with served(Served(host="192.0.2.1")) as bench:
            assert bench.port > 0
    assert [line["key"] for line in logs if line["log_level"] == "warning"] == ["[bms.modbus] listen"]


def test_a_name_is_not_waited_for() -> None:
    """Which of its addresses no network has isn't known."""
    refusal = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    with pytest.raises(StartError, match=r"the address localhost:502 can't be listened on"):
        listen_once_there("the address", "localhost", 502, refusal, key="[x] listen")
