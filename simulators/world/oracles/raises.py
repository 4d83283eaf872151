"""A raise is paid for: the central invariant, at the very moment at which a station takes over more."""

from typing import Final

import orjson

from simulators.site import EvseSpec
from simulators.world.copper import TOLERANCE_A
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.entitled import most_of_cars_a
from simulators.world.oracles.lately import BuildingLately, amps_of
from simulators.world.world import World

# A rise of the building can hide behind cars that were just raised, until they are sampled; so it counts for no more
# than it was at least in this time.
BUILDING_S: Final = 60.0
# Of a rating: what cars that fill up come down by between two samples hides as much of the building, which is what a
# circuit's margin is for. A hundred cars that are sampled once a minute have hidden 10 of 630 A.
HIDDEN: Final = 0.005


class RaisesArePaidFor(Oracle):
    """Together with what all others may draw at that moment, and with what they still draw from before a cut, it is
    under every rating above it.
    """

    name = "raise"
    promise = "a station takes over more only out of what no other may be drawing"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._asked: dict[str, tuple[str, dict[int, float]]] = {}  # the CALL, and what was offered before, by station
        self._building = BuildingLately(world, BUILDING_S)

    def look(self) -> None:
        self._building.look()

    def station_got(self, identity: str, text: str) -> None:
        if '"SetChargingProfile"' in text and identity in self.world.stations:
            self._asked[identity] = (str(orjson.loads(text)[1]), self._offers(identity))

    def station_said(self, identity: str, text: str) -> None:
        asked = self._asked.get(identity)
        if asked is None or not text.startswith("[3") or f'"{asked[0]}"' not in text[:60]:
            return
        del self._asked[identity]
        after = self._offers(identity)
        if self.grace_s == 0.0 and any(after[evse] > amps + TOLERANCE_A for evse, amps in asked[1].items()):
            self._judge(identity)

    def _offers(self, identity: str) -> dict[int, float]:
        """What each EVSE of a station offers a car that charges."""
        station = self.world.stations[identity]
        return {evse.evse_id: station.offered_a(evse.evse_id) for evse in self._evses(identity)}

    def _evses(self, identity: str) -> list[EvseSpec]:
        return [evse for evse in self.world.site.evses if evse.station == identity]

    def _judge(self, identity: str) -> None:
        cars = most_of_cars_a(self.world)
        above = [run for evse in self._evses(identity) for run in self.world.copper.path(evse.circuit)]
        for run in {run.id: run for run in above}.values():
            least = [amps_of(run), *self._building.of(run.id)]
            most_a = max(cars[run.id][phase] + min(each[phase] for each in least) for phase in range(3))
            if most_a > run.fuse_a * (1.0 + HIDDEN) + TOLERANCE_A:
                self.fail(f"{identity} took over more when {run.id} was given away: {most_a:.1f} of {run.fuse_a:g} A")
