"""What both sides' sockets have in common."""

import logging

from websockets.asyncio.connection import Connection, broadcast
from websockets.exceptions import ConnectionClosed

# A peer that doesn't read is cut off when this much waits for it: four of the largest frames. Nobody else waits for it.
MAX_UNSENT_BYTES = 1024 * 1024

# The library's own lines repeat ours, and come with tracebacks for every garbled handshake.
QUIET = logging.getLogger("edge.ocpp.websockets")
QUIET.disabled = True


def push(connection: Connection, text: str) -> bool:
    """Send without waiting, in the order of the calls. False when the peer doesn't read, and is now cut off."""
    if connection.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
        connection.transport.abort()
        return False
    broadcast((connection,), text)
    return True


def cut_if_stuck(connection: Connection) -> str | None:
    """Cut off a peer that can't be got rid of in good order, and say why; to be asked now and then.

    The library answers every ping, whether the peer reads or not; and once a peer has broken the protocol it waits for
    it to end the connection, reading on as long as it sends.
    """
    if connection.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
        why = "it doesn't read"
    elif connection.close_deadline is not None and connection.loop.time() > connection.close_deadline:
        why = "it doesn't end its connection"
    else:
        return None
    connection.transport.abort()
    return why


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
