"""The last handshakes that were refused, with their cause: what an installer asks for first."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime

from edge.units import Seconds

MOST = 32  # an afternoon's worth of tries
MOST_TOLD = 32  # in the log, an hour: of those who make no handshake, which costs them nothing
TOLD_WITHIN_S: Seconds = 3600.0
COMINGS_TOLD = 3  # of one station: some dial anew each second until they are let in


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


class ComingsTold:
    """Of which comings of stations that nobody has configured the log tells: the first :data:`COMINGS_TOLD` of each in
    any hour, and of no more altogether than :class:`StrangersTold` has. ``edge station list`` has them anyway."""

    def __init__(self) -> None:
        self._all = StrangersTold()
        self._of: OrderedDict[str, deque[Seconds]] = OrderedDict()

    def tells(self, identity: str, now: Seconds) -> bool:
        """Whether it tells of this one; then it counts."""
        if self.is_over(identity, now):
            return False
        self._of.setdefault(identity, deque(maxlen=COMINGS_TOLD)).append(now)
        self._of.move_to_end(identity)
        while len(self._of) > MOST_TOLD:
            self._of.popitem(last=False)
        self._all.tell(now)
        return True

    def is_over(self, identity: str, now: Seconds) -> bool:
        """Whether no more of its comings are told of for the time being."""
        told = self._of.get(identity)
        is_often = told is not None and len(told) == COMINGS_TOLD and now - told[0] < TOLD_WITHIN_S
        return is_often or self._all.is_over(now)


class StrangersTold:
    """Which of those who make no handshake the log tells of: the first :data:`MOST_TOLD` of any hour."""

    def __init__(self) -> None:
        self._told: deque[Seconds] = deque(maxlen=MOST_TOLD)

    def is_over(self, now: Seconds) -> bool:
        """Whether no other is told of for the time being."""
        return len(self._told) == MOST_TOLD and now - self._told[0] < TOLD_WITHIN_S

    def tell(self, now: Seconds) -> None:
        """One is told of now."""
        self._told.append(now)
