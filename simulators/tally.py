"""The account of a run, kept from the true currents: peaks, time over a rating, breakers, utilisation."""

from collections.abc import Mapping
from typing import Final

from simulators.breaker import Breaker
from simulators.feeder import CircuitCurrent, EvseDraw, Feeder
from simulators.phases import NO_AMPS, Amps3, on_grid_phases
from simulators.site import EvseSpec

HUNGRY_A: Final = 0.1  # a car is held back if it wants at least this much more than it is offered


class Tally:
    """Integrates the feeder over the run.

    Utilisation is the share of the room that cars used while they wanted more. At an instant, for each hungry
    car: of the circuits and phases that it loads, the one with the highest ratio of EV current to
    (fuse - margin - building); then the mean over the hungry cars, each capped at 1; then the mean over the
    time in which at least one car was hungry.
    """

    def __init__(self, feeder: Feeder) -> None:
        self._feeder = feeder
        self.breakers = {circuit.id: Breaker(circuit.fuse_a) for circuit in feeder.site.circuits}
        self.max_current_a: dict[str, Amps3] = {circuit.id: NO_AMPS for circuit in feeder.site.circuits}
        self.seconds_over_rating = 0.0
        self.import_wh = 0.0
        self._used_s = 0.0
        self._hungry_s = 0.0

    @property
    def breaker_tripped(self) -> bool:
        return any(breaker.tripped for breaker in self.breakers.values())

    @property
    def utilisation(self) -> float | None:
        """Between 0 and 1; None if no car was ever held back."""
        return self._used_s / self._hungry_s if self._hungry_s > 0 else None

    def step(self, time_s: float, dt_s: float) -> None:
        """Account for the `dt_s` seconds that end at scenario time `time_s`."""
        currents = self._feeder.currents(time_s)
        over = False
        for circuit in self._feeder.site.circuits:
            amps = currents[circuit.id].total_a
            peak = self.max_current_a[circuit.id]
            self.max_current_a[circuit.id] = (
                max(peak[0], amps[0]),
                max(peak[1], amps[1]),
                max(peak[2], amps[2]),
            )
            self.breakers[circuit.id].carry(amps, dt_s)
            over = over or max(amps) > circuit.fuse_a
            if circuit.parent is None:
                self.import_wh += sum(amps) * self._feeder.site.nominal_voltage_v * dt_s / 3600.0
        if over:
            self.seconds_over_rating += dt_s
        used = self._utilisation_now(currents)
        if used is not None:
            self._used_s += used * dt_s
            self._hungry_s += dt_s

    def _utilisation_now(self, currents: Mapping[str, CircuitCurrent]) -> float | None:
        ratios = [self._tightest(evse, draw, currents) for evse, draw in self._feeder.evse_draws() if is_hungry(draw)]
        return sum(ratios) / len(ratios) if ratios else None

    def _tightest(self, evse: EvseSpec, draw: EvseDraw, currents: Mapping[str, CircuitCurrent]) -> float:
        """The highest share of room used on this car's way to the grid, capped at 1."""
        would_load = on_grid_phases(draw.wanted_a, evse.rotation)
        ratio = 0.0
        for circuit in self._feeder.path_of(evse.circuit):
            current = currents[circuit.id]
            for phase in range(3):
                if would_load[phase] <= 0:
                    continue
                room_a = circuit.fuse_a - circuit.margin_a - current.building_a[phase]
                # With no room at all there is nothing that could be used better.
                ratio = max(ratio, current.ev_a[phase] / room_a if room_a > 0 else 1.0)
        return min(1.0, ratio)


def is_hungry(draw: EvseDraw) -> bool:
    """Whether the car would draw more if its station offered more."""
    return draw.offered_a is not None and max(draw.wanted_a) - draw.offered_a > HUNGRY_A
