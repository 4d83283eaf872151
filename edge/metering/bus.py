"""The line to one or more meters: a single owner per socket or serial port, one request at a time.

A read that has begun runs to its end, whatever becomes of who asked for it: on a serial line its answer would come all
the same. Reconnecting is done here, with the next read that is wanted.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge.clock import Clock
from edge.domain.connection import Connection, Transport
from edge.errors import MeterImplausible, MeterTimeout, MeterUnreachable
from edge.metering import line_times
from edge.metering.channel import Channel, Receiver, open_channel
from edge.metering.family import Limits
from edge.metering.line_faults import no_answer, refused
from edge.metering.modbus import BUSY, Answer, Framing, Garbled, ReadRequest, Refusal, Registers
from edge.metering.modbus_rtu import RtuFraming
from edge.metering.modbus_tcp import TcpFraming
from edge.metering.patience import LONGEST_PATIENCE_ALONE_S, LONGEST_PATIENCE_S, Patience
from edge.units import Seconds

RECONNECT_S: Seconds = 0.5  # after a failed attempt: several meters behind a dead gateway must not each wait for it
ATTEMPTS = 3  # of a read whose answer is garbled: of 20 % broken frames fewer than one read in a hundred is left
HEAR_OUT_S: Seconds = 5.0  # of one read: longer than any device is waited for
SILENT_READS = 3  # in a row with nothing heard at all: the connection may be half open
# On a new connection a slow device may not have had the time to answer: what it owes would be lost with the connection.
NEW_S: Seconds = 5.0
NOISE_S: Seconds = 0.3  # a line that doesn't fall silent within this has something else talking on it
BUSY_S: Seconds = 0.1  # before a device is asked again that says it is busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The registers of one read, and when they had come."""

    registers: tuple[int, ...]
    at: Seconds


class Bus(Protocol):
    """A line to meters."""

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:
        """The registers, exactly ``request.count`` of them.

        ``fences`` are other reads of the same device, of other lengths: one of them is read first where a late answer
        to an earlier request could be taken for the answer to this one.

        :raises MeterError: MeterUnreachable, MeterTimeout, MeterRefused or MeterImplausible.
        """

    async def close(self) -> None:
        """Give the line up."""


ChannelOpener = Callable[[Connection, Receiver], Awaitable[Channel]]


class Line:
    """Implements :class:`Bus` for all that speaks Modbus."""

    def __init__(self, connection: Connection, clock: Clock, *, opener: ChannelOpener = open_channel) -> None:
        self._connection = connection
        self._clock = clock
        self._opener = opener
        self._framing: Framing = TcpFraming() if connection.transport is Transport.TCP else RtuFraming()
        self._turn = asyncio.Lock()
        self._channel: Channel | None = None
        self._reads: set[asyncio.Task[Answered]] = set()
        self._answer: asyncio.Future[Answer] | None = None
        self._heard = asyncio.Event()  # set by each piece of data, cleared by who waits for the next
        self._busy_at: Seconds = 0.0  # when a byte was last sent or received
        self._refused_at: Seconds = -math.inf  # when a connection last failed to come up
        self._refused = MeterUnreachable(f"no connection to {connection.line}")  # and why
        self._silent = 0  # reads in a row that brought no byte
        self._opened_at: Seconds | None = None  # of a connection on which no byte has come yet
        self._hears = False  # whether a byte has come since the last request
        self._served_at: dict[int, Seconds] = {}  # by unit: when its last read was over
        self._patience = Patience()

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:
        task = asyncio.create_task(self._read(request, limits, fences))
        self._reads.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in tuple(self._reads):
            task.cancel()
        if self._reads:
            await asyncio.wait(tuple(self._reads))
        self._drop()

    # What a channel calls (edge.metering.channel.Receiver).

    def data(self, data: bytes) -> None:
        self._busy_at = self._clock.monotonic()
        self._silent = 0
        self._opened_at = None
        self._hears = True
        self._heard.set()
        found = self._framing.receive(data)
        for late in self._framing.taken_late():
            self._patience.learn(late, self._busy_at, longest_s=self._longest_patience_s)
        if found is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(found)

    def lost(self, why: str) -> None:
        self._drop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(MeterUnreachable(f"{self._connection.line} is lost: {why}"))

    # The read itself.

    def _forget(self, task: "asyncio.Task[Answered]") -> None:
        self._reads.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone: then nobody else takes it

    async def _read(self, request: ReadRequest, limits: Limits, fences: Sequence[ReadRequest]) -> Answered:
        async with self._turn:
            found: Answer = Garbled("nothing was read")
            for attempt in range(1, ATTEMPTS + 1):
                is_new = self._channel is None
                try:
                    await self._clear_way(request, limits, fences)
                    found = await self._exchange(request, limits)
                except MeterUnreachable:
                    # Some devices close the connection after each answer, and all may when they begin anew.
                    if is_new or attempt == ATTEMPTS:
                        raise
                    continue
                if isinstance(found, Refusal) and found.code == BUSY:
                    await asyncio.sleep(BUSY_S)
                elif not isinstance(found, Garbled) or found.reopen:
                    break
            match found:
                case Registers():
                    return Answered(registers=found.values, at=self._clock.monotonic())
                case Refusal():
                    raise refused(self._connection.line, request, found)
                case Garbled():
                    raise MeterImplausible(
                        f"{self._connection.line} {request}: {found.why}",
                        remedy="check the cable, its shield and its ends, and that no two devices have one unit id",
                    )

    async def _clear_way(self, request: ReadRequest, limits: Limits, fences: Sequence[ReadRequest]) -> None:
        """See to it that no late answer can be taken for the answer to ``request``, and that none is asked into one.

        :raises MeterError: that can't be had now.
        """
        is_done = await self._hear_out()
        for _ in range(ATTEMPTS):
            now = self._clock.monotonic()
            fence = next((each for each in fences if self._framing.may_send(each, now)), None)
            if not is_done or fence is None or self._framing.may_send(request, now):
                break
            await self._exchange(fence, limits)
        if not is_done or not self._framing.may_send(request, self._clock.monotonic()):
            raise MeterTimeout(
                f"{self._connection.line} unit {request.unit} answers late or not at all",
                remedy="check the unit id, the wiring, and that nothing else on the line is polled by another program",
            )

    async def _hear_out(self) -> bool:
        """Wait for what slow devices on the line are still at; whether they are done with it."""
        until = self._clock.monotonic() + HEAR_OUT_S
        while (behind_s := self._behind_s()) > 0 and (left_s := until - self._clock.monotonic()) > 0:
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), min(behind_s, left_s))
        return behind_s <= 0

    def _behind_s(self) -> Seconds:
        now = self._clock.monotonic()
        return self._patience.behind_s(self._framing.owed(now), now)

    @property
    def _longest_patience_s(self) -> Seconds:
        is_alone = len(self._served_at) == 1 and self._connection.transport is Transport.TCP
        return LONGEST_PATIENCE_ALONE_S if is_alone else LONGEST_PATIENCE_S

    async def _exchange(self, request: ReadRequest, limits: Limits) -> Answer:
        """One request and its answer.

        :raises MeterError: no connection, or no answer in time.
        """
        channel = await self._connected()
        await self._fall_silent(request.unit, limits)
        limits = self._patience.limits(request.unit, limits)
        if self._channel is not channel:
            raise MeterUnreachable(f"{self._connection.line} is lost")
        self._answer = asyncio.get_running_loop().create_future()
        self._hears = False
        try:
            channel.write(self._framing.send(request, self._clock.monotonic()))
            self._busy_at = self._clock.monotonic()
            found = await self._await_answer(request, limits)
        finally:
            if self._answer.done():
                self._answer.exception()  # known now, whether or not it was waited for
            self._answer = None
            self._framing.give_up()
            self._served_at[request.unit] = self._clock.monotonic()
        if isinstance(found, Garbled) and found.reopen:
            self._drop()
        return found

    async def _await_answer(self, request: ReadRequest, limits: Limits) -> Answer:
        """The answer. On a serial line a pause in the middle of a frame ends it, so that a broken one doesn't cost the
        whole time; TCP loses nothing, and what follows half an answer there can't be understood."""
        assert self._answer is not None  # noqa: S101 - set by the caller
        pause_s = line_times.pause_s(self._connection)
        deadline = self._clock.monotonic() + line_times.answer_within_s(self._connection, request, limits)
        while not self._answer.done():
            wait_s = deadline - self._clock.monotonic()
            if self._framing.is_amid_frame and wait_s <= 0:
                return Garbled("the answer breaks off", reopen=pause_s is None)
            if wait_s <= 0:
                raise self._silence(request, limits)
            amid_s = pause_s if self._framing.is_amid_frame else None
            self._heard.clear()
            heard = asyncio.ensure_future(self._heard.wait())
            either: list[asyncio.Future[Any]] = [self._answer, heard]
            try:
                await asyncio.wait(
                    either,
                    timeout=min(wait_s, amid_s) if amid_s is not None else wait_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                heard.cancel()
            if amid_s is not None and not self._heard.is_set() and not self._answer.done():
                return Garbled("the answer breaks off")
        return self._answer.result()

    async def _fall_silent(self, unit: int, limits: Limits) -> None:
        """Wait for the pause that the line needs between frames, and the device between its answer and a new request.

        :raises MeterImplausible: something talks without end.
        """
        line_s = line_times.gap_s(self._connection)
        rested_at = self._served_at.get(unit, -math.inf) + limits.min_gap_s
        await asyncio.sleep(max(rested_at - self._clock.monotonic(), 0.0))
        since = self._clock.monotonic()
        while (wait_s := self._busy_at + line_s - self._clock.monotonic()) > 0:
            if self._clock.monotonic() - since > NOISE_S + line_s:
                raise MeterImplausible(
                    f"{self._connection.line} doesn't fall silent",
                    remedy="check the bus's bias and ends, and that no other master is on it",
                )
            await asyncio.sleep(wait_s)

    async def _connected(self) -> Channel:
        if self._channel is not None:
            return self._channel
        if self._clock.monotonic() - self._refused_at < RECONNECT_S:
            raise self._refused.with_traceback(None)
        try:
            self._channel = await self._opener(self._connection, self)
        except MeterUnreachable as exc:
            self._refused_at, self._refused = self._clock.monotonic(), exc
            raise
        self._opened_at = self._clock.monotonic()
        self._framing.reopened()
        return self._channel

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        self._silent = 0

    def _silence(self, request: ReadRequest, limits: Limits) -> MeterTimeout:
        self._silent += 1
        self._patience.waited(request.unit, limits.answer_s)
        is_new = self._opened_at is not None and self._clock.monotonic() - self._opened_at < NEW_S
        if self._silent >= SILENT_READS and not is_new:
            self._drop()
        connection = self._connection
        return no_answer(connection.line, request, limits, hears=self._hears, transport=connection.transport)


def open_bus(connection: Connection, clock: Clock) -> Bus:
    """The line, not yet connected: the first read does that."""
    return Line(connection, clock)
