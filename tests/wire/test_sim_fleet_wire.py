"""The fleet on real sockets: what it says when its gateway can't be had."""

import asyncio
import logging

import pytest

from simulators.fleet import Fleet
from simulators.scenario import load_scenario
from tests.wire.sim_patience import eventually


async def test_a_missing_gateway_is_told_once_and_not_by_each_station(caplog: pytest.LogCaptureFixture) -> None:
    """Eight stations that are turned away are one warning, which names the gateway and the trouble."""
    dialled = 0

    async def turn_away(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dialled
        dialled += 1
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    caplog.set_level(logging.WARNING, logger="simulators")
    running = asyncio.create_task(Fleet(load_scenario("demo"), f"ws://127.0.0.1:{port}").run())
    await eventually(lambda: dialled > 8)  # all have failed once, and the first dials again
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.close()
    await server.wait_closed()
    assert [record.getMessage() for record in caplog.records] == [
        f"no connection to the gateway at ws://127.0.0.1:{port}: server rejected WebSocket connection: HTTP 503"
    ]
