"""An uplink on which much waits and nothing goes any more, in virtual time: it holds up nobody."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.ocpp.cloud_connection import CloudConnection
from edge.ocpp.farewell import NO_CODE, Farewell, close
from edge.ocpp.sending import push
from edge.ocpp.upstream import STATION_GONE
from simulators.world.conditions import Topology
from simulators.world.loop import WorldLoop, running
from simulators.world.network import Network
from simulators.world.node import start_on

INTERVAL_S = TIMEOUT_S = 20.0
CLOSE_S = 0.5
LATER_S = 600.0  # TCP itself gives up after a quarter of an hour
WAITING = "x" * 400_000  # more than the kernel and the library's own mark take, less than who doesn't read is cut at


def after_stuck(then: Callable[[CloudConnection], Awaitable[object]]) -> float | None:
    """How long `then` took from when an uplink full of what waits was partitioned; None: longer than anybody waits."""

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def listen() -> None:
        await serve(hold, "10.0.0.1", 9000, ping_interval=None)

    async def dial(network: Network) -> None:
        connection = await connect(
            "ws://10.0.0.1:9000",
            create_connection=CloudConnection,
            compression=None,
            proxy=None,
            ping_interval=INTERVAL_S,
            ping_timeout=TIMEOUT_S,
            close_timeout=CLOSE_S,
        )
        network.change("gateway", "cloud", partitioned=True)
        assert push(connection, WAITING)
        assert connection.paused
        await then(cast(CloudConnection, connection))

    async def main() -> float | None:
        running().fabric = network = Network(Topology(by_node={}), seed=1)
        await start_on("cloud", listen())
        began_at = running().time()
        task = start_on("gateway", dial(network))
        await asyncio.wait([task], timeout=LATER_S)
        took_s = running().time() - began_at if task.done() else None
        if took_s is not None:
            task.result()
        task.cancel()
        return took_s

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        return runner.run(main())


def test_it_is_left_in_time() -> None:
    """Pinged and left as any other that falls silent, though the ping has to wait behind the rest."""

    async def listen_on(connection: CloudConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.deliver(lambda _text: 0.0)

    assert after_stuck(listen_on) == pytest.approx(INTERVAL_S + TIMEOUT_S, abs=INTERVAL_S + 2.0)


@pytest.mark.parametrize("word", [STATION_GONE, Farewell(code=NO_CODE)])
def test_its_end_takes_no_longer_than_anothers(word: Farewell) -> None:
    """Who ends it waits as long as for any closing handshake, not for what can't go out."""
    assert after_stuck(lambda connection: close(connection, word)) == pytest.approx(CLOSE_S, abs=0.6)
