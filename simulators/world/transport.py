"""One end of a TCP connection of the simulated network."""

import asyncio
from collections import deque
from contextvars import Context
from typing import Final, Protocol

from simulators.world.conditions import TCP_GIVES_UP_S, Conditions

HIGH_WATER: Final = 65_536  # bytes: asyncio's own default
WINDOW: Final = (
    212_992  # bytes that the two kernels hold (Linux' net.core.wmem_default): only beyond does a writer notice
)


class Path(Protocol):
    """The link that a connection runs over."""

    now: Conditions

    def travel_s(self) -> float: ...
    def peer_is_up(self, node: str) -> bool: ...


class VirtualTransport(asyncio.Transport):
    """Bytes in the order in which they were written, each write a segment.

    ``node`` is the machine of this end. The callbacks of its protocol run in its own context.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        node: str,
        context: Context,
        path: Path,
        *,
        own: tuple[str, int],
        other: tuple[str, int],
    ) -> None:
        super().__init__({"sockname": own, "peername": other})
        self.node = node
        self.peer: VirtualTransport
        self.lost = False  # this end is over: nothing more is delivered to it
        self._loop = loop
        self.context = context
        self._path = path
        self._protocol: asyncio.Protocol
        self._arrives_at = 0.0  # of the last segment sent
        self._held: deque[bytes] = deque()  # waits for the link to be whole
        self._held_bytes = 0
        self._held_since: float | None = None
        self._unread: deque[bytes | None] = deque()  # come while reading is paused; None: the end
        self._reads = True
        self._closing = False
        self._cut_off = False
        self._ended = False  # the peer's end has been told
        self._low, self._high = HIGH_WATER // 4, HIGH_WATER
        self._paused_writer = False

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """The connection is up."""
        self.set_protocol(protocol)
        self.context.run(protocol.connection_made, self)

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self.lost or self._cut_off or not data:
            return
        if self._held or self._path.now.partitioned:
            self._hold(bytes(data))
        else:
            self._send(bytes(data))

    def _send(self, data: bytes | None) -> None:
        """None: the end of the stream. What was sent before comes first: the loop makes the calls of one moment in the
        order in which they were asked for.
        """
        at, peer = self._loop.time() + self._path.travel_s(), self.peer
        if at > self._arrives_at:
            self._arrives_at = at
        self._loop.call_at(self._arrives_at, peer.arrive, data, context=peer.context)

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_since is None:
            self._held_since = self._loop.time()
        if not self._paused_writer and self.get_write_buffer_size() > self._high:
            self._paused_writer = True
            self._protocol.pause_writing()

    def whole_again(self) -> None:
        """The link carries again: what was held goes out."""
        held, self._held, self._held_bytes, self._held_since = self._held, deque(), 0, None
        for data in held:
            self._send(data)
        if self._ended_by_close():
            self._send(None)
        if self._paused_writer and not self.lost:
            self._paused_writer = False
            self.context.run(self._protocol.resume_writing)

    def _ended_by_close(self) -> bool:
        ended, self._ended = self._ended, False
        return ended

    def gives_up_at(self) -> float | None:
        """When TCP here declares the connection dead, because nothing that it sent was acknowledged."""
        return None if self._held_since is None else self._held_since + TCP_GIVES_UP_S

    def get_write_buffer_size(self) -> int:
        return self._held_bytes - WINDOW if self._held_bytes > WINDOW else 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    # --- reading --------------------------------------------------------------------------------------------------

    def arrive(self, data: bytes | None) -> None:
        """A segment (None: the end) has come."""
        if self.lost or self._cut_off:
            if data is not None and self._path.peer_is_up(self.node):
                self.peer.reset_soon()  # a stack that knows no such connection answers with a reset
            return
        if not self._reads:
            self._unread.append(data)
        elif data is None:
            self._finish(None)
        elif not self._closing:
            self._protocol.data_received(data)

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True
        while self._unread and self._reads and not self.lost:
            self.arrive(self._unread.popleft())

    def is_reading(self) -> bool:
        return self._reads

    # --- the end --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """What was written still goes out, then the end of the stream."""
        if self._closing or self.lost:
            return
        self._closing = True
        if self._cut_off:
            self._ended = False
        elif self._held or self._path.now.partitioned:
            self._ended = True
        else:
            self._send(None)
        self._loop.call_soon(self._finish, None, context=self.context)

    def abort(self) -> None:
        """A reset, for the peer too as soon as it hears of it."""
        if self.lost:
            return
        self._closing = True
        self._loop.call_soon(self._finish, None, context=self.context)
        if not self._cut_off and not self._path.now.partitioned:
            self.peer.reset_soon()

    def reset_soon(self) -> None:
        """The other side's reset is on its way to here."""
        self._loop.call_later(
            self._path.travel_s(),
            self._finish,
            ConnectionResetError(104, "Connection reset by peer"),
            context=self.context,
        )

    @property
    def has_vanished(self) -> bool:
        """Whether nothing goes in or out any more."""
        return self._cut_off

    def vanish(self) -> None:
        """The network has forgotten the connection at this end: nothing goes in or out any more, and nobody is told.

        A program that runs on ends it as it would any other.
        """
        self._cut_off = True

    def fail(self, why: OSError) -> None:
        """The connection breaks at this end alone."""
        self._loop.call_soon(self._finish, why, context=self.context)

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def write_eof(self) -> None:
        raise NotImplementedError

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 - the network carries streams only
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def _finish(self, why: Exception | None) -> None:
        if self._unread and not self.lost:
            # What came before the end is read first, as from a kernel's buffer; the end of the stream may be in it.
            self._reads = True
            self.resume_reading()
        if self.lost:
            return
        if not self._closing and why is None and not self._cut_off:
            self._send(None)  # asyncio closes its own side at the end of the stream
        self.lost = self._closing = True
        self._protocol.connection_lost(why)
