"""The site that is set up and proven on a booted gateway, as a process in the gateway's network name space.

Elsewhere it is told the gateway's host and port.

First it prints where its meter and its cloud are, as JSON; then it does what it is told, a line each, and says "done".
"""

import asyncio
import json
import sys

from simulators.site import Endpoint
from tests.system.building import Building, building

STATION = "CP-A"
SWINGS_A = 0.5
ROTATION = (1, 2, 0)  # its own L1 is on the grid's L2


async def obey(site: Building, order: str) -> None:
    """:raises ValueError: it isn't an order."""
    match order:
        case "load moves":
            site.swings_a = SWINGS_A
        case "station":
            site.add(STATION, ROTATION)
        case "car":
            site.plug_in(STATION, phases=1)
        case "meter away":
            await site.lose_meter()
        case "meter back":
            await site.return_meter()
        case "cloud away":
            await site.cloud.go_away()
        case "cloud back":
            await site.cloud.come_back()
        case _:
            raise ValueError(order)


async def main() -> None:
    async with building() as site:
        if sys.argv[1:]:
            host, _, port = sys.argv[1].rpartition(":")
            site.gateway = Endpoint(host=host, port=int(port))
        addresses = {"meter": str(site.meter_at), "cloud": str(site.cloud_at), "gateway": str(site.gateway)}
        print(json.dumps(addresses), flush=True)  # noqa: T201 - for who started it
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while order := (await reader.readline()).decode().strip():
            await obey(site, order)
            print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
