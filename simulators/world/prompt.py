"""The sockets of the world's peers: a ping is answered at one go, as most of what they hear are pings.

What they do is the library's, which takes four times as long for it. That a segment of the world's network is always
what was written at once, and so begins with a frame, is what makes it this easy.
"""

from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Side
from websockets.speedups import apply_mask

WHOLE_PING: Final = 0b1000_0000 | Opcode.PING.value
WHOLE_PONG: Final = 0b1000_0000 | Opcode.PONG.value
MASKED: Final = 0b1000_0000
HEAD_BYTES: Final = 2
KEY_BYTES: Final = 4
MOST_BYTES: Final = 125  # that a ping or a pong carries (RFC 6455 §5.5)


class Prompt(Connection):
    """Either's."""

    def data_received(self, data: bytes) -> None:
        if data[0] not in (WHOLE_PING, WHOLE_PONG) or self.protocol.state is not OPEN:
            super().data_received(data)
            return
        is_server = self.protocol.side is Side.SERVER
        length = data[1] ^ MASKED if is_server else data[1]  # a client masks
        begins = HEAD_BYTES + (KEY_BYTES if is_server else 0)
        if length > MOST_BYTES or len(data) != begins + length:
            super().data_received(data)  # it isn't alone, or isn't sound
            return
        carried = data[begins:]
        if is_server:
            carried = apply_mask(carried, data[HEAD_BYTES:begins])
        if data[0] == WHOLE_PONG:
            self.acknowledge_pings(carried)
        else:
            self.transport.write(Frame(Opcode.PONG, carried).serialize(mask=not is_server))


class PromptClient(Prompt, ClientConnection):
    """A station's."""


class PromptServer(Prompt, ServerConnection):
    """The cloud's, one for each station."""
