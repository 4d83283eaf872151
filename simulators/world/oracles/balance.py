"""The imbalance limit: at the grid connection two phases may differ by no more than a given current."""

from itertools import permutations
from typing import Final

from simulators.phases import PHASE_NAMES
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.lately import BuildingLately
from simulators.world.world import World

# A car of the other phases that stops is known by its sample; then a cut, and a car that obeys late. Grid codes judge
# the mean of a minute, or of ten.
SETTLED_S: Final = 60.0
BUILDING_S: Final = 60.0
NOISE_A: Final = 1.0  # of a restless building, on two phases


class PhasesAreBalanced(Oracle):
    """While nothing is wrong with the site: cars make no two phases differ by more than the site's imbalance limit, or
    than the building itself, where that has more.
    """

    name = "balance"
    promise = "cars make no two phases of the connection differ by more than the imbalance limit"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._limit_a = world.configuration.site.imbalance_limit_a
        self._building = BuildingLately(world, BUILDING_S)
        self._since: dict[tuple[int, int], float] = {}

    def look(self) -> None:
        if self._limit_a is None:
            return
        self._building.look()
        if not self.world.is_sound:
            self._since.clear()
            return
        for pair in permutations(range(len(PHASE_NAMES)), 2):
            self._judge(pair, self._limit_a)

    def _judge(self, pair: tuple[int, int], limit_a: float) -> None:
        run, now, (more, less) = self.world.copper.runs[self.world.root], self.world.now(), pair
        most_a = max(limit_a, *(amps[more] - amps[less] for amps in self._building.of(run.id)))
        apart_a = run.total_a[more] - run.total_a[less]
        if apart_a <= most_a + NOISE_A or run.ev_a[more] - run.ev_a[less] <= NOISE_A:
            self._since.pop(pair, None)
            return
        patience_s = SETTLED_S + self.world.scenario.sample_interval_s + 2 * self.world.period_s
        if now - self._since.setdefault(pair, now) > patience_s:
            self._since[pair] = float("inf")
            self.fail(
                f"for {patience_s:.0f} s cars have had {PHASE_NAMES[more]} carry {apart_a:.1f} A more than "
                f"{PHASE_NAMES[less]}, of {most_a:.1f} A"
            )
