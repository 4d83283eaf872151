"""The drivers in the world: they arrive, show their cards, tell what their cars need, and leave."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from edge.domain.site import EvseKey
from simulators.charger.transaction import LOST_ID
from simulators.world.drivers import Visit, visits
from simulators.world.parking import NeedTold, Stay
from simulators.world.scenario import begins_s

if TYPE_CHECKING:
    from simulators.world.world import World

CARD_AGAIN_S: Final = 120.0  # a driver whose card was refused tries it again
TELLS_AGAIN_S: Final = 60.0  # one whose need wasn't taken tells it again
SETTLING_S: Final = 60.0  # before the first driver: everybody finds everybody


class People:
    """All of one world's drivers."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def drive(self) -> None:
        """They come, one after the other; the rest of each one's stay goes on beside it."""
        world, scenario = self._world, self._world.scenario
        coming = visits(scenario.drivers, seed=world.seed, begins_s=begins_s(scenario), for_s=scenario.for_s)
        for visit in coming:
            if visit.at_s < SETTLING_S:
                continue
            await world.until(visit.at_s)
            self._arrive(visit)

    def _arrive(self, visit: Visit) -> None:
        world = self._world
        stay = world.parking.arrive(visit, world.now())
        if stay is None:
            world.history.add("drivers", f"{visit.kind.name} {visit.number} finds no post")
            return
        world.history.add("drivers", f"{stay.label} arrives")
        world.start(self._leave(stay, visit.leave_s))
        if visit.nap_s is not None:
            world.start(self._nap(stay, *visit.nap_s))
        if visit.tells:
            world.start(self._tell_need(stay))
        world.start(self._show_card(stay))

    async def _show_card(self, stay: Stay) -> None:
        """The driver shows the card until the post takes it."""
        station = self._world.stations[stay.evse.station]
        while stay.may_charge:
            await asyncio.sleep(CARD_AGAIN_S)
            if stay.left_s is not None:
                return
            if station.refuses(stay.evse.evse_id):
                self._world.history.add("drivers", f"{stay.label} shows the card again")
                self._world.parking.plug_again(stay)

    async def _tell_need(self, stay: Stay) -> None:
        """The driver tells the gateway what the car needs, and when it leaves, once its session runs.

        Nobody does while the gateway's clock is wrong: it would take the time of the departure for another.
        """
        while stay.need is None:
            await asyncio.sleep(TELLS_AGAIN_S)
            if stay.left_s is not None or stay.ev.full:
                return
            if self._world.gateway.clock.is_right:
                self._try_to_tell(stay)

    def _try_to_tell(self, stay: Stay) -> None:
        world, evse = self._world, stay.evse.evse_id
        station = world.stations[stay.evse.station]
        session = station.session(evse)
        world.parking.count(stay)
        wants_wh = stay.visit.energy_wh - stay.delivered_wh
        key = EvseKey(station=stay.evse.station, evse=evse)
        departs_at = world.begins_at + timedelta(seconds=stay.visit.leave_s)
        if session is None or not self._is_known(key, session):
            return
        if world.gateway.state_need(key, wants_wh, departs_at):
            world.history.add("drivers", f"{stay.label} needs {wants_wh:.0f} Wh")
            stay.need = NeedTold(
                at_s=world.now(),
                session=session,
                energy_wh=wants_wh,
                register_wh=station.register_wh(evse),
                departs_s=stay.visit.leave_s,
            )

    def _is_known(self, key: EvseKey, session: str) -> bool:
        """Whether the gateway says that this session runs there. Of a post that is cut off it may know the one before,
        with which ends what it is told. One whose number never came to its post it knows by the cloud's.
        """
        status = self._world.gateway.site_report()
        stations = [] if status is None else status["stations"]
        said = [
            evse["transaction_id"]
            for station in stations
            for evse in station["evses"]
            if (station["id"], evse["id"]) == (key.station, key.evse)
        ]
        return session in said or (session == str(LOST_ID) and said != [None])

    async def _nap(self, stay: Stay, from_s: float, to_s: float) -> None:
        for at_s, napping in ((from_s, True), (to_s, False)):
            await self._world.until(at_s)
            self._world.history.add("drivers", f"{stay.label} {'naps' if napping else 'would go on'}")
            stay.napped, stay.ev.napping = True, napping
            self._world.stations[stay.evse.station].settle()

    async def _leave(self, stay: Stay, at_s: float) -> None:
        await self._world.until(min(at_s, self._world.scenario.for_s))
        self._world.history.add("drivers", f"{stay.label} leaves")
        self._world.parking.leave(stay, self._world.now())
