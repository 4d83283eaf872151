"""Free loopback ports for one run."""

import random
import socket
from typing import Final

from simulators.errors import PeerError
from simulators.site import Endpoint

LOOPBACK: Final = "127.0.0.1"
# Below the range from which the system takes the source ports of outgoing connections (32768 on Linux): a port
# from that range, let go during an outage, could be taken by a client that dials this very port, and answer itself.
LOWEST: Final = 20_000
HIGHEST: Final = 32_000
ATTEMPTS: Final = 200


def free_endpoints(count: int) -> list[Endpoint]:
    """Different loopback endpoints that nobody listens on at this moment.

    Raises PeerError if none can be found.
    """
    found: list[Endpoint] = []
    for port in random.sample(range(LOWEST, HIGHEST), ATTEMPTS):
        if len(found) == count:
            return found
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        found.append(Endpoint(host=LOOPBACK, port=port))
    raise PeerError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}")
