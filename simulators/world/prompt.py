"""The sockets of the world's peers: what they mostly hear and say, whole texts, pings and pongs, at one go.

What they do is the library's, which takes four times as long for it. That a segment of the world's network is always
what was written at once, and so begins with a frame, is what makes it this easy; and that it compresses nothing.
"""

from collections.abc import AsyncIterable, Iterable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Side
from websockets.speedups import apply_mask
from websockets.typing import DataLike

WHOLE_TEXT: Final = 0b1000_0000 | Opcode.TEXT.value
WHOLE_PING: Final = 0b1000_0000 | Opcode.PING.value
WHOLE_PONG: Final = 0b1000_0000 | Opcode.PONG.value
MASKED: Final = 0b1000_0000
HEAD_BYTES: Final = 2
KEY_BYTES: Final = 4
NONE: Final = -(2**32)  # no length
EXTENDED: Final = 126  # in the place of a length: it follows in two bytes
MOST_BYTES: Final = 125  # that a ping or a pong carries (RFC 6455 §5.5)


class Prompt(Connection):
    """Either's."""

    def data_received(self, data: bytes) -> None:
        first, is_server = data[0], self.protocol.side is Side.SERVER
        length = data[1] ^ MASKED if is_server else data[1]  # a client masks
        begins = HEAD_BYTES
        if length == EXTENDED and first == WHOLE_TEXT:
            length, begins = int.from_bytes(data[2:4], "big"), HEAD_BYTES + 2
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
            self.process_event(Frame(Opcode.TEXT, carried))
        elif first == WHOLE_PONG:
            self.acknowledge_pings(carried)
        else:
            self.transport.write(Frame(Opcode.PONG, carried).serialize(mask=not is_server))

    async def send(
        self, message: DataLike | Iterable[DataLike] | AsyncIterable[DataLike], *, text: bool | None = None
    ) -> None:
        busy = self.send_in_progress is not None or self.paused
        if not isinstance(message, str) or text is not None or busy or self.protocol.state is not OPEN:
            await super().send(message, text=text)
            return
        frame = Frame(Opcode.TEXT, message.encode())
        self.transport.write(frame.serialize(mask=self.protocol.side is Side.CLIENT))


class PromptClient(Prompt, ClientConnection):
    """A station's."""


class PromptServer(Prompt, ServerConnection):
    """The cloud's, one for each station."""
