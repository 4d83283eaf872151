"""A line whose answers come in pieces: where a pause ends a frame, and where it doesn't."""

import asyncio
import contextlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from edge.domain.connection import Connection, parse_connection
from edge.errors import MeterError, MeterImplausible, MeterTimeout
from edge.metering.bus import Line
from edge.metering.catalogue import FAMILIES
from edge.metering.channel import Channel, Receiver
from edge.metering.family import Limits, RegisterType
from edge.metering.modbus import ReadRequest
from edge.metering.modbus_rtu import crc16
from tests.virtual_time import VirtualClock, run

REQUEST = ReadRequest(unit=1, register_type=RegisterType.INPUT, address=0, count=1)
TCP_ANSWER = bytes((0, 1, 0, 0, 0, 5, 1, 4, 2, 0, 42))  # to the first request of a connection


class Piecemeal:
    """A device that sends its first piece ``begins_s`` after the request, each other ``pause_s`` after that before."""

    def __init__(self, pieces: Sequence[bytes], pause_s: float, *, begins_s: float = 0.0) -> None:
        self.begins_s = begins_s
        self.pieces = pieces
        self.pause_s = pause_s
        self.opened = 0
        self.asked = 0
        self._receiver: Receiver | None = None

    async def open(self, _connection: Connection, receiver: Receiver) -> Channel:
        self.opened += 1
        self._receiver = receiver
        return self

    def write(self, data: bytes) -> None:
        assert data
        assert self._receiver is not None
        self.asked += 1
        for index, piece in enumerate(self.pieces):
            asyncio.get_running_loop().call_later(self.begins_s + index * self.pause_s, self._receiver.data, piece)

    def close(self) -> None:
        """Nothing to give up."""


async def read(
    connection: str, device: Piecemeal, request: ReadRequest = REQUEST, limits: Limits | None = None
) -> tuple[int, ...]:
    bus = Line(parse_connection(connection), VirtualClock(), opener=device.open)
    try:
        return (await bus.read(request, limits=limits or Limits())).registers
    finally:
        await bus.close()


def test_a_tcp_answer_may_pause_within_its_time() -> None:
    """TCP loses nothing: a slow network's two pieces are one answer, asked for once."""
    device = Piecemeal((TCP_ANSWER[:8], TCP_ANSWER[8:]), 0.4)
    assert run(read("tcp://10.0.0.5", device)) == (42,)
    assert device.asked == 1


@pytest.mark.parametrize(
    "connection", ["tcp://10.0.0.5", "rtu+tcp://10.0.0.5:4196", "rtu:///dev/ttyS0?baudrate=9600&parity=E"]
)
@pytest.mark.parametrize("count", [1, 80])
def test_the_line_behind_a_gateway_takes_its_time_too(connection: str, count: int) -> None:
    """A device that begins to answer as late as it may, behind 9600 Bd: the same wherever that line is."""
    words = bytes((4, 2 * count)) + bytes(2 * count)
    rtu = b"\x01" + words
    answer = bytes((0, 1, 0, 0, 0, 1 + len(words), 1)) + words if connection.startswith("tcp") else rtu + crc16(rtu)
    on_the_line_s = (8 + 5 + 2 * count) * 11 / 9600
    device = Piecemeal((answer,), 0.0, begins_s=Limits().answer_s + on_the_line_s)
    assert run(read(connection, device, replace(REQUEST, count=count))) == (0,) * count


def test_an_inverter_may_take_its_time() -> None:
    """It asks its meter first (libmodbus issue 776, mbmd issue 199): the time of an ordinary device is too short."""
    device = Piecemeal((TCP_ANSWER,), 0.0, begins_s=0.9)
    assert run(read("tcp://10.0.0.5", device, limits=FAMILIES["sunspec_meter"].limits)) == (42,)
    with pytest.raises(MeterTimeout):
        run(read("tcp://10.0.0.5", device))


class Slow:
    """A TCP device, or a gateway that is busy with others: it answers each request ``takes_s`` after it came, with
    registers, or (``refuses``) with the gateway's word that its device is silent."""

    def __init__(self, takes_s: float, *, refuses: bool = False) -> None:
        self.takes_s = takes_s
        self.refuses = refuses
        self._receiver: Receiver | None = None

    async def open(self, _connection: Connection, receiver: Receiver) -> Channel:
        self._receiver = receiver
        return self

    def write(self, data: bytes) -> None:
        assert self._receiver is not None
        pdu = bytes((0x84, 11)) if self.refuses else bytes((4, 2, 0, 42))
        frame = data[:4] + bytes((0, 1 + len(pdu), data[6])) + pdu
        asyncio.get_running_loop().call_later(self.takes_s, self._receiver.data, frame)

    def close(self) -> None:
        """Nothing to give up."""


async def polls(device: Slow, *, times: int, period_s: float = 1.0) -> list[float | None]:
    """How long each read took that gave registers; None for one that didn't."""
    bus = Line(parse_connection("tcp://10.0.0.5"), VirtualClock(), opener=device.open)
    now, found = asyncio.get_running_loop().time, list[float | None]()
    for _ in range(times):
        begun = now()
        try:
            await bus.read(REQUEST, limits=Limits())
        except MeterTimeout:
            found.append(None)
        else:
            found.append(now() - begun)
        await asyncio.sleep(max(begun + period_s - now(), 0.0))
    await bus.close()
    return found


@pytest.mark.parametrize("takes_s", [0.7, 1.0, 1.3, 1.9])
def test_a_tcp_device_that_answers_late_is_waited_for(takes_s: float) -> None:
    """Its answers bear their requests' numbers: one that came too late tells how long the next may take. Before, such a
    meter was never read, however it answered."""
    assert all(took == pytest.approx(takes_s) for took in run(polls(Slow(takes_s), times=8))[3:])


def test_a_device_that_was_slow_and_dies_costs_the_line_no_more_than_others() -> None:
    """Once it has let a longer time pass it is waited for as any other."""

    async def times() -> list[float]:
        device = Slow(0.9)
        bus = Line(parse_connection("tcp://10.0.0.5"), VirtualClock(), opener=device.open)
        found, now = [], asyncio.get_running_loop().time
        for takes_s in (0.9, 0.9, 0.9, 999.0, 999.0):
            device.takes_s = takes_s
            begun = now()
            with contextlib.suppress(MeterTimeout):
                await bus.read(REQUEST, limits=Limits())
            found.append(now() - begun)
            await asyncio.sleep(1)
        await bus.close()
        return found

    first, *_, dies, dead = run(times())
    assert first == pytest.approx(dead)
    assert dead < 0.6 < dies < 1.5


def test_a_gateway_s_late_refusal_makes_nobody_patient() -> None:
    """That its device is silent is no answer of the device's: it is waited for no longer."""
    assert run(polls(Slow(0.8, refuses=True), times=6)) == [None] * 6


@dataclass
class OneByOne:
    """A line whose devices take ``takes_s`` each (by unit; 99: it never answers), one request after the other as a
    gateway does that has one serial line behind it, in the order in which they came. Each register holds the unit and
    its own address. ``deaf``: a request that comes while it is busy is lost, as on devices that hold one."""

    takes_s: Mapping[int, float]
    rtu: bool = False
    deaf: bool = False
    asked: int = 0
    _receiver: Receiver | None = None
    _free_at: float = 0.0

    async def open(self, _connection: Connection, receiver: Receiver) -> Channel:
        self._receiver = receiver
        return self

    def write(self, data: bytes) -> None:
        assert self._receiver is not None
        self.asked += 1
        loop = asyncio.get_running_loop()
        unit, function, address, count = struct.unpack(">BBHH", data[:6] if self.rtu else data[6:12])
        if self.takes_s[unit] >= 99 or (self.deaf and self._free_at > loop.time()):
            return
        words = struct.pack(f">{count}H", *(1000 * unit + address + index for index in range(count)))
        pdu = bytes((unit, function, len(words))) + words
        frame = pdu + crc16(pdu) if self.rtu else data[:4] + bytes((0, len(pdu))) + pdu
        self._free_at = max(self._free_at, loop.time()) + self.takes_s[unit]
        loop.call_at(self._free_at, self._receiver.data, frame)

    def close(self) -> None:
        """Nothing to give up."""


async def rounds(device: OneByOne, *, lasts_s: float) -> dict[int, list[float]]:
    """When each unit's reads gave registers, of a master that reads a long block of each unit in turn, once a second
    or as fast as it can."""
    connection = "rtu+tcp://10.0.0.5:4196" if device.rtu else "tcp://10.0.0.5"
    bus = Line(parse_connection(connection), VirtualClock(), opener=device.open)
    now = asyncio.get_running_loop().time
    given: dict[int, list[float]] = {unit: [] for unit in device.takes_s}
    while now() < lasts_s:
        begun = now()
        for unit in device.takes_s:
            wanted = ReadRequest(unit=unit, register_type=RegisterType.INPUT, address=10, count=6)
            with contextlib.suppress(MeterTimeout):
                answered = await bus.read(wanted, limits=Limits(), fences=[replace(wanted, count=2)])
                assert answered.registers == tuple(1000 * unit + 10 + index for index in range(6))
                given[unit].append(now())
        await asyncio.sleep(max(begun + 1.0 - now(), 0.001))
    await bus.close()
    return given


def longest_gap_s(at: Sequence[float], *, since_s: float, until_s: float) -> float:
    """How long nothing came."""
    edges = [since_s, *(each for each in at if since_s <= each <= until_s), until_s]
    return max(later - before for before, later in pairwise(edges))


@pytest.mark.parametrize("deaf", [False, True], ids=["queues", "deaf"])
@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu"])
@pytest.mark.parametrize("takes_s", [0.6, 0.9, 1.2, 1.5, 1.8, 1.95])
def test_a_slow_device_alone_on_its_line_is_read(takes_s: float, rtu: bool, deaf: bool) -> None:
    """Each read takes as long as the device does, and none is asked into the answer to another. "Typically the response
    time-out is from 1 s to several seconds at 9600 bps" (Modbus over Serial Line V1.02 §2.4.1); and what does one
    request after the other falls behind for ever where it is asked anew before it is done."""
    at = run(rounds(OneByOne({1: takes_s}, rtu=rtu, deaf=deaf), lasts_s=60.0))[1]
    assert longest_gap_s(at, since_s=15.0, until_s=60.0) <= max(takes_s, 1.0) + 0.5


@pytest.mark.parametrize("takes_s", [2.5, 3.0, 3.5])
def test_a_very_slow_tcp_device_alone_on_its_line_is_read(takes_s: float) -> None:
    """Nobody else waits for the line, and it is just quick enough for its readings to count."""
    at = run(rounds(OneByOne({1: takes_s}), lasts_s=90.0))[1]
    assert longest_gap_s(at, since_s=25.0, until_s=90.0) <= takes_s + 0.5


@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu"])
@pytest.mark.parametrize("takes_s", [{1: 0.9, 2: 0.9}, {1: 1.8, 2: 1.8}, {1: 1.2, 2: 1.2, 3: 1.2}, {1: 0.05, 2: 1.5}])
def test_slow_devices_behind_one_gateway_are_read(takes_s: dict[int, float], rtu: bool) -> None:
    """A gateway does one request after the other: each of its devices is had once in a round, not more asked than it
    does."""
    given = run(rounds(OneByOne(takes_s, rtu=rtu), lasts_s=90.0))
    for at in given.values():
        assert longest_gap_s(at, since_s=30.0, until_s=90.0) <= sum(takes_s.values()) + 0.5


@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu"])
def test_a_dead_device_beside_a_slow_one_costs_no_more_than_its_time(rtu: bool) -> None:
    """Nobody waits for what a device that says nothing at all might still owe."""
    given = run(rounds(OneByOne({1: 0.9, 2: 99.0}, rtu=rtu), lasts_s=60.0))
    assert longest_gap_s(given[1], since_s=15.0, until_s=60.0) <= 0.9 + 2 * 0.7


def test_a_slow_rtu_device_that_dies_costs_the_line_no_more_than_others() -> None:
    """As over TCP: once it has let a longer time pass it is waited for as any other."""

    async def times() -> list[float]:
        device = OneByOne({1: 0.9}, rtu=True)
        bus = Line(parse_connection("rtu+tcp://10.0.0.5:4196"), VirtualClock(), opener=device.open)
        found, now = [], asyncio.get_running_loop().time
        for takes_s in (0.9, 0.9, 0.9, 99.0, 99.0):
            device.takes_s = {1: takes_s}
            begun = now()
            with contextlib.suppress(MeterTimeout):
                await bus.read(REQUEST, limits=Limits(), fences=[replace(REQUEST, count=2)])
            found.append(now() - begun)
            await asyncio.sleep(6)
        await bus.close()
        return found

    first, *_, dies, dead = run(times())
    assert first == pytest.approx(dead, abs=0.02)  # the fence is longer
    assert dead < 0.7 < dies < 1.6


@pytest.mark.parametrize(("answers", "reads"), [(0, 9), (2, 5)])
def test_a_connection_that_falls_silent_is_made_anew(answers: int, reads: int) -> None:
    """It may be half open: after three reads without a byte where something was heard on it before, after 5 s where
    nothing was. A slow device's first answer would be lost with it."""

    async def opened() -> list[int]:
        device = Piecemeal((), 0.0)
        bus = Line(parse_connection("tcp://10.0.0.5"), VirtualClock(), opener=device.open)
        found = []
        for at in range(reads + 1):
            device.pieces = (bytes((0, at + 1)) + TCP_ANSWER[2:],) if at < answers else ()
            with contextlib.suppress(MeterTimeout):
                await bus.read(REQUEST, limits=Limits())
            found.append(device.opened)
        await bus.close()
        return found

    assert run(opened()) == [1] * reads + [2]


@pytest.mark.parametrize("unit", [0, 255])
def test_a_tcp_device_may_answer_without_a_unit(unit: int) -> None:
    """Servers that know no units write 0 or 255 whatever they were asked for: the request's number tells the answer."""
    device = Piecemeal((TCP_ANSWER[:6] + bytes((unit,)) + TCP_ANSWER[7:],), 0.0)
    assert run(read("tcp://10.0.0.5", device)) == (42,)


def test_another_units_answer_is_none() -> None:
    """Behind a gateway there are several devices: what bears the number of another of them answers nothing."""
    device = Piecemeal((TCP_ANSWER[:6] + b"\x02" + TCP_ANSWER[7:],), 0.0)
    with pytest.raises(MeterTimeout):
        run(read("tcp://10.0.0.5", device))


def test_half_a_tcp_answer_ends_the_connection() -> None:
    """What follows half an answer can't be understood: the read has failed, and the next one opens the line anew."""
    device = Piecemeal((TCP_ANSWER[:8],), 0.0)
    with pytest.raises(MeterImplausible, match="breaks off"):
        run(read("tcp://10.0.0.5", device))
    assert (device.asked, device.opened) == (1, 1)


def rtu_answer(request: ReadRequest = REQUEST) -> bytes:
    """Zeros for each register."""
    frame = bytes((request.unit, 4, 2 * request.count)) + bytes(2 * request.count)
    return frame + crc16(frame)


@pytest.mark.parametrize("pause_s", [0.15, 0.25, 0.45])
def test_a_network_may_pause_within_a_serial_server_s_answer(pause_s: float) -> None:
    """A packet that is lost on a radio link comes again after 0.2 s: the frame isn't over, and is asked for once."""
    answer = rtu_answer(replace(REQUEST, count=20))
    device = Piecemeal((answer[:9], answer[9:]), pause_s)
    assert run(read("rtu+tcp://10.0.0.5:4196", device, replace(REQUEST, count=20))) == (0,) * 20
    assert device.asked == 1


class Moody:
    """An RTU device that answers each request as ``moods`` say in turn, and then rightly: "half", "busy" or "whole"."""

    def __init__(self, moods: Sequence[str], *, is_tcp: bool = False) -> None:
        self.moods = list(moods)
        self.is_tcp = is_tcp
        self.opened = 0
        self.asked: list[int] = []
        self._receiver: Receiver | None = None

    async def open(self, _connection: Connection, receiver: Receiver) -> Channel:
        self.opened += 1
        self._receiver = receiver
        return self

    def write(self, data: bytes) -> None:
        assert self._receiver is not None
        unit, function, _, count = struct.unpack(">BBHH", data[6:12] if self.is_tcp else data[:6])
        self.asked.append(count)
        mood = self.moods.pop(0) if self.moods else "whole"
        loop = asyncio.get_running_loop()
        if mood == "closes":
            loop.call_soon(self._receiver.lost, "the other side closed the connection")
            return
        pdu = bytes((function, 2 * count)) + bytes(2 * count) if mood != "busy" else bytes((function | 0x80, 6))
        rtu = bytes((unit,)) + pdu
        frame = data[:4] + bytes((0, len(rtu))) + rtu if self.is_tcp else rtu + crc16(rtu)
        loop.call_soon(self._receiver.data, frame[:5] if mood == "half" else frame)

    def close(self) -> None:
        """Nothing to give up."""


async def moody_polls(device: Moody, *, times: int) -> int:
    """How many reads of so many, a second apart, gave registers."""
    connection = "tcp://10.0.0.5" if device.is_tcp else "rtu:///dev/ttyS0"
    bus, given = Line(parse_connection(connection), VirtualClock(), opener=device.open), 0
    wanted = replace(REQUEST, count=18)
    for _ in range(times):
        with contextlib.suppress(MeterError):
            await bus.read(wanted, limits=Limits(), fences=[replace(wanted, count=count) for count in (2, 4, 6, 8)])
            given += 1
        await asyncio.sleep(1)
    await bus.close()
    return given


def test_a_line_that_loses_half_of_its_answers_is_read_all_the_same() -> None:
    """A broken answer leaves its request in doubt, and a read of another length clears it: where that is broken,
    too, it is asked for again as any other."""
    device = Moody(["half", "whole", "half", "half", "whole", "whole"])
    assert run(moody_polls(device, times=2)) == 2


@pytest.mark.parametrize("is_tcp", [False, True])
def test_a_busy_device_is_asked_again(is_tcp: bool) -> None:
    """It says "retransmit the message later", and is ready a moment after; one that stays busy is told as that."""
    assert run(moody_polls(Moody(["busy", "busy"], is_tcp=is_tcp), times=1)) == 1
    assert run(moody_polls(Moody(["busy"] * 3, is_tcp=is_tcp), times=1)) == 0


def test_a_device_that_closes_its_connection_after_each_answer_is_read() -> None:
    """What goes into the old connection is asked anew in another; one that closes a new one, too, is told."""
    device = Moody(["whole", "closes", "whole", "closes", "whole"], is_tcp=True)
    assert run(moody_polls(device, times=3)) == 3
    assert device.opened == 3
    assert run(moody_polls(Moody(["whole", "closes", "closes"], is_tcp=True), times=2)) == 1


def test_half_an_rtu_answer_is_asked_for_again_at_once() -> None:
    """On a serial line a pause ends the frame: three tries, none of which waits its whole time."""
    device = Piecemeal((bytes((1, 4, 2)),), 0.0)

    async def took() -> float:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(MeterImplausible, match="breaks off"):
            await read("rtu:///dev/ttyS0", device)
        return asyncio.get_running_loop().time() - begun

    assert run(took()) < Limits().answer_s
    assert device.asked == 3
