"""What the rules want done, in this order: the only way from them to sockets, disk, control and log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from edge.domain.journal import Write
from edge.domain.token import TokenHash, Verdict
from edge.units import Seconds

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class ToStation:
    """Send this frame to the station."""

    text: str


@dataclass(frozen=True, slots=True)
class ToCloud:
    """Send this CALL to the cloud."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read the message of this number and hand it to ``Desk.fetched``."""

    seq: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Call ``Desk.tick`` after so many seconds: there may be more to do."""

    after_s: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A session has been let in or refused: for the control. ``transaction`` as the station calls it.

    ``connector``: None where the frame doesn't name it. ``hash``: None for a session that needs no token.
    """

    station: str
    connector: int | None
    transaction: str
    verdict: Verdict
    hash: TokenHash | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """A session is to be held at zero, and where ``stop`` says so to be ended: its token is no longer good, or the
    energy that it was given is used up."""

    station: str
    transaction: str  # as the station calls it
    reason: str
    stop: bool = True
    again: bool = False  # it was asked before, and runs on


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line to the log."""

    level: Level
    event: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Immediate: TypeAlias = ToStation | ToCloud | Fetch | Resume | Judged | EndSession | Note


@dataclass(frozen=True, slots=True)
class Keep:
    """Have the writes on the disk, then do ``then``. Without writes: behind those before.

    As long as the disk refuses it is tried again, and no later Keep of the station overtakes this one: the station
    isn't answered, and keeps its message. What isn't ``ours`` (its question to a cloud that is there, and the cloud's
    answer to it) waits for the disk as long as that works, and no longer: it has been answered for by the cloud.
    """

    writes: tuple[Write, ...]
    then: tuple[Immediate, ...] = ()
    ours: bool = True


Step: TypeAlias = Immediate | Keep
