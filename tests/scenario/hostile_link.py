"""The bad link between a station and the gateway, and what is said on it.

Like TCP it keeps the order in each direction, and like TCP it may break at any moment: a frame on its way then has
arrived, or never will, and neither end knows which.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Generic, TypeVar

from edge.domain.setpoint import LimitCommand
from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus
from edge.units import PhaseAmps, Seconds
from tests.scenario.agenda import Agenda

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A session began; ``visit`` is the station's own name for it."""

    key: EvseKey
    visit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A session ended; ``transaction`` is None when the station never learned its id."""

    key: EvseKey
    visit: int
    transaction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    key: EvseKey
    status: EvseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is drawn on the station's grid phases, and when that was measured by the station's clock."""

    key: EvseKey
    transaction: str | None
    draw_a: PhaseAmps
    taken_at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    command: LimitCommand
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """To the station: its session has this id."""

    key: EvseKey
    visit: int
    transaction: str


class Fate(Enum):
    """What becomes of a limit that reaches its station."""

    ACCEPTED = auto()
    REFUSED = auto()
    IGNORED = auto()  # neither done nor answered
    UNANSWERED = auto()  # done, but not answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """To the station: a limit."""

    command: LimitCommand
    sent_at: Seconds
    fate: Fate


class Troubles:
    """When the network or a station last did what it shouldn't have."""

    def __init__(self) -> None:
        self.last_at: Seconds = float("-inf")


Meant = Start | Stop | Status | Sample | Boot | Answer
Heard = Confirmed | Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad the network is."""

    delay_s: Seconds  # usual, one way; each frame takes up to twice this
    stall_s: Seconds  # now and then
    stalls: float  # probability for a frame
    refused: float
    ignored: float
    unanswered: float
    breaks_every_s: Seconds | None
    restarts_every_s: Seconds | None

    @property
    def loses(self) -> bool:
        """Whether a limit may fail to be confirmed in its time."""
        troubles = self.refused + self.ignored + self.unanswered + self.stalls
        return troubles > 0 or self.breaks_every_s is not None or self.restarts_every_s is not None

    def fate(self, rng: Random) -> Fate:
        weights = (1.0 - self.refused - self.ignored - self.unanswered, self.refused, self.ignored, self.unanswered)
        return rng.choices(tuple(Fate), weights)[0]


class _Pipe(Generic[T]):
    """One direction: frames arrive in order, each after a while."""

    def __init__(
        self, agenda: Agenda, rng: Random, weather: Weather, troubles: Troubles, deliver: Callable[[T], None]
    ) -> None:
        self._agenda, self._rng, self._weather, self._deliver = agenda, rng, weather, deliver
        self._troubles = troubles
        self._on_the_way: deque[T] = deque()
        self._last_at: Seconds = 0.0
        self._broken = False

    def put(self, frame: T) -> None:
        stalled = self._rng.random() < self._weather.stalls
        delay_s = self._rng.uniform(0, self._weather.stall_s if stalled else 2 * self._weather.delay_s)
        self._last_at = max(self._last_at, self._agenda.now + delay_s)
        if stalled:
            self._troubles.last_at = max(self._troubles.last_at, self._last_at)
        self._on_the_way.append(frame)
        self._agenda.at(self._last_at, self._arrive)

    def _arrive(self) -> None:
        if not self._broken:
            self._deliver(self._on_the_way.popleft())

    def cut(self) -> list[T]:
        """Break it: some of what is on its way has just arrived, the rest never will; return the rest."""
        for _ in range(self._rng.randint(0, len(self._on_the_way))):
            self._deliver(self._on_the_way.popleft())
        self._broken = True
        return list(self._on_the_way)


class Link:
    """One connection of one station; a new one is made after each break."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        rng: Random,
        weather: Weather,
        troubles: Troubles,
        at_gateway: "Callable[[Link, Meant], None]",
        at_station: Callable[[Heard], None],
    ) -> None:
        self.up = True
        self._to_gateway: _Pipe[Meant] = _Pipe(agenda, rng, weather, troubles, lambda frame: at_gateway(self, frame))
        self._to_station: _Pipe[Heard] = _Pipe(agenda, rng, weather, troubles, at_station)

    def to_gateway(self, frame: Meant) -> None:
        if self.up:
            self._to_gateway.put(frame)

    def to_station(self, frame: Heard) -> None:
        if self.up:
            self._to_station.put(frame)

    def cut(self) -> list[Meant]:
        """The link breaks. Return what the station said and the gateway never heard."""
        self._to_station.cut()
        self.up = False
        return self._to_gateway.cut()
