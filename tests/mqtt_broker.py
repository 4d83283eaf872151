"""An MQTT 3.1.1 broker on loopback, as much of one as a test of a subscriber needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 8, 12, 14
_CONNACK = b"\x20\x02\x00\x00"
_PINGRESP = b"\xd0\x00"


class Broker:
    """Takes every client and, unless it ``refuses``, every subscription; publishes what the test says."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.port = 0
        self._code = b"\x80" if refuses else b"\x00"  # MQTT 3.1.1 §3.9.3
        self.subscribed = asyncio.Event()  # set by each subscription
        self.heard = asyncio.Event()  # set by each message that a client publishes
        self.topics: list[str] = []
        self._writers: set[asyncio.StreamWriter] = set()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message to every client."""
        body = len(topic).to_bytes(2, "big") + topic.encode() + payload
        for writer in self._writers:
            writer.write(bytes((0x30 | retain,)) + _length(len(body)) + body)

    def drop(self) -> None:
        """Break every connection."""
        self.subscribed.clear()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it goes."""
        self._writers.add(writer)
        try:
            while await self._packet(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone: nothing is owed to it
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        kind = (await reader.readexactly(1))[0] >> 4
        body = await reader.readexactly(await _read_length(reader))
        if kind == _CONNECT:
            writer.write(_CONNACK)
        elif kind == _SUBSCRIBE:
            self.topics.append(body[4 : 4 + int.from_bytes(body[2:4], "big")].decode())
            writer.write(b"\x90\x03" + body[:2] + self._code)
            await writer.drain()
            self.subscribed.set()
        elif kind == _PUBLISH:
            self.heard.set()
        elif kind == _PINGREQ:
            writer.write(_PINGRESP)
        return kind != _DISCONNECT


@contextlib.asynccontextmanager
async def running_broker(*, refuses: bool = False) -> AsyncIterator[Broker]:
    """A broker on a free port of loopback, until the block ends."""
    broker = Broker(refuses=refuses)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.drop()
        await server.wait_closed()


def _length(number: int) -> bytes:
    """MQTT 3.1.1 §2.2.3: seven bits a byte, the low ones first."""
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


async def _read_length(reader: asyncio.StreamReader) -> int:
    number = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number
