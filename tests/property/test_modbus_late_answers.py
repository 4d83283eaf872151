"""However late, lost, garbled or foreign the answers are, no read is given another's registers."""

import struct
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.metering.family import RegisterType
from edge.metering.modbus import ReadRequest, Registers
from edge.metering.modbus_rtu import FORGET_S, RtuFraming, crc16
from edge.metering.modbus_tcp import TcpFraming

ADDRESSES = st.sampled_from([0, 100, 200, 300])
COUNTS = st.sampled_from([1, 2, 2, 2, 4])
UNITS = st.sampled_from([1, 1, 1, 2])
# What becomes of a request: how long its answer takes, and whether it is lost, spoilt or refused.
FATES = st.sampled_from(["answered", "answered", "late", "late", "lost", "spoilt", "refused", "stray first"])
STEPS = st.lists(
    st.tuples(UNITS, ADDRESSES, COUNTS, FATES, st.floats(0.05, FORGET_S - 1.0), st.floats(0.0, 1.0)), max_size=40
)
TIMEOUT_S = 0.5


def registers(unit: int, address: int, count: int) -> tuple[int, ...]:
    """What stands there: every register of every device differs."""
    return tuple(unit * 5_000 + address + offset for offset in range(count))


def answer_frame(unit: int, address: int, count: int) -> bytes:
    frame = bytes((unit, 4, 2 * count)) + struct.pack(f">{count}H", *registers(unit, address, count))
    return frame + crc16(frame)


class Devices:
    """Each answers in the order in which it was asked, as late as it likes within FORGET_S."""

    def __init__(self) -> None:
        self._due: dict[int, deque[tuple[float, bytes]]] = {}

    def ask(self, request: ReadRequest, fate: str, delay_s: float, now: float) -> None:
        queue = self._due.setdefault(request.unit, deque())
        frame = answer_frame(request.unit, request.address, request.count)
        at = now + (delay_s if fate == "late" else 0.1)
        if queue:
            at = max(at, queue[-1][0])
        if fate == "lost":
            return
        if fate == "spoilt":
            frame = frame[:3] + bytes((frame[3] ^ 0x10,)) + frame[4:]
        if fate == "refused":
            frame = bytes((request.unit, 0x84, 2))
            frame += crc16(frame)
        if fate == "stray first":
            frame = b"\x00" + answer_frame(9, request.address, request.count) + frame
        queue.append((at, frame))

    def spoken(self, until: float) -> list[tuple[float, bytes]]:
        """What they have said by then, in its order."""
        said = []
        for queue in self._due.values():
            while queue and queue[0][0] <= until:
                said.append(queue.popleft())
        return sorted(said, key=lambda each: each[0])


@settings(max_examples=300)
@given(STEPS)
def test_rtu_never_gives_one_reads_registers_as_anothers(
    steps: list[tuple[int, int, int, str, float, float]],
) -> None:
    """Every answer that is accepted holds the registers that were asked for."""
    framing, devices, now = RtuFraming(), Devices(), 0.0
    for unit, address, count, fate, delay_s, pause_s in steps:
        request = ReadRequest(unit=unit, register_type=RegisterType.INPUT, address=address, count=count)
        if framing.may_send(request, now):
            framing.send(request, now)
            devices.ask(request, fate, delay_s, now)
            for at, frame in devices.spoken(now + TIMEOUT_S):
                found = framing.receive(frame)
                if isinstance(found, Registers):
                    assert found.values == registers(unit, address, count)
                if found is not None:
                    now = max(now, at)
            framing.give_up()
            now += TIMEOUT_S
        now += pause_s
        for _, frame in devices.spoken(now):
            assert framing.receive(frame) is None


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(0, 0xFFFF), st.integers(1, 125))
def test_any_bytes_make_an_answer_or_none(pieces: list[bytes], address: int, count: int) -> None:
    """Neither framing raises for what comes; registers are as many as were asked for."""
    request = ReadRequest(unit=1, register_type=RegisterType.HOLDING, address=address, count=count)
    for framing in (RtuFraming(), TcpFraming()):
        framing.send(request, 0.0)
        for piece in pieces:
            found = framing.receive(piece)
            if isinstance(found, Registers):
                assert len(found.values) == count
        framing.give_up()
        framing.reopened()
