"""How a WebSocket connection ended, and how another is ended in the same way (RFC 6455 §7)."""

import asyncio
from dataclasses import dataclass

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

GOING_AWAY = 1001
# These two are never sent (RFC 6455 §7.4.1): they say that a connection was closed without a code, or just broke.
NO_CODE = 1005
BROKEN = 1006


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """The last word of a connection: its close code and reason."""

    code: int
    reason: str = ""


def farewell(connection: Connection) -> Farewell:
    """That of a connection that is over: the peer's, else ours."""
    said = connection.protocol.close_rcvd or connection.protocol.close_sent
    return Farewell(code=said.code, reason=said.reason) if said is not None else Farewell(code=BROKEN)


async def close(connection: Connection, word: Farewell) -> None:
    """End a connection with this last word. It takes no longer than a closing handshake may, not where the peer takes
    nothing either: the library would wait until all that was said before has gone out.
    """
    try:
        async with asyncio.timeout(connection.close_timeout):
            await _say(connection, word)
    except TimeoutError:
        connection.transport.abort()
        await connection.wait_closed()


async def _say(connection: Connection, word: Farewell) -> None:
    if word.code == BROKEN:
        connection.transport.close()
    elif word.code == NO_CODE:
        try:
            async with connection.send_context():
                connection.protocol.send_close()
        except ConnectionClosed:
            return  # as it should be
    else:
        await connection.close(word.code, word.reason)
