"""The sockets of the world's peers: what they mostly hear and say, whole texts, pings and pongs, at one go.

A text goes to who listens in the very call in which it arrives, and onto the network in the one in which it is said: no
task has to wake for it.

What they do is the library's, which takes four times as long for it. That a segment of the world's network is always
what was written at once, and so begins with a frame, is what makes it this easy; and that it compresses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Event, Side
from websockets.speedups import apply_mask
from websockets.typing import DataLike

WHOLE_TEXT: Final = 0b1000_0000 | Opcode.TEXT.value
WHOLE_PING: Final = 0b1000_0000 | Opcode.PING.value
WHOLE_PONG: Final = 0b1000_0000 | Opcode.PONG.value
MASKED: Final = 0b1000_0000
HEAD_BYTES: Final = 2
KEY_BYTES: Final = 4
NONE: Final = -(2**32)  # no length
OPCODE: Final = 0b0000_1111  # in the first byte
KEY: Final = b"\x37\xfa\x21\x3d"  # that of RFC 6455 §5.7: nobody listens who might not foretell it
EXTENDED: Final = 126  # in the place of a length: it follows in two bytes
MOST_BYTES: Final = 125  # that a ping or a pong carries (RFC 6455 §5.5), and that are told in one byte
MOST_EXTENDED_BYTES: Final = 65_535


Listener = Callable[[str | bytes], None]


class Prompt(Connection):
    """Either's."""

    _listener: Listener | None = None  # while nothing waits to be received in the library's way
    _fault: Exception | None = None  # of the listener
    _pings = 0  # sent

    async def deliver(self, listener: Listener) -> None:
        """Hand over every message as it comes, until the connection ends.

        Raises ConnectionClosed, or what the listener has raised, which ends the connection.
        """
        try:
            while True:
                if not self.recv_messages.frames:
                    self._listener = listener
                message = await self.recv()
                listener(message)
        except ConnectionClosed:
            if self._fault is not None:
                raise self._fault from None
            raise
        finally:
            self._listener = None

    def say(self, text: str) -> None:
        """Send a text at once; of a connection that has ended, or ends, nobody hears it."""
        if self.protocol.state is OPEN:
            self._put(WHOLE_TEXT, text.encode())

    def _put(self, first: int, carried: bytes) -> None:
        """Write a whole frame of this first byte."""
        masked, length = MASKED if self.protocol.side is Side.CLIENT else 0, len(carried)
        if length <= MOST_BYTES:
            head = bytes((first, masked | length))
        elif length <= MOST_EXTENDED_BYTES:
            head = bytes((first, masked | EXTENDED)) + length.to_bytes(2, "big")
        else:
            self.transport.write(Frame(Opcode(first & OPCODE), carried).serialize(mask=bool(masked)))
            return
        self.transport.write(head + KEY + apply_mask(carried, KEY) if masked else head + carried)

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        if data is not None or self.paused or self.protocol.state is not OPEN:
            return await super().ping(data)
        self._pings += 1
        carried = self._pings.to_bytes(KEY_BYTES, "big")
        pong: asyncio.Future[float] = self.loop.create_future()
        self.pending_pings[carried] = (pong, self.loop.time())
        self._put(WHOLE_PING, carried)
        return pong

    def process_event(self, event: Event) -> None:
        self._listener = None
        super().process_event(event)

    def _heard(self, carried: bytes) -> None:
        listener = self._listener
        try:
            text = carried.decode()
        except UnicodeDecodeError:
            listener = None  # the library closes the connection with the right code
        if listener is None:
            self.process_event(Frame(Opcode.TEXT, carried))
            return
        try:
            listener(text)
        except Exception as fault:
            self._fault = fault
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        first, is_server = data[0], self.protocol.side is Side.SERVER
        length = data[1] ^ MASKED if is_server else data[1]  # a client masks
        begins = HEAD_BYTES
        if length == EXTENDED and first == WHOLE_TEXT:
            length, begins = int.from_bytes(data[2:4], "big"), HEAD_BYTES + 2
            if (most := self.protocol.max_message_size) is not None and length > most:
                length = NONE  # for the library, which knows the code to close with
        elif length > MOST_BYTES:
            length = NONE
        if is_server:
            begins += KEY_BYTES
        if (
            first not in (WHOLE_TEXT, WHOLE_PING, WHOLE_PONG)
            or len(data) != begins + length
            or self.protocol.state is not OPEN
            or self.protocol.current_size is not None
        ):
            super().data_received(data)  # it isn't alone, or isn't sound, or isn't easy
            return
        carried = data[begins:]
        if is_server:
            carried = apply_mask(carried, data[begins - KEY_BYTES : begins])
        if first == WHOLE_TEXT:
            self._heard(carried)
        elif first == WHOLE_PONG:
            self.acknowledge_pings(carried)
        else:
            self._put(WHOLE_PONG, carried)


class PromptClient(Prompt, ClientConnection):
    """A station's."""


class PromptServer(Prompt, ServerConnection):
    """The cloud's, one for each station."""
