"""Peers that don't read what they are sent: who they are, and who is cut off when it is too much for all together."""

from collections.abc import Iterable

from websockets.asyncio.connection import Connection

# What waits for all peers together: a small board has not the room for five hundred that each leave what one may
# (:data:`edge.ocpp.sending.MAX_UNSENT_BYTES`). Of who isn't stalled at most 64 KiB wait, and hardly ever anything.
MAX_TOGETHER_BYTES = 32 * 1024 * 1024
WHY = "what waits for all that don't read is too much, and most of it for this one"

STALLED: set[Connection] = set()


class Watched(Connection):
    """A socket that is among the stalled while its transport has more than it wants to hold."""

    __slots__ = ()

    def pause_writing(self) -> None:
        super().pause_writing()
        STALLED.add(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        STALLED.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        STALLED.discard(self)
        super().connection_lost(exc)


def cut_largest(connections: Iterable[Connection]) -> list[Connection]:
    """Cut off those for whom the most waits until the rest may wait, and return them; to be asked now and then."""
    sizes = [(each.transport.get_write_buffer_size(), each) for each in connections]
    excess, cut = sum(size for size, _ in sizes) - MAX_TOGETHER_BYTES, list[Connection]()
    for size, connection in sorted(sizes, key=lambda each: each[0], reverse=True) if excess > 0 else ():
        connection.transport.abort()
        cut.append(connection)
        excess -= size
        if excess <= 0:
            break
    return cut
