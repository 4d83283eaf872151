"""The last handshakes that were refused, with their cause: what an installer asks for first."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

MOST = 32  # an afternoon's worth of tries


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway:
    """A connection that wasn't let in. ``times``: how often in a row, for the same reason; ``at``: the last of them."""

    at: datetime
    address: str
    why: str
    station: str | None = None
    path: str | None = None
    times: int = 1


class TurnedAwayList:
    """The newest, at most :data:`MOST`; the same trouble of the same peer is one entry."""

    def __init__(self) -> None:
        self._entries: deque[TurnedAway] = deque(maxlen=MOST)

    @property
    def entries(self) -> tuple[TurnedAway, ...]:
        """The newest last."""
        return tuple(self._entries)

    def add(self, at: datetime, address: str, why: str, *, station: str | None, path: str | None) -> int:
        """A connection was refused; how often in a row, for the same reason."""
        times = 1
        for known in list(self._entries):
            if (known.address, known.why, known.station, known.path) == (address, why, station, path):
                times += known.times
                self._entries.remove(known)
        self._entries.append(TurnedAway(at=at, address=address, why=why, station=station, path=path, times=times))
        return times
