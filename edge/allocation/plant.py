"""What of a site stays from tick to tick: its circuits, its EVSEs, its rules; and the arrays made of them once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge.allocation.columns import EPSILON_STEPS
from edge.allocation.layout import POWER, Bools, Floats, Ints, Layout
from edge.domain.site import Circuit, ControlSettings, Evse, Site
from edge.units import PHASES, Amps, Phase, Volts, phase_amps

# What feeds in below a fuse may be gone from one moment to the next; then the EVSEs' current comes through the fuse. A
# miniature circuit-breaker that was warm already holds 1.45 of its rating for 13 s, and cars obey within 5 to 10.
SUDDEN = 1.45


@dataclass(frozen=True, kw_only=True)
class Plant:
    """The site as a decision needs it; circuits and EVSEs are in the site file's order."""

    circuits: tuple[Circuit, ...]
    evses: tuple[Evse, ...]
    settings: ControlSettings
    nominal_voltage_v: Volts = 230.0
    imbalance_limit_a: Amps | None = None

    @classmethod
    def of(cls, site: Site) -> "Plant":
        return cls(
            circuits=site.circuits,
            evses=site.evses,
            settings=site.control,
            nominal_voltage_v=site.nominal_voltage_v,
            imbalance_limit_a=site.imbalance_limit_a,
        )

    @cached_property
    def grid(self) -> "Grid":
        """:raises ValueError: unless the circuits are one tree with a place for every EVSE."""
        return Grid.of(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """A plant as arrays. What has one entry an EVSE is in the rows of ``layout``, what has one a circuit in its places.

    ``wired[row, phase]``: the grid phases that the EVSE is connected to; ``single``: the one that it uses when told to
    use one only. ``least_a`` is the minimum in whole steps. ``limit_a`` has one entry a line (as the layout counts
    them), infinite without a limit; of balance it has the limit itself. ``bears_a``, alike, is the most that the EVSEs
    may be given on a phase, whatever feeds in; infinite of power and balance. ``below[place, row]``: whether the EVSE's
    current flows through the circuit; ``path[level, row]`` is the place of its own circuit, then of those above it, as
    many as there are circuits where there is none, and ``lanes`` numbers its conductors alike, level by level, row by
    row, phase by phase. ``station`` numbers the stations. ``measured_below[place, place]`` is 1 for the metered
    circuits below a circuit that have no metered one in between, 0 for all others; ``metered`` are those with a meter.
    """

    layout: Layout
    wired: Bools
    single: Bools
    min_a: Floats
    least_a: Floats
    max_a: Floats
    fallback_a: Floats
    step_a: Floats
    switches: Bools
    never_zero: Bools
    whole_site: Bools
    station: Ints
    station_count: int
    limit_a: Floats
    bears_a: Floats
    reserve_a: Floats
    below: Bools
    path: Ints
    lanes: Ints
    metered: Bools
    measured_below: Floats

    @classmethod
    def of(cls, plant: Plant) -> "Grid":
        """:raises ValueError: unless the circuits are one tree with a place for every EVSE."""
        layout = Layout.of(
            [(circuit.id, circuit.parent) for circuit in plant.circuits],
            [(str(evse.key), evse.circuit, evse.phases) for evse in plant.evses],
        )
        evses = [plant.evses[number] for number in layout.rows.tolist()]
        circuits = [plant.circuits[number] for number in layout.circuits.tolist()]
        stations = {name: number for number, name in enumerate(dict.fromkeys(evse.key.station for evse in evses))}
        path = layout.path
        below = np.zeros((len(circuits) + 1, len(evses)), dtype=np.bool_)
        below[path, np.arange(len(evses))] = True
        return cls(
            layout=layout,
            wired=_phases([evse.phases for evse in evses]),
            single=_phases([evse.single_phase for evse in evses]),
            min_a=_floats([evse.min_a for evse in evses]),
            least_a=_floats([_whole(evse.min_a, evse.step_a) for evse in evses]),
            max_a=_floats([evse.max_a for evse in evses]),
            fallback_a=_floats([evse.fallback_a for evse in evses]),
            step_a=_floats([evse.step_a for evse in evses]),
            switches=np.array([evse.switches_phases and len(evse.phases) > 1 for evse in evses], dtype=np.bool_),
            never_zero=np.array([evse.never_zero for evse in evses], dtype=np.bool_),
            whole_site=np.array([evse.whole_site for evse in evses], dtype=np.bool_),
            station=np.array([stations[evse.key.station] for evse in evses], dtype=np.int64),
            station_count=len(stations),
            limit_a=_limits(plant, layout, circuits),
            bears_a=_bearable(layout, circuits),
            reserve_a=_floats([circuit.background_reserve_a or 0.0 for circuit in circuits]),
            below=below[:-1],
            path=path,
            lanes=(path[:, :, None] * POWER + np.arange(POWER)).ravel(),
            metered=np.array([circuit.meter is not None for circuit in circuits], dtype=np.bool_),
            measured_below=_measured_below(circuits),
        )

    def on_lines(self, by_phase_a: Floats) -> Floats:
        """What flows on each line when the EVSEs draw this, ``[row, phase]``; of balance nothing is counted."""
        return self.through(self.flows(by_phase_a))

    def flows(self, by_phase_a: Floats) -> Floats:
        """What flows through each circuit, ``[place, phase]``, when the EVSEs draw this, ``[row, phase]``."""
        levels, places = len(self.path), len(self.reserve_a)
        of_each_level = np.broadcast_to(by_phase_a, (levels, *by_phase_a.shape)).ravel()
        total = np.bincount(self.lanes, weights=of_each_level, minlength=(places + 1) * POWER)
        return np.asarray(total[: places * POWER].reshape(places, POWER), dtype=np.float64)

    def through(self, by_circuit_a: Floats) -> Floats:
        """What a current in each circuit, ``[place, phase]``, takes of its own four lines."""
        total = np.zeros(self.layout.size)
        lines = self.layout.by_circuit(total)
        lines[:, :POWER] = by_circuit_a
        lines[:, POWER] = by_circuit_a.sum(axis=1)
        return total

    def with_those_below(self, background_a: Floats, unmeasured: Bools) -> Floats:
        """The background, ``[place, phase]``; what is ``unmeasured`` now carries at least what is measured below it.

        What feeds in there isn't lent on: it may be gone at once, and nobody would see it.
        """
        for _ in range(len(background_a)):  # one circuit that isn't measured now may be below another
            below_a = self.measured_below @ np.maximum(background_a, 0.0)
            raised_a = np.where(unmeasured[:, None], np.maximum(background_a, below_a), background_a)
            if np.array_equal(raised_a, background_a):
                break
            background_a = raised_a
        return background_a

    def on_path(self, places: Bools) -> Bools:
        """Which rows have one of these circuits above them."""
        return np.asarray(self.below[places].any(axis=0))


def _limits(plant: Plant, layout: Layout, circuits: Sequence[Circuit]) -> Floats:
    limit = np.full(layout.size, np.inf)
    lines = layout.by_circuit(limit)
    for place, circuit in enumerate(circuits):
        lines[place, :POWER] = circuit.rating_a
        if circuit.limit_w is not None:
            lines[place, POWER] = phase_amps(circuit.limit_w, plant.nominal_voltage_v)
    if plant.imbalance_limit_a is not None:
        limit[layout.balance] = plant.imbalance_limit_a
    return limit


def _bearable(layout: Layout, circuits: Sequence[Circuit]) -> Floats:
    bears = np.full(layout.size, np.inf)
    lines = layout.by_circuit(bears)
    for place, circuit in enumerate(circuits):
        lines[place, :POWER] = SUDDEN * circuit.fuse_a
    return bears


def _measured_below(circuits: Sequence[Circuit]) -> Floats:
    """See :class:`Grid`."""
    by_id = {circuit.id: place for place, circuit in enumerate(circuits)}
    below = np.zeros((len(circuits), len(circuits)))
    for place, circuit in enumerate(circuits):
        above = circuit.parent if circuit.meter is not None else None
        while above is not None:
            below[by_id[above], place] = 1.0
            parent = circuits[by_id[above]]
            above = parent.parent if parent.meter is None else None
    return below


def _whole(amps: Amps, step_a: Amps) -> Amps:
    """In whole steps, upward; continuous currents are told in tenths."""
    step = step_a or 0.1
    return math.ceil(amps / step - EPSILON_STEPS) * step


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _phases(of_each: Sequence[Sequence[Phase]]) -> Bools:
    """``[row, phase]``, each phase's column in one piece: what looks across the phases of each row is quick then, and
    whatever is made of it element by element lies the same way."""
    by_phase = [[phase in phases for phases in of_each] for phase in PHASES]
    return np.array(by_phase, dtype=np.bool_).reshape(POWER, -1).T
