"""Sending to a peer without waiting for it, and getting rid of one that doesn't read."""

from collections.abc import Iterable
from typing import TypeVar

from websockets.asyncio.connection import Connection, broadcast
from websockets.protocol import CLIENT, OPEN

from edge.ocpp import framing

# A peer that doesn't read is cut off when this much waits for it: the longest message of a station, which takes a slow
# line half a minute, and 1 MiB. Nobody else waits for it.
MAX_UNSENT_BYTES = 5 * 1024 * 1024

SURROGATES = "surrogateescape"  # how a wire reads and writes a text that isn't UTF-8

AnyConnection = TypeVar("AnyConnection", bound=Connection)

KEYS = framing.MaskingKeys()


def push(connection: Connection, message: str | bytes) -> bool:
    """Send without waiting, in the order of the calls. False when the peer doesn't read, and is now cut off."""
    if isinstance(message, str):
        return put(connection, framing.WHOLE_TEXT, message.encode(errors=SURROGATES))
    return put(connection, framing.WHOLE_BINARY, message)


def put(connection: Connection, first: int, carried: bytes) -> bool:
    """Send a whole frame, of this first byte; as :func:`push`."""
    transport, protocol = connection.transport, connection.protocol
    if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
        transport.abort()
        return False
    if protocol.extensions and first in (framing.WHOLE_TEXT, framing.WHOLE_BINARY):
        broadcast((connection,), carried, text=first == framing.WHOLE_TEXT)
    elif protocol.state is OPEN:
        transport.write(framing.written(first, carried, KEYS.next() if protocol.side is CLIENT else None))
    return True


def waiting(connections: Iterable[AnyConnection]) -> list[AnyConnection]:
    """Those of which :func:`cut_if_stuck` has more to look at than that nothing waits: hardly ever any."""
    return [each for each in connections if each.paused or each.close_deadline is not None]


def cut_if_stuck(connection: Connection) -> str | None:
    """Cut off a peer that can't be got rid of in good order, and say why; to be asked now and then.

    The library answers every ping, whether the peer reads or not; and once a peer has broken the protocol it waits for
    it to end the connection, reading on as long as it sends.
    """
    if not connection.paused and connection.close_deadline is None:
        return None  # nearly always; less than the buffer's high-water mark waits
    if connection.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
        why = "it doesn't read"
    elif connection.close_deadline is not None and connection.loop.time() > connection.close_deadline:
        why = "it doesn't end its connection"
    else:
        return None
    connection.transport.abort()
    return why
