"""What both sides' sockets have in common."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import CLOSED, OPEN, SERVER, Event
from websockets.typing import DataLike

from edge.ocpp import framing
from edge.ocpp.sending import KEYS, SURROGATES, put
from edge.ocpp.stalled import Watched
from edge.units import Seconds

# Takes a message; returns for how long no other is to be handed over.
Receiver: TypeAlias = Callable[[str | bytes], Seconds]

# Messages of one read that are handed over before everybody else has a turn. A peer that keeps to the rules sends no
# more in a row: one CALL, the answer to one, and what nothing answers.
IN_A_ROW = 4

# Frames of any kind that are read before everybody else has a turn; the rest of what came waits, unread by the library.
FRAMES_A_TURN = 32

EARLY_S: Seconds = 0.01  # a timer may fire by some of it too early

LONGEST_HEAD = 14  # bytes of a frame before its payload (RFC 6455 §5.2)

# Pings and pongs for a peer that has stopped reading; it is cut off then. From Python 3.12 on each write walks through
# all that wait: a flood of pings, unread, would hold everybody up long before its bytes are too many.
MOST_CONTROLS = 1000

# The library's own lines repeat ours, and come with tracebacks for every garbled handshake.
QUIET = logging.getLogger("edge.ocpp.websockets")
QUIET.disabled = True


class Receiving(Watched):
    """A socket that hands its messages over as soon as they are read, without a queue and a task between.

    A whole text, ping or pong is read here, any other frame by the library. A message in pieces, and whatever comes
    while one is incomplete, the receiver wants a pause, or after so many in a row, goes through the library's queue,
    which stops reading when it is full, and is handed over one a turn of the loop. The order of the messages stays.

    As part of a wire it hands over binary messages and texts that aren't UTF-8 as well (with surrogates in place of the
    bytes, PEP 383), and what it hears of pings and pongs goes on to its partner, the socket at the wire's other end.
    """

    # In slots, as each frame needs most of it: beside the library's own some thirty attributes would be too many for
    # instances that share the layout of their dictionaries.
    __slots__ = (
        "_awaited",
        "_begun",
        "_controls",
        "_fault",
        "_halts",
        "_heard_at",
        "_in_step",
        "_kinds",
        "_pause_ends",
        "_place",
        "_queues",
        "_receiver",
        "_row",
        "_unread",
        "is_wire",
        "partner",
    )

    def __init__(self, *args: Any, is_wire: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_wire = is_wire  # to be set before anything is heard
        self.partner: Receiving | None = None
        self._receiver: Receiver | None = None
        self._queues = True  # while something is, or may be, in the queue
        self._kinds: deque[Opcode] = deque()  # of the queue's messages, on a wire
        self._fault: Exception | None = None
        self._pause_ends: Seconds = 0.0
        self._row = 0  # messages of this read
        self._controls = 0  # pings and pongs for the peer since it has stopped reading
        # Since the library was seen to be between two frames; it is given whole ones from then on.
        self._in_step = False
        self._begun: bytearray | None = None  # a frame that isn't all there,
        self._awaited = 0  # and what it comes to at least
        self._unread = b""  # what waits for the next turn of the loop,
        self._place = 0  # from here on
        self._halts = False  # whether anything does
        self._heard_at: Seconds = 0.0  # when a message last came, those of the queue aside, in the loop's time

    @property
    def is_ahead(self) -> bool:
        """Whether the peer has sent more than anybody does who waits for answers."""
        return self._row > IN_A_ROW or (self._queues and len(self.recv_messages.frames) > IN_A_ROW)

    async def deliver(self, receiver: Receiver) -> str:
        """Hand over every message until the connection ends; return why. Errors of the receiver end it too."""
        self._receiver = receiver
        try:
            while True:
                if not self.recv_messages.frames and self.loop.time() >= self._pause_ends:
                    self._queues = False
                message = await self._next()
                await asyncio.sleep(max(0.0, self._pause_ends - self.loop.time()))
                self._rest(receiver(message))
        except ConnectionClosed as closed:
            if self._fault is not None:
                raise self._fault from None
            return closing_reason(closed)
        finally:
            self._receiver, self._queues = None, True

    def data_received(self, data: bytes) -> None:
        if self._halts:
            self._unread, self._place = self._unread[self._place :] + data, 0
            self.transport.pause_reading()  # the library has resumed it
        else:
            self._read(data, 0)

    def eof_received(self) -> None:
        while self._halts:  # what came before it counts
            self._go_on()
        super().eof_received()

    def _go_on(self) -> None:
        """Read on after a turn of everybody else's."""
        if not self._halts:
            return
        data, place = self._unread, self._place
        self._halts, self._unread = False, b""
        if self.protocol.state is CLOSED:
            return
        if not self.recv_messages.paused:
            self.transport.resume_reading()
        self._read(data, place)

    def _halt(self, data: bytes, place: int) -> None:
        """Let everybody else have a turn before what comes from here on is read."""
        self._halts, self._unread, self._place = True, data, place
        self.transport.pause_reading()
        self.loop.call_soon(self._go_on)

    def _read(self, data: bytes, place: int) -> None:
        """Read the frames of what came, from this place on."""
        self._row = 0
        if self._begun is not None:
            self._begun += data
            if len(self._begun) < self._awaited:
                return
            data, self._begun = bytes(self._begun), None
        protocol = self.protocol
        if not self._in_step:
            self._in_step = protocol.state is OPEN and framing.is_between_frames(protocol)
        size, frames = len(data), 0
        while place < size:
            if frames == FRAMES_A_TURN:
                self._halt(data, place)
                return
            frames += 1
            if not self._in_step or protocol.state is not OPEN:
                super().data_received(data[place:])
                return
            found = framing.head(data, place)
            if found is None or found.ends > size:
                self._begin(data[place:], found.ends - place if found is not None else 0)
                return
            self._frame(data, place, found)
            place = found.ends

    async def _next(self) -> str | bytes:
        """The next message of the queue."""
        if not self.is_wire:
            return await self.recv()
        message = await self.recv(decode=False)
        return message if self._kinds.popleft() is Opcode.BINARY else message.decode(errors=SURROGATES)

    def process_event(self, event: Event) -> None:
        self._row += 1
        receiver = self._receiver if not self._queues and self._row <= IN_A_ROW else None
        if receiver is None or not isinstance(event, Frame) or event.opcode is not Opcode.TEXT or not event.fin:
            self._queue(event)
        else:
            try:
                text = str(event.data, "utf-8", SURROGATES if self.is_wire else "strict")
            except UnicodeDecodeError:
                self._queue(event)  # the library closes the connection with the right code
            else:
                self._hand_over(receiver, text)

    def _begin(self, data: bytes, length: int) -> None:
        """A frame of this length, if that is known, has begun."""
        protocol = self.protocol
        most = protocol.max_message_size
        masked = protocol.side is SERVER
        sound = framing.may_be_sound(data, masked=masked, extended=bool(protocol.extensions))
        if not sound or (most is not None and length > most + LONGEST_HEAD):
            self._in_step = False
            super().data_received(data)  # the library knows the extensions, and the code to close the connection with
        else:
            self._begun, self._awaited = bytearray(data), max(length, len(data) + 1)

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        if data is not None or self.protocol.state is not OPEN:
            return await super().ping(data)
        # Where much waits it goes behind that, and whoever asked goes on: the library would wait until it is out.
        while (carried := KEYS.next()) in self.pending_pings:
            pass
        pong: asyncio.Future[float] = self.loop.create_future()
        self.pending_pings[carried] = (pong, self.loop.time())
        put(self, framing.WHOLE_PING, carried)
        return pong

    def _is_sound_control(self, found: framing.Head) -> bool:
        """Whether it is a whole ping or pong, as long and as masked as one may be."""
        return (
            found.first in (framing.WHOLE_PING, framing.WHOLE_PONG)
            and found.ends - found.begins <= framing.MOST_CONTROL
            and found.masked is (self.protocol.side is SERVER)
        )

    def _answers(self, data: bytes, found: framing.Head) -> bool:
        """Answer a sound ping, or note a sound pong, if that is one; whether it was."""
        if not self._is_sound_control(found):
            return False
        self._row += 1
        carried = framing.payload(data, found)
        if found.first == framing.WHOLE_PONG:
            self.acknowledge_pings(carried)
        else:
            self._control(framing.WHOLE_PONG, carried)
        return True

    def _control(self, first: int, carried: bytes) -> None:
        """Send a ping or a pong."""
        self._controls = self._controls + 1 if self.paused else 0
        if self._controls > MOST_CONTROLS:
            self.transport.abort()
        else:
            put(self, first, carried)

    def _passes_on(self, data: bytes, found: framing.Head) -> bool:
        """Pass a ping or a pong on, if that is one, and its partner is there; whether it was."""
        partner = self.partner
        if partner is None or partner.protocol.state is not OPEN or not self._is_sound_control(found):
            return False
        carried = framing.payload(data, found)
        if found.first == framing.WHOLE_PONG and carried in self.pending_pings:
            return False  # the answer to a ping of our own
        partner._control(found.first, carried)
        return True

    def _frame(self, data: bytes, place: int, found: framing.Head) -> None:
        """One whole frame."""
        protocol = self.protocol
        receiver = self._receiver if not self._queues and self._row < IN_A_ROW else None
        if (
            receiver is not None
            and found.first == framing.WHOLE_TEXT
            and found.masked is (protocol.side is SERVER)
            and protocol.current_size is None
            and (protocol.max_message_size is None or found.ends - found.begins <= protocol.max_message_size)
        ):
            try:
                text = framing.payload(data, found).decode(errors=SURROGATES if self.is_wire else "strict")
            except UnicodeDecodeError:
                pass  # for the library, too
            else:
                self._row += 1
                self._hand_over(receiver, text)
                return
        if not self._passes_on(data, found) and not self._answers(data, found):
            super().data_received(data[place : found.ends])

    def _hand_over(self, receiver: Receiver, text: str) -> None:
        self._heard_at = self.loop.time()
        try:
            self._rest(receiver(text))
        except Exception as fault:
            self._fault, self._queues = fault, True  # raised again in deliver()
            self.transport.abort()

    def _queue(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._queues = True
            if self.is_wire:
                self._kinds.append(event.opcode)
        super().process_event(event)

    def _rest(self, pause_s: Seconds) -> None:
        if pause_s > 0:
            self._pause_ends, self._queues = self.loop.time() + pause_s, True


def bound_port(server: Server | None) -> int:
    """The port on which it listens; 0 of none."""
    return int(next(iter(server.sockets)).getsockname()[1]) if server is not None else 0


def peer_address(connection: Connection) -> str:
    """The peer's address without its port."""
    peer = connection.remote_address
    return str(peer[0]) if isinstance(peer, tuple) and peer else "unknown"


def closing_reason(closed: ConnectionClosed) -> str:
    """Why a connection ended, in a few words."""
    if closed.sent is not None and not (closed.rcvd is not None and closed.rcvd_then_sent):
        return f"closed by us: {closed.sent}"
    if closed.rcvd is not None:
        return f"closed by the peer: {closed.rcvd}"
    return "the connection broke"
