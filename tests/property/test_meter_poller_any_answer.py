"""Whatever comes over the line, the poller gives a reading that can be true, or a failure in words; it never raises."""

import asyncio
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from edge.clock import Clock
from edge.domain.connection import Connection
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.site import Meter
from edge.domain.station import StationFact
from edge.metering.bus import Line
from edge.metering.catalogue import FAMILIES
from edge.metering.channel import Channel, Receiver
from edge.metering.modbus_rtu import crc16
from edge.metering.poller import Meters
from edge.metering.sample import MAX_VOLTAGE_V, MIN_VOLTAGE_V
from tests import virtual_time

RATING_A = 63.0
MODELS = sorted(name for name, family in FAMILIES.items() if family.fast or family.discovery is not None)
WORDS = st.integers(0, 0xFFFF) | st.sampled_from([0, 0xFFFF, 0x7FFF, 0x8000, 0x4366, 0x4120])
ANSWERS = st.one_of(
    st.tuples(st.just("registers"), st.lists(WORDS, min_size=1, max_size=8)),
    st.tuples(st.just("truncated"), st.lists(WORDS, min_size=1, max_size=8)),
    st.tuples(st.just("exception"), st.lists(st.integers(0, 255), min_size=1, max_size=1)),
    st.tuples(st.just("bytes"), st.lists(st.integers(0, 255), max_size=60)),
    st.tuples(st.just("nothing"), st.just([])),
    st.tuples(st.just("lost"), st.just([])),
)


class Scripted:
    """A channel whose other end answers what the script says, over and over."""

    def __init__(self, script: list[tuple[str, list[int]]], receiver: Receiver, *, tcp: bool) -> None:
        self._script = script
        self._receiver: Receiver | None = receiver
        self._tcp = tcp
        self._asked = 0

    def write(self, data: bytes) -> None:
        kind, numbers = self._script[self._asked % len(self._script)]
        self._asked += 1
        head, body = (data[:6], data[6:]) if self._tcp else (b"", data[:-2])
        asyncio.get_running_loop().call_later(0.01, self._say, kind, numbers, head, body)

    def close(self) -> None:
        self._receiver = None

    def _say(self, kind: str, numbers: list[int], head: bytes, body: bytes) -> None:
        receiver = self._receiver
        if receiver is None or kind == "nothing":
            return
        if kind == "lost":
            receiver.lost("the cable is out")
            return
        receiver.data(bytes(numbers) if kind == "bytes" else self._frame(kind, numbers, head, body))

    def _frame(self, kind: str, numbers: list[int], head: bytes, body: bytes) -> bytes:
        unit, function, _, count = struct.unpack(">BBHH", body)
        if kind == "exception":
            answer = bytes((unit, function | 0x80, *numbers))
        else:
            words = [numbers[index % len(numbers)] for index in range(count if kind == "registers" else count - 1)]
            answer = bytes((unit, function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
        if not self._tcp:
            return answer + crc16(answer)
        return head[:4] + len(answer).to_bytes(2, "big") + answer


class Facts:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[MeterFact] = []

    def take(self, fact: StationFact | MeterFact) -> None:
        assert isinstance(fact, MeterReading | MeterFailed)
        self.taken.append(fact)


@settings(max_examples=60)
@given(st.sampled_from(MODELS), st.booleans(), st.lists(ANSWERS, min_size=1, max_size=6))
def test_any_answer(model: str, tcp: bool, script: list[tuple[str, list[int]]]) -> None:
    """Every family, over both framings, in six polls."""
    facts = Facts()

    async def play() -> None:
        def open_line(connection: Connection, clock: Clock) -> Line:
            async def opener(_connection: Connection, receiver: Receiver) -> Channel:
                return Scripted(script, receiver, tcp=tcp)

            return Line(connection, clock, opener=opener)

        meter = Meter(id="grid", model=model, connection="tcp://h" if tcp else "rtu+tcp://h:1")
        meters = Meters(
            meters=[meter],
            families=FAMILIES,
            clock=virtual_time.VirtualClock(),
            sink=facts,
            ratings={"grid": RATING_A},
            opener=open_line,
        )
        for _ in range(6):
            await meters.sample()
            await asyncio.sleep(1.0)
        await meters.close()

    with capture_logs() as logs:
        virtual_time.run(play())
    assert not [line for line in logs if "fault of this program" in line["event"]]
    assert facts.taken
    for fact in facts.taken:
        if isinstance(fact, MeterReading):
            _check(fact)


def _check(reading: MeterReading) -> None:
    most_a = 10 * RATING_A * MAX_VOLTAGE_V / MIN_VOLTAGE_V
    assert reading.current_a is None or all(abs(amps) <= most_a for amps in reading.current_a)
    voltages = [volts for volts in reading.voltage_v or () if volts is not None]
    assert all(MIN_VOLTAGE_V <= volts <= MAX_VOLTAGE_V for volts in voltages)
    powers = [watts for watts in reading.phase_power_w or () if watts is not None]
    assert all(abs(watts) <= 10 * RATING_A * MAX_VOLTAGE_V for watts in powers)
