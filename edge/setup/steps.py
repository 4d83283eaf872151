"""The steps of the interview: what it wants of the world, one at a time. Who drives it answers each with what it says.

:class:`Ask` is answered with the text that was typed, :class:`Tell` and :class:`Pause` with None, the probes with what
their docstrings name. Whatever a probe runs into comes as :class:`Failure`, never as an exception.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from edge.language import Said
from edge.units import Amps

Key: TypeAlias = tuple[str | int, ...]  # ("circuit", 0, "fuse_a"), as the answers file has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the answers to choose from: ``name`` is what the answers file says, ``label`` what is shown."""

    name: str
    label: str  # a text's name if it begins with "option.", else shown as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question. ``text`` names it among the texts; ``refused`` is an answer to it that didn't fit.

    ``default`` is what Enter means; ``absent`` what a file of answers means that doesn't say: None where it must.
    ``is_secret``: neither the answer nor the default is to be seen.
    """

    key: Key
    text: str
    default: str | None = None
    absent: str | None = None
    options: tuple[Option, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Something to show."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Something to do on site; the interview goes on when it is done."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A probe that has found something wrong, in one sentence; in the language of the set-up where it has a text."""

    problem: str | Said


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFound:
    """A meter that answers, and a family that it may be of."""

    connection: str
    unit: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPorts:
    """Look which serial adapters are plugged in; gives their paths, each with what the adapter says of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindMeters:
    """Look on a network (``192.168.1.0/24``, ``host:port``) or a serial port; gives a tuple of :class:`MeterFound`."""

    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMeter:
    """Read a meter now; gives :class:`edge.units.PhaseAmps`, None of a meter that tells no currents.

    ``values``: of an MQTT topic, the tables where each quantity stands, as the site file has them.
    """

    connection: str
    model: str
    unit: int
    values: tuple[Mapping[str, Any], ...] = ()
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSeen:
    """A station that has connected and isn't in the site file."""

    identity: str
    address: str = ""
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    mac: str | None = None
    firmware: str | None = None
    version: str | None = None
    also_at: str | None = None  # where another is that gives the same identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A handshake that was turned away."""

    station: str | None
    address: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who has come until now, and who was turned away."""

    stations: tuple[StationSeen, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookForStations:
    """Listen at this address for a while; gives :class:`Seen`."""

    listen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """Let a station show itself; gives the name of a text that says how."""

    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Make a key for a station; gives its written form and its hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryCloud:
    """Dial the cloud as this station; gives None when it answers."""

    upstream: str
    station: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryBroker:
    """Log in to an MQTT broker; gives None when that works, and over TLS when there is somebody to shake hands with."""

    broker: str
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryListen:
    """See whether this machine can listen at an address; gives None when it can, or does already."""

    listen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """Check the site file that this would be; gives a :class:`Proof`."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is wrong with it, a sentence each: nothing where it is sound. What its author should know all the same."""

    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Step: TypeAlias = (
    Ask
    | Tell
    | Pause
    | FindPorts
    | FindMeters
    | ReadMeter
    | LookForStations
    | Identify
    | NewKey
    | TryCloud
    | TryBroker
    | TryListen
    | Prove
)
T = TypeVar("T")
Talk: TypeAlias = Generator[Step, Any, T]

LOAD_A: Amps = 8.7  # a 2 kW heater at 230 V: the known load of the phase proof
