"""The yardstick: a relay of bare ``websockets`` that only passes frames.

Run as ``python -m tests.benchmarks.bare_relay PORT UPSTREAM``.
"""

import asyncio
import sys

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("ocpp1.6")


async def pump(source: ServerConnection | ClientConnection, sink: ServerConnection | ClientConnection) -> None:
    async for frame in source:
        await sink.send(frame)


async def main(port: int, upstream: str) -> None:
    async def relay(station: ServerConnection) -> None:
        assert station.request is not None
        uri = upstream + station.request.path
        async with connect(uri, subprotocols=[SUBPROTOCOL], compression=None, proxy=None) as cloud:
            await asyncio.gather(pump(station, cloud), pump(cloud, station))

    async with serve(relay, "127.0.0.1", port, subprotocols=[SUBPROTOCOL], compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
