"""Peers that read nothing: what waits for all of them together is bounded, and the greediest goes first."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import structlog
from structlog.testing import LogCapture
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from edge.clock import SystemClock
from edge.ocpp.sending import MAX_UNSENT_BYTES, push
from edge.ocpp.sockets import Receiving
from edge.ocpp.stalled import MAX_TOGETHER_BYTES, STALLED
from edge.ocpp.ticker import Ticker
from tests.wire.ocpp_site import HURRY, PATIENCE_S, eventually

MIB = 1024 * 1024
PIECE = "x" * (MIB // 4)


class Socket(Receiving, ServerConnection):
    """A station's socket."""


@asynccontextmanager
async def met(count: int) -> AsyncIterator[list[tuple[ClientConnection, ServerConnection]]]:
    """So many peers with their sockets here, none of which reads."""
    here: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def holds(connection: ServerConnection) -> None:
        here.put_nowait(connection)
        await connection.wait_closed()

    async with AsyncExitStack() as stack:
        factory = cast(type[ServerConnection], Socket)
        server = await stack.enter_async_context(
            serve(holds, "127.0.0.1", 0, create_connection=factory, close_timeout=0.1, compression=None)
        )
        port = int(next(iter(server.sockets)).getsockname()[1])
        pairs = []
        for _ in range(count):
            peer = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}", proxy=None, close_timeout=0.1, compression=None)
            )
            peer.transport.pause_reading()
            connection = await here.get()
            connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            pairs.append((peer, connection))
        yield pairs


def unsent(connection: ServerConnection) -> int:
    """What waits for its peer, in bytes."""
    return int(connection.transport.get_write_buffer_size())


def fill(connection: ServerConnection, size: int) -> None:
    """Send until so much waits: the kernel takes some of it."""
    while unsent(connection) < size:
        assert push(connection, PIECE)


@asynccontextmanager
async def ticking() -> AsyncIterator[LogCapture]:
    """What is done for all from time to time, and its log."""
    capture = LogCapture()
    log: Any = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0))
    task = asyncio.create_task(Ticker({}, (), lambda: None, SystemClock(), HURRY, log).run())
    try:
        yield capture
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_waits_for_all_together_is_bounded() -> None:
    """Each leaves less than one may. Of the greediest so many are cut off as need be; who leaves little stays, and who
    reads."""
    async with met(13) as pairs, ticking() as log:
        reader, read = pairs[0]
        reader.transport.resume_reading()
        for _, connection in pairs[1:4]:
            fill(connection, MIB // 2)
        for _, connection in pairs[4:]:
            fill(connection, MAX_UNSENT_BYTES - MIB // 2)
        sizes = [unsent(connection) for _, connection in pairs]
        assert max(sizes) <= MAX_UNSENT_BYTES
        assert sum(sizes) > MAX_TOGETHER_BYTES
        await eventually(lambda: sum(unsent(connection) for _, connection in pairs) <= MAX_TOGETHER_BYTES)
        gone = [connection for _, connection in pairs if connection.transport.is_closing()]
        assert gone
        assert not {read, *(connection for _, connection in pairs[1:4])} & set(gone)
        assert len(log.entries) == len(gone) <= 3  # and no more than need be
        assert push(read, json.dumps("still there"))
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.recv() == '"still there"'


async def test_below_the_bound_nobody_is_cut_off() -> None:
    """And who has read again, or has gone, is counted no more."""
    async with met(3) as pairs, ticking() as log:
        for _, connection in pairs:
            fill(connection, 4 * MIB)
        assert {connection for _, connection in pairs} <= STALLED
        pairs[0][0].transport.abort()
        reading = asyncio.create_task(anything(pairs[1][0]))
        pairs[1][0].transport.resume_reading()
        await eventually(lambda: not {connection for _, connection in pairs[:2]} & STALLED)
        assert pairs[2][1] in STALLED
        assert log.entries == []
        reading.cancel()
    assert not {connection for _, connection in pairs} & STALLED


async def anything(peer: ClientConnection) -> None:
    """Read all that comes."""
    async for _ in peer:
        pass
