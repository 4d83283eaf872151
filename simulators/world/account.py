"""The account of a run: how well the room was used, and the lines of its picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from simulators.phases import on_grid_phases
from simulators.world.copper import Run
from simulators.world.parking import Stay
from simulators.world.world import World

SAMPLE_S: Final = 5.0
PICTURE_S: Final = 60.0
HUNGRY_A: Final = 0.1  # a car is held back if it wants at least this much more than it is offered


@dataclass(slots=True, kw_only=True)
class Series:
    """One value a minute: of each circuit its fullest phase, what of that is the building's, and what it may carry per
    phase, by its fuse or by what the building allows its connection; of each EVSE its draw on its fullest phase and
    what it offers, None where no car is.
    """

    at_s: list[float] = field(default_factory=list)
    total_a: dict[str, list[float]] = field(default_factory=dict)
    building_a: dict[str, list[float]] = field(default_factory=dict)
    limit_a: dict[str, list[float]] = field(default_factory=dict)
    draw_a: dict[tuple[str, int], list[float | None]] = field(default_factory=dict)
    offered_a: dict[tuple[str, int], list[float | None]] = field(default_factory=dict)


class Account:
    """Looks at the world every SAMPLE_S.

    Utilisation is the share of the room that cars used while they wanted more: at an instant, for each hungry car,
    of the circuits and phases that it loads the one with the highest ratio of EV current to (fuse - margin - building),
    or at the connection to what the building, or the imbalance limit beside the phases that the car leaves alone,
    allows where that is less; the mean over the hungry cars, each capped at
    1; and the mean over the time in which there was one.
    """

    def __init__(self, world: World) -> None:
        self.series = Series()
        self._world = world
        self._imbalance_a = world.configuration.site.imbalance_limit_a
        self._margins = {circuit.id: circuit.margin_a for circuit in world.site.circuits}
        self._used = self._hungry = 0.0
        self._looks_at = self._draws_at = 0.0

    @property
    def utilisation(self) -> float | None:
        """Between 0 and 1; None if no car was ever held back."""
        return self._used / self._hungry if self._hungry > 0 else None

    def look(self, now: float) -> None:
        """Now and then."""
        if now >= self._looks_at:
            self._looks_at = now + SAMPLE_S
            self._sample()
        if now >= self._draws_at:
            self._draws_at = now + PICTURE_S
            self._picture(now)

    def _sample(self) -> None:
        hungry = [stay for stay in self._world.parking.here.values() if self._is_hungry(stay)]
        alike: dict[tuple[str, tuple[int, ...], int], float] = {}  # cars on the same phases of one circuit
        ratios = [self._tightest(stay, alike) for stay in hungry]
        if ratios:
            self._used += sum(ratios) / len(ratios)
            self._hungry += 1.0

    def _is_hungry(self, stay: Stay) -> bool:
        station = self._world.stations[stay.evse.station]
        if not station.charging() or stay.ev.napping:
            return False
        return station.wanted_a(stay.evse.evse_id) - station.offered_a(stay.evse.evse_id) > HUNGRY_A

    def _tightest(self, stay: Stay, known: dict[tuple[str, tuple[int, ...], int], float]) -> float:
        used = min(stay.ev.phases, len(stay.evse.rotation))
        kind = (stay.evse.circuit, stay.evse.rotation, used)
        if kind not in known:
            known[kind] = self._tightest_of(stay, used)
        return known[kind]

    def _tightest_of(self, stay: Stay, used: int) -> float:
        loads = on_grid_phases((1.0, 1.0 if used > 1 else 0.0, 1.0 if used > 2 else 0.0), stay.evse.rotation)
        loaded = [phase for phase in range(3) if loads[phase] > 0]
        limit_a, limit_w = self._world.limits.held()
        ratio = 0.0
        for run in self._world.copper.path(stay.evse.circuit):
            most_a = run.fuse_a - self._margins[run.id]
            if run.id == self._world.root:
                most_a = most_a if limit_a is None else min(most_a, limit_a)
                ratio = max(ratio, 0.0 if limit_w is None else self._share_of(limit_w, run))
                most_a = min(most_a, self._balanced_a(run, loaded))
            for phase in loaded:
                room_a = most_a - run.other_a[phase]
                used_up = run.ev_a[phase] / room_a if room_a > 0 else 1.0
                if used_up > ratio:
                    ratio = used_up
        return min(1.0, ratio)

    def _balanced_a(self, run: Run, loaded: Sequence[int]) -> float:
        """What may flow on these phases beside what does on the others."""
        beside = [amps for phase, amps in enumerate(run.total_a) if phase not in loaded]
        return math.inf if self._imbalance_a is None or not beside else min(beside) + self._imbalance_a

    def _share_of(self, limit_w: float, run: Run) -> float:
        """How much cars use of what is left of that."""
        room_a = limit_w / self._world.site.nominal_voltage_v - sum(run.other_a)
        return sum(run.ev_a) / room_a if room_a > 0 else 1.0

    def _picture(self, now: float) -> None:
        self.series.at_s.append(now)
        for run in self._world.copper.runs.values():
            self.series.total_a.setdefault(run.id, []).append(max(run.total_a))
            self.series.building_a.setdefault(run.id, []).append(max(run.other_a))
            self.series.limit_a.setdefault(run.id, []).append(self._limit_a(run))
        for evse in self._world.site.evses:
            key = (evse.station, evse.evse_id)
            stay = self._world.parking.here.get(key)
            drawn_a = None if stay is None else stay.ev.draw_a
            offered_a = None if stay is None else self._world.stations[evse.station].offered_a(evse.evse_id)
            self.series.draw_a.setdefault(key, []).append(drawn_a)
            self.series.offered_a.setdefault(key, []).append(offered_a)

    def _limit_a(self, run: Run) -> float:
        """Per phase; what is allowed in W as if it were spread evenly."""
        if run.id != self._world.root:
            return run.fuse_a
        limit_a, limit_w = self._world.limits.held()
        of_power = [] if limit_w is None else [limit_w / self._world.site.nominal_voltage_v / 3.0]
        return min([run.fuse_a, *of_power, *([] if limit_a is None else [limit_a])])
