"""One phase or all: where only one has room for a car, it charges on that."""

from typing import Final

from simulators.world.copper import Run
from simulators.world.oracles.base import Oracle
from simulators.world.parking import Stay
from simulators.world.world import World

# What serves better does so for a quarter of a minute before it is chosen, and each post is changed over four times an
# hour at most; and the car begins, or is woken.
CHOSEN_S: Final = 960.0
SPARE_A: Final = 2.0  # beyond its minimum: a restless building


class PhasesAreChosen(Oracle):
    """While nothing is wrong with the site: no car waits whose post can use its own L1 alone, while that phase has had
    room for its minimum all the while on every circuit above it.
    """

    name = "phases"
    promise = "a car that one phase has room for charges on it, where its post can be told to"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        site = world.configuration.site
        self._judges = site.imbalance_limit_a is None
        self._evses = {(each.key.station, each.key.evse): each for each in site.evses if each.switches_phases}
        self._ratings = {circuit.id: circuit.rating_a for circuit in site.circuits}
        self._since: dict[int, float] = {}
        self._told: set[int] = set()

    def look(self) -> None:
        if not self._evses or not self._judges:
            return
        now = self.world.now()
        waiting = [stay for key, stay in self.world.parking.here.items() if key in self._evses and self._waits(stay)]
        sound = self.world.is_sound
        self._since = {id(stay): self._since.get(id(stay), now) for stay in waiting if sound}
        patience_s = CHOSEN_S + self.world.configuration.site.control.min_off_s + self.world.scenario.sample_interval_s
        for stay in waiting:
            if sound and now - self._since[id(stay)] > patience_s and id(stay) not in self._told:
                self._told.add(id(stay))
                self.fail(f"{stay.label} has waited for {patience_s:.0f} s, and its post's first phase had room for it")

    def _waits(self, stay: Stay) -> bool:
        station, evse = self.world.stations[stay.evse.station], stay.evse
        wants = stay.may_charge and not stay.ev.full and not stay.napped and not stay.ev.sleeps
        if not wants or stay.ev.draw_a > 0.0 or station.offered_a(evse.evse_id) >= stay.ev.min_a:
            return False
        limit_a, limit_w = self.world.limits.held()
        if limit_w is not None or self.world.configuration.demand_limits_kw or self.world.grid_operator.dims:
            return False  # what is left of a power isn't one phase's
        first = evse.rotation[0]
        rooms = [self._ratings[run.id] - run.total_a[first] for run in self._path(evse.circuit)]
        if limit_a is not None:
            rooms.append(limit_a - self.world.copper.runs[self.world.root].total_a[first])
        return min(rooms) >= evse.min_a + SPARE_A

    def _path(self, circuit: str) -> list[Run]:
        return [run for run in self.world.copper.path(circuit) if run.id in self._ratings]
