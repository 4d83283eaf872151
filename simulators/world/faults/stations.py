"""Rows 17 to 29: stations and cars, and what the cloud asks of them."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from simulators.charger import Obedience
from simulators.csms.server import CallFailedError
from simulators.world.cloud import CLOUD
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, Fault
from simulators.world.gateway import GATEWAY
from simulators.world.node import start_on
from simulators.world.parking import Stay
from simulators.world.station import WorldStation

AFTER_BOOT_S: Final = 60.0  # until a driver has seen that the post was off, and plugs in again
UNBOUND_S: Final = 60.0  # until a station that obeys nothing is known as such, and others have made room for it
EXCESS_A: Final = 4.0
LOOK_S: Final = 1.0


class Rebooted(Fault):
    """Stations are reset at once, their sessions end, and the drivers begin new ones."""

    grace: ClassVar[Mapping[str, float]] = {"stuck": 600.0, "contactors": NOT_JUDGED}

    def about(self) -> list[str]:
        """Which of them."""
        raise NotImplementedError

    async def begin(self) -> None:
        names = self.about()
        tasks = [start_on(CLOUD, _ask(self, name, "Reset", {"type": "Hard"})) for name in names]
        await asyncio.wait(tasks)
        await asyncio.sleep(AFTER_BOOT_S)
        for (station, _), stay in list(self.world.parking.here.items()):
            if station in names:
                self._plug_again(stay)

    def _plug_again(self, stay: Stay) -> None:
        self.world.parking.plug_again(stay)


async def _ask(fault: Fault, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any] | None:
    """The cloud asks the station for something; None if it can't."""
    try:
        return await fault.world.cloud.call(station, action, payload)
    except CallFailedError:
        return None


class PowerReturns(Rebooted):
    number, row = 17, "200 chargers after power return"
    outcome = "Staggered accept, 0 A default, all served <= 120 s"
    how = "every station is reset at once, and all drivers plug in again"

    def about(self) -> list[str]:
        return list(self.world.stations)


class StartsTogether(Rebooted):
    number, row = 18, "Same, EVs start together"
    outcome = "Ramp one by one; never over fuse"
    how = "every station is reset at once, and all drivers plug in again in the same second"

    def about(self) -> list[str]:
        return list(self.world.stations)


class ResetInPeak(Rebooted):
    number, row = 29, "CSMS sends Reset/firmware in peak"
    outcome = "Allowed per policy, energy-safe"
    how = "the cloud resets a station, whose drivers plug in again"

    def about(self) -> list[str]:
        return [self.station().spec.identity]


class ForgetsProfile(Fault):
    number, row = 21, "Charger forgets profile on reconnect"
    outcome = "Re-send at connect, verify by Current.Import"
    how = "a station is reset by the network, and its profiles are gone when it comes back"
    grace: ClassVar[Mapping[str, float]] = {"rating": UNBOUND_S, "entitlement": UNBOUND_S, "raise": UNBOUND_S}

    async def begin(self) -> None:
        about = self.station()
        # As it comes back: who can't come back is bound by what he holds.
        while self.world.network.is_cut(about.spec.identity, GATEWAY):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(LOOK_S)
        self.world.network.reset(about.spec.identity)
        about.forget_profiles()


class Unbound(Fault):
    """Nothing that the gateway does can bind a station, or a car."""

    who: WorldStation
    was_too_much = False  # a breaker remembers

    def unbinds(self, station: str) -> bool:
        return station == self.who.spec.identity

    def is_too_much(self) -> bool:
        """Whether what it draws and the building are above a fuse by themselves: whatever the others do."""
        for evse in self.who.evses:
            drawn_a = self.who.drawn_a(evse)
            for run in self.world.copper.path(evse.circuit):
                if any(car + other > run.fuse_a for car, other in zip(drawn_a, run.other_a, strict=True)):
                    self.was_too_much = True
                    return True
        return False

    def grace_s(self, oracle: str) -> float:
        if oracle == "rating" and self.is_too_much():
            return NOT_JUDGED
        if oracle == "breaker" and (self.is_too_much() or self.was_too_much):
            return NOT_JUDGED
        return super().grace_s(oracle)


class IgnoresProfile(Unbound):
    number, row = 22, "Profile Accepted but ignored"
    outcome = "Detect by measurement, reserve full rating, alert"
    how = "a station accepts its limits and offers its maximum all the same"
    # Nobody can see in its answers what it offers.
    grace: ClassVar[Mapping[str, float]] = {"rating": UNBOUND_S} | dict.fromkeys(
        ("entitlement", "raise", "below"), NOT_JUDGED
    )

    async def begin(self) -> None:
        self.who = self.station()
        self.who.obey(Obedience.IGNORES)

    async def end(self) -> None:
        self.who.obey(Obedience.OBEYS)


class RefusesProfile(Unbound):
    number, row = 23, "Profile refused/NotSupported"
    outcome = "Treat as uncontrollable load"
    how = "a station answers each limit with Rejected"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S} | dict.fromkeys(
        ("entitlement", "raise", "writes", "below"), NOT_JUDGED
    )

    async def begin(self) -> None:
        self.who = self.station()
        self.who.obey(Obedience.REFUSES)

    async def end(self) -> None:
        self.who.obey(Obedience.OBEYS)

    def hides_limit(self, station: str) -> bool:
        """What it had accepted before the gateway was started anew nobody can know."""
        return station == self.who.spec.identity


class CarSleeps(Fault):
    number, row = 24, "EV sleeps after 0 A"
    outcome = "Wake strategy or 6 A floor"
    how = "cars that were at 0 A draw nothing any more until they are unplugged"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED}

    async def begin(self) -> None:
        for stay in self.world.parking.here.values():
            stay.ev.sleeps = True

    async def end(self) -> None:
        for stay in self.world.parking.here.values():
            stay.ev.sleeps = False


class CarDrawsMore(Fault):
    number, row = 25, "EV draws over its limit"
    outcome = "Count measured, cut others, then stop"
    how = "a car draws 4 A more than it is offered"
    grace: ClassVar[Mapping[str, float]] = {"rating": UNBOUND_S, "entitlement": UNBOUND_S, "raise": UNBOUND_S}

    async def begin(self) -> None:
        here = [stay for stay in self.world.parking.here.values() if stay.ev.draw_a > 0]
        self.car = self.rng.choice(here) if here else None
        if self.car is not None:
            self.car.ev.excess_a = EXCESS_A
            self.world.stations[self.car.evse.station].settle()

    async def end(self) -> None:
        if self.car is not None:
            self.car.ev.excess_a = 0.0
