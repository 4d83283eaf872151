"""What a relay wants done: the only way from the rules to the sockets, the sink and the log."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.domain.station import StationFact
from edge.ocpp.number_ids import NumberIds
from edge.ocpp.wire import Call, CallError, CallResult

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class ToStation:
    """Send this text to the station."""

    text: str


@dataclass(frozen=True, slots=True)
class ToCloud:
    """Send this text to the cloud."""

    text: str


@dataclass(frozen=True, slots=True)
class PassBinary:
    """Pass a binary message on, to the station or to the cloud. OCPP-J has none: on a wire only."""

    data: bytes
    to_station: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Hand this fact to the control."""

    fact: StationFact


@dataclass(frozen=True, slots=True)
class CloseStation:
    """Close the station's socket with this WebSocket close code; see :mod:`edge.ocpp.farewell`."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line to the log."""

    level: Level
    event: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hand this CALL of the station to whoever stands in for its cloud, or this answer of the cloud."""

    frame: Call | CallResult | CallError


@dataclass(frozen=True, slots=True)
class KeepBack:
    """This CALL of the station isn't for the cloud: mirrors get it, and whoever stands in for that reads it."""

    call: Call


Action = ToStation | ToCloud | PassBinary | Report | CloseStation | Note | HandOver | KeepBack


class Outbox:
    """Collects the actions of one step, in the order in which they are to be done.

    ``on_late`` is called when some have come between two steps, as the disk took its time. ``ids_of_station`` and
    ``ids_of_cloud``: the numbers under which the peers want their answers.
    """

    def __init__(self) -> None:
        self.on_late: Callable[[], None] = lambda: None
        self._actions: list[Action] = []
        self.ids_of_station, self.ids_of_cloud = NumberIds(), NumberIds()

    def to_station(self, text: str) -> None:
        self._actions.append(ToStation(self.ids_of_station.as_written(text) if self.ids_of_station.open else text))

    def to_cloud(self, text: str) -> None:
        self._actions.append(ToCloud(self.ids_of_cloud.as_written(text) if self.ids_of_cloud.open else text))

    def pass_binary(self, data: bytes, *, to_station: bool) -> None:
        self._actions.append(PassBinary(data, to_station))

    def report(self, fact: StationFact) -> None:
        self._actions.append(Report(fact))

    def report_all(self, facts: Iterable[StationFact]) -> None:
        for fact in facts:
            self.report(fact)

    def close_station(self, code: int, reason: str) -> None:
        self._actions.append(CloseStation(code, reason))

    def hand_over(self, frame: Call | CallResult | CallError) -> None:
        self._actions.append(HandOver(frame))

    def keep_back(self, call: Call) -> None:
        self._actions.append(KeepBack(call))

    def note(self, level: Level, event: str, **fields: Any) -> None:
        self._actions.append(Note(level, event, fields))

    def empty(self) -> list[Action]:
        """Hand over what was collected."""
        actions, self._actions = self._actions, []
        return actions
