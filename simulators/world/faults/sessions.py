"""Rows 2, 20, 26 and 60: a station that boots, forgets, says nothing, or loses patience, and the session in it."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

from simulators.charger import Obedience
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, UNTOLD, Fault
from simulators.world.gateway import GATEWAY

NOTICED_S: Final = 5.0  # until everybody has noticed that the cloud is away
BOOTED_S: Final = 20.0  # a boot of 3 s, a connection, and a driver who sees that the post was off
DOWN_S: Final = 10.0
TOLERANCE_A: Final = 0.05
# The shortest of which a case is known (an inverter's 60 s, which fired at 80 s) and the longest (20 min).
OWN_WATCHDOG_S: Final = (80.0, 1200.0)
LOOK_S: Final = 1.0


class BootsWithoutCloud(Fault):
    number, row = 2, "Cloud down, charger reboots"
    outcome = "Accepted by local registry"
    how = "the cloud is away, the station's power fails for a moment, and its driver plugs in again"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "contactors": NOT_JUDGED}

    async def begin(self) -> None:
        self.about = self.station()
        await self.world.cloud.leave()
        await asyncio.sleep(NOTICED_S)
        self.about.lose_power()
        await asyncio.sleep(BOOTED_S)
        for (station, _), stay in list(self.world.parking.here.items()):
            if station == self.about.spec.identity:
                self.world.parking.plug_again(stay)

    def judge(self) -> str | None:
        if self.about.registered or not self.is_alone:
            return None
        return f"{self.about.spec.identity} booted without the cloud, and wasn't accepted"

    async def end(self) -> None:
        await self.cloud_returns()


class BeginsWithoutProfile(Fault):
    number, row = 20, "Session start before any profile"
    outcome = "TxDefaultProfile pre-installed: 25 A for 2 min tripped a meter"
    how = "the station is cut off from the gateway, and lets a driver in whose card it knows by itself"
    grace: ClassVar[Mapping[str, float]] = UNTOLD | {"contactors": NOT_JUDGED}

    async def begin(self) -> None:
        self.car = self.stay()
        if self.car is not None:
            self.world.network.change(self.car.evse.station, GATEWAY, by=self, partitioned=True)
            self.world.parking.plug_again(self.car)

    def judge(self) -> str | None:
        if self.car is None or not self.is_alone or self.car.left_s is not None:
            return None
        offered_a = self.world.stations[self.car.evse.station].offered_a(self.car.evse.evse_id)
        if offered_a <= self.world.safe_a(self.car.evse) + TOLERANCE_A:
            return None
        return f"a session that nobody was told of is offered {offered_a:.1f} A by {self.car.evse.station}"

    async def end(self) -> None:
        if self.car is not None:
            self.world.network.restore(self.car.evse.station, GATEWAY, by=self)


class SilentAboutState(Fault):
    number, row = 26, "Preparing for ever after reboot"
    outcome = "State reconciled at boot"
    how = "a driver plugs in while the gateway restarts, and of its state the station says only what it is asked for"
    grace: ClassVar[Mapping[str, float]] = UNTOLD | {"stuck": 600.0, "contactors": NOT_JUDGED}
    tail_s = LEASE_S

    async def begin(self) -> None:
        self.about = self.station()
        self.asked = False
        self.waits_until = self.world.now()
        self.world.frames.holes.append(self)
        await self.world.gateway.kill()
        for (station, _), stay in list(self.world.parking.here.items()):
            if station == self.about.spec.identity:
                self.world.parking.plug_again(stay)
        await asyncio.sleep(DOWN_S)
        self.world.gateway.start()

    def swallows(self, identity: str, text: str) -> bool:
        """Implements :class:`simulators.world.watch.Hole`: states that nobody has asked for."""
        if identity != self.about.spec.identity:
            return False
        self.asked = self.asked or ('"TriggerMessage"' in text and '"StatusNotification"' in text)
        gone = not self.asked and text.startswith("[2,") and '"StatusNotification"' in text
        if gone:
            # Until it gives up waiting for the answer it says nothing else, nor what it is asked for.
            self.waits_until = self.world.now() + self.about.spec.call_timeout_s + LOOK_S
        return gone

    def judge(self) -> str | None:
        status = self.world.gateway.status()
        if status is None or not self.is_alone or self.world.now() < self.waits_until:
            return None
        about = self.about.spec.identity
        known = {each["id"]: each["evses"][0]["status"] for each in status["stations"]}[about]
        really = self.about.status(1)
        return None if known == really else f"{about} is {really}, and the gateway takes it for {known}"

    async def end(self) -> None:
        self.world.frames.holes.remove(self)


class OwnWatchdog(Fault):
    number, row = 60, "Charger's own watchdog lapses"
    outcome = "Periodic write well below the timeout; margin assumed"
    how = "a station goes to full power when it was told no limit for 80 s (or 20 min) of a session"

    async def begin(self) -> None:
        self.about = self.station()
        self.patience_s = self.rng.choice(OWN_WATCHDOG_S)
        self.fired = False

    async def last(self) -> None:
        told, told_at = self.about.counters.profiles_received, self.world.now()
        until = self.spec.at_s + self.spec.for_s
        while (now := self.world.now()) < until:
            received = self.about.counters.profiles_received
            if received != told or not self.about.charging() or not self.about.connected:
                told, told_at = received, now
                self.about.obey(Obedience.OBEYS)
            elif now - told_at > self.patience_s:
                self.fired = self.fired or self.is_alone
                self.about.obey(Obedience.IGNORES)
            await asyncio.sleep(LOOK_S)

    def judge(self) -> str | None:
        if not self.fired:
            return None
        return f"{self.about.spec.identity} charged, and was told no limit for {self.patience_s:g} s"

    async def end(self) -> None:
        self.about.obey(Obedience.OBEYS)
