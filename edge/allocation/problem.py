"""The allocation problem as the solver takes it: a tree of circuits, the EVSEs on it, and what each of them can use.

What stays as long as nobody rewires the site is a :class:`Wiring`; it carries the arrays that are computed from it
once. What changes from tick to tick is a :class:`Problem` on that wiring.
"""

from dataclasses import dataclass
from functools import cached_property

from edge.allocation.layout import Layout
from edge.units import Amps, Phase, PhaseAmps, Seconds, Volts, WattHours, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A circuit's place in the tree. The one without a parent is the grid connection."""

    id: str
    parent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Where an EVSE is connected. ``phases`` are the grid phases that it uses, one to three, each once; their order
    plays no part. ``id`` decides between equals."""

    id: str
    circuit: str
    phases: tuple[Phase, ...]


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """A tree of circuits and the EVSEs on it.

    :raises ValueError: from :attr:`layout`, unless the circuits are one tree with unique ids, every EVSE is on one of
        them, and the EVSEs' ids are unique.
    """

    branches: tuple[Branch, ...]
    outlets: tuple[Outlet, ...]

    @cached_property
    def layout(self) -> Layout:
        """The arrays that depend on the wiring alone."""
        return Layout.of(
            [(branch.id, branch.parent) for branch in self.branches],
            [(outlet.id, outlet.circuit, outlet.phases) for outlet in self.outlets],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a circuit can carry now.

    ``limit_a`` per phase, None where a phase has no limit; ``limit_w`` over all three phases, None for no limit.
    ``background_a`` is what flows through this circuit besides the EVSEs of the problem; it counts against both limits
    of this circuit and of no other: it isn't added up the tree, so the background of a circuit includes that of the
    circuits below it, as a meter at the circuit has it.
    """

    limit_a: tuple[Amps | None, Amps | None, Amps | None] = (None, None, None)
    limit_w: Watts | None = None
    background_a: PhaseAmps = PhaseAmps(0.0, 0.0, 0.0)  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Energy that a car wants before it leaves. ``time_left_s`` is 0 or less when its departure has passed."""

    energy_wanted_wh: WattHours
    time_left_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one EVSE can use, per phase and on each of its phases alike: nothing, or from ``min_a`` to the lower of
    ``max_a`` and ``demand_a``, in whole steps of ``step_a`` (0 = continuous).

    ``rank`` 0 is served first; ``weight`` (above 0) is the share inside the rank. ``waiting_since_s`` may count from
    any origin; None comes after all who have one.
    """

    min_a: Amps
    max_a: Amps
    demand_a: Amps
    step_a: Amps = 0.0
    rank: int = 0
    weight: float = 1.0
    charging: bool = False
    waiting_since_s: Seconds | None = None
    need: Need | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One moment. ``capacities`` are in the order of the wiring's branches, ``claims`` in that of its outlets.

    ``imbalance_limit_a``: at the grid connection, the currents of two phases (background included) may differ by no
    more than this; None for no such limit.
    """

    wiring: Wiring
    capacities: tuple[Capacity, ...]
    claims: tuple[Claim, ...]
    nominal_voltage_v: Volts = 230.0
    imbalance_limit_a: Amps | None = None
