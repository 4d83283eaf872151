"""The site's copper: what really flows through each circuit and phase, from the building's load and the EVSEs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from simulators.building import BuildingLoad
from simulators.phases import NO_AMPS, Amps3, on_grid_phases, total_a
from simulators.site import CircuitSpec, EvseSpec, SiteSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseDraw:
    """What one EVSE's car does, on the EVSE's own phases.

    `wanted_a` is what the car would draw if nothing limited it; `offered_a` is the limit that the station
    enforces on each phase, None for none.
    """

    station: str
    evse_id: int
    draw_a: Amps3
    wanted_a: Amps3
    offered_a: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitCurrent:
    """The current through one circuit, apart for what the chargers draw and for everything else."""

    ev_a: Amps3
    building_a: Amps3

    @property
    def total_a(self) -> Amps3:
        return total_a((self.ev_a, self.building_a))


class Feeder:
    """Adds up the site at an instant.

    `draws` is asked at each call for what the EVSEs draw at that moment; an EVSE that isn't among them draws
    nothing, one that the site doesn't have is left out.
    """

    def __init__(self, site: SiteSpec, building: BuildingLoad, draws: Callable[[], Iterable[EvseDraw]]) -> None:
        self.site = site
        self._building = building
        self._draws = draws
        self._evses: Mapping[tuple[str, int], EvseSpec] = {(evse.station, evse.evse_id): evse for evse in site.evses}
        self._paths: Mapping[str, tuple[CircuitSpec, ...]] = {
            circuit.id: site.path_of(circuit.id) for circuit in site.circuits
        }

    def evse_draws(self) -> tuple[tuple[EvseSpec, EvseDraw], ...]:
        """Each EVSE of the site that reports, with what it does now."""
        pairs = ((self._evses.get((draw.station, draw.evse_id)), draw) for draw in self._draws())
        return tuple((evse, draw) for evse, draw in pairs if evse is not None)

    def path_of(self, circuit_id: str) -> tuple[CircuitSpec, ...]:
        """The circuit and everything above it, up to the grid connection."""
        return self._paths[circuit_id]

    def currents(self, time_s: float) -> dict[str, CircuitCurrent]:
        """The true current of every circuit, by its id, at scenario time `time_s`."""
        ev_a: dict[str, list[Amps3]] = {circuit.id: [] for circuit in self.site.circuits}
        for evse, draw in self.evse_draws():
            grid_a = on_grid_phases(draw.draw_a, evse.rotation)
            for circuit in self._paths[evse.circuit]:
                ev_a[circuit.id].append(grid_a)
        loaded = {circuit.id for circuit in self._paths[self._building.circuit]}
        building_a = self._building.current_a(time_s)
        return {
            circuit_id: CircuitCurrent(ev_a=total_a(parts), building_a=building_a if circuit_id in loaded else NO_AMPS)
            for circuit_id, parts in ev_a.items()
        }
