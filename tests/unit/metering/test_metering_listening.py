"""Sources that tell by themselves: they begin again whenever their connection ends, and never raise."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from edge.domain.connection import Connection, parse_connection
from edge.errors import MeterUnreachable
from edge.metering.channel import Channel, Receiver
from edge.metering.family import Quantity, Values
from edge.metering.listening import RECONNECT_S, Listening
from edge.metering.p1_source import QUIET_S, P1Source
from edge.metering.source import Deliver, Fail
from tests import virtual_time
from tests.p1_telegrams import DUTCH_LINES, telegram

LATER_LINES = tuple(
    line.replace("261121073000W", "261121073001W").replace("1.7.0(00.080", "1.7.0(00.090") for line in DUTCH_LINES
)
DAMAGED = telegram()[:-6] + b"0000\r\n"
PORT = parse_connection("p1+tcp://10.0.0.9:8899")


class Told:
    """Keeps what a source tells, with the time of it."""

    def __init__(self) -> None:
        self.values: list[Values] = []
        self.problems: list[tuple[float, str]] = []

    def deliver(self, values: Values) -> None:
        self.values.append(values)

    def fail(self, problem: str) -> None:
        self.problems.append((asyncio.get_running_loop().time(), problem))


class FakePort:
    """Streams that the test feeds, and refusals that it wants."""

    def __init__(self, *, refused: int = 0) -> None:
        self.opened: list[Receiver] = []
        self.closed = 0
        self._refused = refused

    async def open(self, connection: Connection, receiver: Receiver) -> Channel:
        if self._refused:
            self._refused -= 1
            raise MeterUnreachable(f"no connection to {connection.line}")
        self.opened.append(receiver)
        return self

    def write(self, data: bytes) -> None:
        raise AssertionError(f"a P1 port is only listened to, and {data!r} was sent")

    def close(self) -> None:
        self.closed += 1


async def listened(port: FakePort, script: Callable[[FakePort], None], *, for_s: float) -> Told:
    """What a source tells in ``for_s``, of which the script runs after the first."""
    told, source = Told(), P1Source(PORT, opener=port.open)
    await source.start(told.deliver, told.fail)
    await asyncio.sleep(1.0)
    script(port)
    await asyncio.sleep(for_s - 1.0)
    await source.close()
    return told


def test_telegrams_are_delivered() -> None:
    """Each telegram becomes values; a damaged one between sound ones is a slip of the line and loses no meter."""

    def script(port: FakePort) -> None:
        port.opened[0].data(telegram() + DAMAGED + telegram(LATER_LINES))

    told = virtual_time.run(listened(FakePort(), script, for_s=2.0))
    assert [values[Quantity.POWER] for values in told.values] == [80.0, 90.0]
    assert told.problems == []


@pytest.mark.parametrize(("before", "times"), [(b"", 3), (telegram(), 2)])
def test_damaged_telegrams_are_told(before: bytes, times: int) -> None:
    """The first of a line that had none yet, and the second of two in a row."""

    def script(port: FakePort) -> None:
        port.opened[0].data(before + 3 * DAMAGED)

    told = virtual_time.run(listened(FakePort(), script, for_s=2.0))
    assert [problem for _, problem in told.problems] == [
        "a telegram was damaged on the line (its checksum is wrong)"
    ] * times


def test_it_connects_again() -> None:
    """A refused and a broken connection are told and tried again after two seconds; half a telegram isn't kept."""
    port = FakePort(refused=1)

    async def run() -> Told:
        told, source = Told(), P1Source(PORT, opener=port.open)
        await source.start(told.deliver, told.fail)
        await asyncio.sleep(3.0)
        port.opened[0].data(telegram()[:100])
        port.opened[0].lost("the other side closed the connection")
        await asyncio.sleep(3.0)
        port.opened[1].data(telegram()[100:] + telegram())
        await source.close()
        return told

    told = virtual_time.run(run())
    assert told.problems == [
        (0.0, "no connection to p1+tcp://10.0.0.9:8899"),
        (3.0, "p1+tcp://10.0.0.9:8899: the other side closed the connection"),
    ]
    assert len(told.values) == 1
    assert port.closed == 2


def test_a_telegram_that_comes_again_is_no_news() -> None:
    """An adapter whose cable to the meter is off sends the last that it had, again and again or to whoever connects: by
    the meter's own time in it that is no reading of now, over reconnects, too. It ends with the next that is new."""
    port = FakePort()

    async def run() -> tuple[Told, list[int]]:
        told, source, counted = Told(), P1Source(PORT, opener=port.open), list[int]()
        await source.start(told.deliver, told.fail)
        await asyncio.sleep(1.0)
        for _ in range(3):
            port.opened[0].data(telegram())
        counted.append(len(told.values))
        port.opened[0].lost("the other side closed the connection")
        await asyncio.sleep(3.0)
        port.opened[1].data(telegram())
        counted.append(len(told.values))
        port.opened[1].data(telegram(LATER_LINES))
        await source.close()
        return told, counted

    told, counted = virtual_time.run(run())
    assert counted == [1, 1]
    assert [values[Quantity.POWER] for values in told.values] == [80.0, 90.0]
    _, (_, problem) = told.problems
    assert problem == (
        "the meter's telegram of 261121073000W comes again and again, and none newer; check the cable from the meter "
        "to what passes it on"
    )


def test_a_meter_whose_clock_stands_is_read() -> None:
    """Other values with the same time are other telegrams; and one without a time can't be told from the one before."""
    port = FakePort()
    stands = tuple(line.replace("1.7.0(00.080", "1.7.0(00.081") for line in DUTCH_LINES)
    untimed = tuple(line for line in DUTCH_LINES if not line.startswith("0-0:1.0.0"))

    def script(port: FakePort) -> None:
        port.opened[0].data(telegram() + telegram(stands) + telegram(untimed) + telegram(untimed))

    told = virtual_time.run(listened(port, script, for_s=2.0))
    assert [values[Quantity.POWER] for values in told.values] == [80.0, 81.0, 80.0, 80.0]


def test_a_stream_that_says_nothing_is_opened_anew() -> None:
    """A peer that has gone without a word is given up after 30 s of silence, not kept for ever."""
    port = FakePort()
    told = virtual_time.run(listened(port, lambda _: None, for_s=QUIET_S + RECONNECT_S + 1.0))
    assert [at for at, _ in told.problems] == [QUIET_S]
    assert "not a byte for 30 s" in told.problems[0][1]
    assert len(port.opened) == 2


class Faulty(Listening):
    """A source with a fault of its own."""

    async def listen(self, deliver: Deliver, fail: Fail) -> str:  # noqa: ARG002 - it comes to nothing
        raise ZeroDivisionError


def test_a_fault_of_the_program_ends_no_listening() -> None:
    """What nobody foresaw is logged and told as a problem, and it is tried again."""

    async def run() -> Told:
        told, source = Told(), Faulty("a port")
        await source.start(told.deliver, told.fail)
        await asyncio.sleep(RECONNECT_S + 1.0)
        await source.close()
        return told

    with capture_logs() as logs:
        told = virtual_time.run(run())
    assert [at for at, _ in told.problems] == [0.0, RECONNECT_S]
    assert "fault of this program: ZeroDivisionError" in told.problems[0][1]
    assert [entry["log_level"] for entry in logs] == ["error", "error"]


class Deaf(Listening):
    """Takes the first cancellation for nothing, as wait_for does before Python 3.12 when what it waits for comes
    together with it."""

    async def listen(self, deliver: Deliver, fail: Fail) -> str:
        del deliver, fail
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)
        return "an hour later"


def test_a_source_that_misses_its_end_is_ended_all_the_same() -> None:
    """The gateway's stop hung on it until the service manager killed it."""

    async def stopped_after_s() -> float:
        source, told = Deaf("a topic"), Told()
        await source.start(told.deliver, told.fail)
        await asyncio.sleep(1)
        async with asyncio.timeout(600):
            await source.close()
        return asyncio.get_running_loop().time() - 1

    assert virtual_time.run(stopped_after_s()) <= 1.0
