"""Everything a decision depends on, time included, as one frozen value."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from edge.allocation.exposure import Holdings
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey
from edge.domain.station import EvseStatus
from edge.units import Amps, Phase, PhaseAmps, Seconds


class Reach(StrEnum):
    """How far an EVSE is ours to limit."""

    OBEYING = "obeying"
    NEW = "new"  # just connected: its first limit is on the way
    UNCONFIRMED = "unconfirmed"  # connected for a while, and still under no limit that it has confirmed
    OFFLINE = "offline"
    SILENT = "silent"  # connected, but limits go unanswered
    REFUSING = "refusing"
    DISOBEYING = "disobeying"  # draws more than it accepted

    @property
    def renewable(self) -> bool:
        """Whether the leases it holds can be counted on to be renewed."""
        return self not in (Reach.OFFLINE, Reach.SILENT, Reach.REFUSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitState:
    """A circuit and the newest reading of its meter.

    ``measured_a`` and ``measured_at`` are None where there is no meter, or none has ever answered.
    """

    circuit: Circuit
    measured_a: PhaseAmps | None = None
    measured_at: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseState:
    """An EVSE, what is known of its car, and what it may be enforcing."""

    evse: Evse
    reach: Reach
    status: EvseStatus
    in_session: bool
    holdings: Holdings
    paused: bool = False  # the car has stopped drawing by itself, though it was offered its minimum
    waiting_since: Seconds | None = None  # when the session began
    told_a: Amps = 0.0  # the newest limit that it was told for this session; before the first, its idle limit
    told_at: Seconds | None = None  # when that last changed
    raised_at: Seconds | None = None  # when that last rose
    draw_a: PhaseAmps | None = None  # the newest sample, on grid phases
    drawn_at: Seconds | None = None

    @property
    def key(self) -> EvseKey:
        return self.evse.key


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The site at one moment. ``now`` is monotonic time; circuits and EVSEs are in the site file's order."""

    now: Seconds
    settings: ControlSettings
    circuits: tuple[CircuitState, ...]
    evses: tuple[EvseState, ...]

    @cached_property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """For each circuit: itself and all above it, up to the grid connection."""
        parent = {state.circuit.id: state.circuit.parent for state in self.circuits}
        paths: dict[str, tuple[str, ...]] = {}
        for circuit_id in parent:
            path = []
            step: str | None = circuit_id
            while step is not None:
                path.append(step)
                step = parent[step]
            paths[circuit_id] = tuple(path)
        return paths

    def lines(self, evse: Evse) -> tuple[tuple[str, Phase], ...]:
        """Every circuit phase that the EVSE's current flows through, nearest circuit first."""
        return tuple((circuit_id, phase) for circuit_id in self.paths[evse.circuit] for phase in evse.phases)
