"""Everything a decision depends on, time included, as one frozen value."""

from dataclasses import dataclass, field
from functools import cached_property

from edge.allocation.ceilings import Ceilings
from edge.allocation.fleet import Fleet
from edge.allocation.plant import Plant
from edge.allocation.state import CircuitState, EvseState
from edge.domain.limit import LimitStated
from edge.domain.site import ControlSettings
from edge.units import Seconds, Volts


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The site at one moment. ``now`` is monotonic time; circuits and EVSEs are in the plant's order.

    ``limits`` are what outsiders allow its circuits, the newest of each source; those in W count at ``voltage_v``,
    where that is known to be above the nominal voltage. ``before`` may be the fleet of the snapshot before this one:
    what is the same object there is taken over. It is no part of the value.
    """

    now: Seconds
    plant: Plant
    circuits: tuple[CircuitState, ...]
    evses: tuple[EvseState, ...]
    limits: tuple[LimitStated, ...] = ()
    voltage_v: Volts | None = None
    before: Fleet | None = field(default=None, compare=False, repr=False)

    @property
    def settings(self) -> ControlSettings:
        return self.plant.settings

    @cached_property
    def ceilings(self) -> Ceilings:
        """What each line may carry now."""
        return Ceilings.of(self.plant, self.limits, self.now, voltage_v=self.watts_voltage_v)

    @property
    def watts_voltage_v(self) -> Volts:
        """The voltage at which limits in W count."""
        return self.voltage_v if self.voltage_v is not None else self.plant.nominal_voltage_v

    @cached_property
    def fleet(self) -> Fleet:
        """The EVSEs as arrays, in the rows of the plant's layout."""
        return Fleet.of(tuple(map(self.evses.__getitem__, self.plant.grid.layout.rows.tolist())), self.before)
