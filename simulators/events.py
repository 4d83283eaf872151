"""What happened, in a line each, for whoever watches."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulators.building import BuildingLoad
from simulators.traffic import Move, MoveKind

KEPT: Final = 50  # more than any screen shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at scenario time `at_s`."""

    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  {self.text}"


class EventLog:
    """The latest events; `echo` hears each one as it comes."""

    def __init__(self, now_s: Callable[[], float], echo: Callable[[Event], None]) -> None:
        self._now_s = now_s
        self._echo = echo
        self._events: deque[Event] = deque(maxlen=KEPT)

    def add(self, text: str) -> None:
        """Something happens now."""
        event = Event(at_s=self._now_s(), text=text)
        self._events.append(event)
        self._echo(event)

    def latest(self, count: int) -> tuple[Event, ...]:
        """The last `count` events, the newest last."""
        return tuple(self._events)[-count:]


def describe_move(move: Move) -> str:
    """A move as a sentence."""
    car = move.car
    if move.kind is MoveKind.LEAVES:
        return f"{car.name} leaves {car.station}"
    phases = "one phase" if car.phases == 1 else f"{car.phases} phases"
    takes = f"{phases}, up to {car.max_a:g} A" if car.max_w is None else f"DC, up to {car.max_w / 1000:g} kW"
    return f"{car.name} arrives at {car.station} ({takes}, card {car.id_tag})"


def describe_load_step(building: BuildingLoad, before_s: float, time_s: float) -> str | None:
    """The building's step between two instants as a sentence; None if there is none."""
    before, now = building.step_at(before_s), building.step_at(time_s)
    if before == now:
        return None
    direction = "up" if sum(now.load_a) > sum(before.load_a) else "down"
    return f"the building's load steps {direction} to {' / '.join(f'{amps:g}' for amps in now.load_a)} A"
