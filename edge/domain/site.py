"""The site as its installer describes it: circuits, meters, stations and how they are wired."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from edge.domain.topic import TopicValue
from edge.units import Amps, Phase, Seconds, Volts, Watts


class Mode(StrEnum):
    """What the controller may do."""

    CONTROL = "control"  # owns the charging profiles
    OBSERVE = "observe"  # relays, reads, computes, explains; commands nothing


class Supply(StrEnum):
    """What an EVSE gives the car."""

    AC = "ac"
    DC = "dc"  # limited in W; what it takes of the grid is spread over its phases


class IdlePolicy(StrEnum):
    """What an EVSE without a session is allowed, so that a session's first seconds are safe."""

    ZERO = "zero"
    SAFE = "safe"  # for chargers that mishandle 0 A: their safe currents are reserved while idle


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A fused circuit. The one without a parent is the grid connection."""

    id: str
    parent: str | None
    fuse_a: Amps  # per phase
    margin_a: Amps = 0.0
    limit_w: Watts | None = None  # over all phases
    meter: str | None = None  # id of the meter through which all of this circuit's current flows
    background_reserve_a: Amps | None = None  # the worst load besides the EVSEs, per phase

    @property
    def rating_a(self) -> Amps:
        """What the controller may plan with, per phase: the fuse less its margin."""
        return self.fuse_a - self.margin_a


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """What a broker wants to see before a meter's topic may be read. ``ca_file`` None: the machine's authorities."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """An energy meter and how to reach it."""

    id: str
    model: str  # a family of the catalogue, or the site's own map file as the site file names it
    connection: str  # see edge.domain.connection
    unit: int = 1
    values: tuple[TopicValue, ...] = ()  # of an MQTT topic: where each quantity stands in its messages
    access: BrokerAccess = BrokerAccess()  # to the broker of an MQTT topic


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EvseKey:
    """Names one EVSE of the site. In OCPP 1.6 the EVSE's id is the connector's."""

    station: str
    evse: int

    def __str__(self) -> str:
        return f"{self.station}/{self.evse}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """The place of a session in the order of precedence. ``rank`` 0 is served first; ``weight`` is its share inside the
    rank; ``guaranteed``: its minimum comes before those of others of the rank."""

    rank: int
    weight: float = 1.0
    guaranteed: bool = False
    class_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evse:
    """One charging point: at most one car draws from it at a time."""

    key: EvseKey
    circuit: str
    phases: tuple[Phase, ...]  # the grid phase on the EVSE's own L1, L2, L3
    min_a: Amps
    max_a: Amps
    fallback_a: Amps  # what it draws at most when it can't hear us: the safe current of its profiles
    rank: int = 0  # 0 is served first
    weight: float = 1.0
    guaranteed: bool = False  # its minimum comes before those of its rank that are not
    step_a: Amps = 0.1  # OCPP 1.6 §7.13: limits have at most one fraction digit
    supply: Supply = Supply.AC
    switches_phases: bool = False  # it can be told to use one phase (its own L1) or all of them
    on_surplus: bool = False  # it charges on the sun's surplus alone
    whole_site: bool = False  # no car but another controller's site, which may take more at any time
    never_zero: bool = False  # its cars don't wake from 0 A: a session keeps its minimum, before all ranks
    class_id: str | None = None  # of the sessions whose token has none of its own

    @property
    def single_phase(self) -> tuple[Phase, ...]:
        """The grid phase that it uses when told to use one only: its own L1."""
        return self.phases[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A charging station: one OCPP identity."""

    id: str
    evses: tuple[Evse, ...]

    @property
    def is_controller(self) -> bool:
        """Whether it is a gateway like this one, whose whole site is its only EVSE here: that is never without a
        session, and takes one limit."""
        return any(evse.whole_site for evse in self.evses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """How the control loop behaves."""

    mode: Mode = Mode.CONTROL
    period_s: Seconds = 1.0
    lease_s: Seconds = 120.0
    idle: IdlePolicy = IdlePolicy.ZERO
    meter_stale_s: Seconds = 5.0  # five missed polls; an MCB at 1.45 In holds 13 s at worst
    turn_s: Seconds = 900.0  # how long a car charges before one that waits takes its place
    min_off_s: Seconds = 60.0  # how long a car that was stopped stays off: spares contactors and the car's own
    raises_per_hour: float = 240.0  # of one station: raises are writes to its memory, cuts are never counted


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything the controller knows of a site before it has heard from it."""

    id: str
    timezone: str
    nominal_voltage_v: Volts
    control: ControlSettings
    circuits: tuple[Circuit, ...]
    meters: tuple[Meter, ...] = ()
    stations: tuple[Station, ...] = field(default=())
    imbalance_limit_a: Amps | None = None  # at the grid connection, between any two phases
    holidays: str | None = None  # whose public holidays count: DE, DE-BY (ISO 3166)

    @cached_property
    def circuit_by_id(self) -> dict[str, Circuit]:
        return {circuit.id: circuit for circuit in self.circuits}

    @cached_property
    def station_by_id(self) -> dict[str, Station]:
        return {station.id: station for station in self.stations}

    @cached_property
    def evses(self) -> tuple[Evse, ...]:
        """Every EVSE, in the file's order."""
        return tuple(evse for station in self.stations for evse in station.evses)

    @cached_property
    def evse_by_key(self) -> dict[EvseKey, Evse]:
        return {evse.key: evse for evse in self.evses}

    def phases_below(self, circuit_id: str) -> frozenset[Phase]:
        """The grid phases that the EVSEs below a circuit are wired to."""
        return frozenset(
            phase
            for evse in self.evses
            if any(above.id == circuit_id for above in self.path(evse.circuit))
            for phase in evse.phases
        )

    def path(self, circuit_id: str) -> Iterator[Circuit]:
        """The circuit and all those above it, up to the grid connection."""
        next_id: str | None = circuit_id
        while next_id is not None:
            circuit = self.circuit_by_id[next_id]
            yield circuit
            next_id = circuit.parent
