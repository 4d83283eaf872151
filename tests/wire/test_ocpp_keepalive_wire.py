"""The pings of the gateway to its clouds: kept up while they are answered, and the end where they aren't."""

import asyncio
from typing import cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.ocpp.cloud_connection import CloudConnection

PING_S = 0.02
TIMEOUT_S = 0.1


class Mute(ServerConnection):
    """Answers no ping."""

    heard = 0

    def data_received(self, data: bytes) -> None:
        if self.protocol.state.name == "OPEN":
            type(self).heard += 1
        else:
            super().data_received(data)


async def dialled(server: type[ServerConnection], stays_s: float) -> ClientConnection:
    """A connection that has pinged such a server for so long, at most."""

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(stay, "127.0.0.1", 0, create_connection=server) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        factory = cast(type[ClientConnection], CloudConnection)
        url = f"ws://127.0.0.1:{port}"
        async with connect(
            url, create_connection=factory, proxy=None, ping_interval=PING_S, ping_timeout=TIMEOUT_S, close_timeout=0.1
        ) as connection:
            try:
                async with asyncio.timeout(stays_s):
                    await connection.recv()
            except TimeoutError:
                await connection.close()
            except ConnectionClosed:
                pass
    return connection


async def test_a_cloud_that_answers_pings_is_kept() -> None:
    """Many times as long as the patience for one."""
    connection = await dialled(ServerConnection, 4 * TIMEOUT_S)
    assert connection.close_code == 1000
    assert 0 < connection.latency < TIMEOUT_S


async def test_a_cloud_that_answers_no_ping_is_left() -> None:
    """One ping that stays unanswered, none behind it, and the end with the library's code and words."""
    connection = await dialled(Mute, 50 * TIMEOUT_S)
    assert (connection.close_code, connection.close_reason) == (1006, "")
    assert connection.protocol.close_sent is not None
    assert connection.protocol.close_sent.reason == "keepalive ping timeout"
    assert Mute.heard == pytest.approx(2, abs=1)  # the ping, and the end
