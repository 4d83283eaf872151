"""Free loopback ports for one run."""

import os
import random
import socket
import sys
from collections import deque
from typing import Final

from simulators.errors import PeerError
from simulators.site import Endpoint

LOOPBACK: Final = "127.0.0.1"
# Below the range from which the system takes the source ports of outgoing connections (32768 on Linux): a port
# from that range, let go during an outage, could be taken by a client that dials this very port, and answer itself.
LOWEST: Final = 20_000
HIGHEST: Final = 32_000
ATTEMPTS: Final = 200

# Whoever is given a port listens on it a moment later; until then only this keeps another process from being given the
# same. The latest of a process are enough, and a process that ends lets go of its own.
_promised: deque[int] = deque(maxlen=64)


def free_endpoints(count: int) -> list[Endpoint]:
    """Different loopback endpoints that nobody listens on at this moment, nor was given lately (on Linux).

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
        if _is_promised(port):
            continue
        found.append(Endpoint(host=LOOPBACK, port=port))
    raise PeerError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}")


def _is_promised(port: int) -> bool:
    """Whether somebody on this machine was given this port a moment ago; it is promised by asking, if not.

    The mark is a name in Linux's abstract namespace: it takes no port of its own, and leaves no file.
    """
    if sys.platform != "linux":
        return False
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0edge-simulators-port-{port}")
    except OSError:
        mark.close()
        return True
    if len(_promised) == _promised.maxlen:
        os.close(_promised.popleft())
    _promised.append(mark.detach())
    return False
