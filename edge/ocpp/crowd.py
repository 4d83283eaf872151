"""How many connections one address may hold: a host that opens hundreds leaves room for the others."""

from collections import Counter

# A site whose stations are behind one router comes from one address: five hundred stations, and their old connections.
MAX_PER_ADDRESS = 1000
# Those in mid-handshake: two hundred stations that reconnect at once through one router, and some to spare.
MAX_ARRIVING = 256


class Crowd:
    """The connections, by address."""

    def __init__(self, *, most: int = MAX_PER_ADDRESS, most_arriving: int = MAX_ARRIVING) -> None:
        self._most = most
        self._most_arriving = most_arriving
        self._all: Counter[str] = Counter()
        self._arriving: Counter[str] = Counter()

    def arrives(self, address: str) -> bool:
        """A connection is opened; False when it is to be cut, and doesn't count."""
        if self._all[address] >= self._most or self._arriving[address] >= self._most_arriving:
            return False
        self._all[address] += 1
        self._arriving[address] += 1
        return True

    def is_in(self, address: str) -> None:
        """Its handshake is over."""
        self._take_off(self._arriving, address)

    def leaves(self, address: str, *, arriving: bool) -> None:
        """It has ended; ``arriving``: before its handshake was over."""
        self._take_off(self._all, address)
        if arriving:
            self._take_off(self._arriving, address)

    @staticmethod
    def _take_off(counted: Counter[str], address: str) -> None:
        counted[address] -= 1
        if counted[address] <= 0:
            del counted[address]
