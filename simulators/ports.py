"""Free loopback ports for one run."""

import os
import random
import socket
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
# Nobody may listen for seconds on a port that was found, or not at all: meanwhile others who look for one, in any
# process, are to pass it by. A UDP socket of that number tells them; these are the newest, and end with the process.
MARKS: Final = 64
_marks: Final[deque[int]] = deque()


def free_endpoints(count: int) -> list[Endpoint]:
    """Different loopback endpoints that nobody listens on at this moment, and that nobody else is given soon.

    Raises PeerError if none can be found.
    """
    found: list[Endpoint] = []
    for port in random.sample(range(LOWEST, HIGHEST), ATTEMPTS):
        if len(found) == count:
            return found
        if _is_free(port) and _is_marked(port):
            found.append(Endpoint(host=LOOPBACK, port=port))
    raise PeerError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _is_marked(port: int) -> bool:
    """Marked as ours now; False where somebody's mark is there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
        try:
            mark.bind((LOOPBACK, port))
        except OSError:
            return False
        _marks.append(mark.detach())
    if len(_marks) > MARKS:
        os.close(_marks.popleft())
    return True
