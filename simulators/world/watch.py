"""Every frame of the world as it passes: into the history, and to whoever judges it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from simulators.phases import NO_AMPS, Amps3
from simulators.site import EvseSpec
from simulators.world.history import History
from simulators.world.station import WorldStation


class Ear:
    """Hears frames: an oracle, or a fault that looks for its outcome. This one lets them pass."""

    def station_got(self, identity: str, text: str) -> None:
        """A frame has reached a station."""

    def station_said(self, identity: str, text: str) -> None:
        """A station has sent a frame."""

    def cloud_got(self, identity: str, text: str) -> None:
        """A frame has reached the cloud."""

    def cloud_said(self, identity: str, text: str) -> None:
        """The cloud has sent a frame."""

    def cloud_met(self, identity: str) -> None:
        """A station has a new connection to the cloud."""


class Audience:
    """Who hears the frames, in the order in which they came: of each kind of frame those that do something with it."""

    def __init__(self) -> None:
        self._ears: list[Ear] = []
        self._gather()

    def __iter__(self) -> Iterator[Ear]:
        return iter(self._ears)

    def append(self, ear: Ear) -> None:
        self.extend((ear,))

    def extend(self, ears: Iterable[Ear]) -> None:
        self._ears.extend(ears)
        self._gather()

    def remove(self, ear: Ear) -> None:
        self._ears.remove(ear)
        self._gather()

    def _gather(self) -> None:
        self.station_got = tuple(each.station_got for each in self._ears if _minds(each, Ear.station_got))
        self.station_said = tuple(each.station_said for each in self._ears if _minds(each, Ear.station_said))
        self.cloud_got = tuple(each.cloud_got for each in self._ears if _minds(each, Ear.cloud_got))
        self.cloud_said = tuple(each.cloud_said for each in self._ears if _minds(each, Ear.cloud_said))
        self.cloud_met = tuple(each.cloud_met for each in self._ears if _minds(each, Ear.cloud_met))


def _minds(ear: Ear, deaf: Callable[..., None]) -> bool:
    """Whether it does something with such a frame: its class has a method of its own."""
    return getattr(type(ear), deaf.__name__) is not deaf


class Hole(Protocol):
    """Where frames between a station and the gateway are lost."""

    def swallows(self, identity: str, text: str) -> bool:
        """Whether this frame, of either direction, goes no further."""


class Tamper:
    """What a test does to frames on their way, to make a gateway that misbehaves. This one does nothing."""

    def to_station(self, _identity: str, text: str) -> Iterable[str]:
        """What the station gets instead."""
        return (text,)

    def from_station(self, _identity: str, text: str) -> Iterable[str]:
        """What the gateway gets instead."""
        return (text,)

    def to_cloud(self, _identity: str, text: str) -> str:
        """What the cloud's books have instead."""
        return text


class Frames:
    """Implements :class:`simulators.world.station.Watcher` and :class:`simulators.world.cloud.CloudEar`."""

    def __init__(self, history: History) -> None:
        self.ears = Audience()
        self.holes: list[Hole] = []
        self.tamper = Tamper()
        self.drawn: Callable[[EvseSpec, Amps3, Amps3], None] = lambda _evse, _before, _after: None
        self._history = history
        self._draws: dict[tuple[str, int], Amps3] = {}

    def to_station(self, station: WorldStation, text: str) -> Iterable[str]:
        identity = station.spec.identity
        if self._swallowed(identity, text):
            return
        for each in self.tamper.to_station(identity, text):
            self._history.add(identity, f"< {each}")
            for hear in self.ears.station_got:
                hear(identity, each)
            yield each

    def from_station(self, station: WorldStation, text: str) -> Iterable[str]:
        identity = station.spec.identity
        self._history.add(identity, f"> {text}")
        for hear in self.ears.station_said:
            hear(identity, text)
        return () if self._swallowed(identity, text) else self.tamper.from_station(identity, text)

    def _swallowed(self, identity: str, text: str) -> bool:
        if not self.holes or not any(hole.swallows(identity, text) for hole in self.holes):
            return False
        self._history.add(identity, f"lost: {text}")
        return True

    def cloud_heard(self, identity: str, text: str) -> None:
        """A frame has come to the cloud."""
        text = self.tamper.to_cloud(identity, text)
        self._history.add("cloud", f"< {identity} {text}")
        for hear in self.ears.cloud_got:
            hear(identity, text)

    def cloud_said(self, identity: str, text: str) -> None:
        for hear in self.ears.cloud_said:
            hear(identity, text)

    def cloud_met(self, identity: str) -> None:
        self._history.add("cloud", f"meets {identity}")
        for hear in self.ears.cloud_met:
            hear(identity)

    def drew(self, station: WorldStation, evse: EvseSpec, grid_a: Amps3) -> None:
        del station
        key = (evse.station, evse.evse_id)
        before_a = self._draws.get(key, NO_AMPS)
        self._draws[key] = grid_a
        self._history.add(evse.station, f"draws {grid_a[0]:.2f} {grid_a[1]:.2f} {grid_a[2]:.2f} A")
        self.drawn(evse, before_a, grid_a)
