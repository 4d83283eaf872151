"""Rows 3, 19, 43 to 47, 53 and 59: the gateway itself, its clock, and what the building does to it."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

from simulators.phases import NO_AMPS, Amps3
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, TAIL_S, UNTOLD, Fault
from simulators.world.gateway import GATEWAY

START_S: Final = 3.0  # the service manager and Python
NOTICED_S: Final = 10.0  # until everybody has noticed that the cloud is away, or that a car has come
BACK_S: Final = 20.0  # a boot of 3 s, or a gateway that is found again
DAY_S: Final = 86_400.0
OVER: Final = 1.05  # of the fuse: what an IEC 60898 breaker carries for ever
CUT_S: Final = 60.0
FILL_S: Final = 1.0


class Killed(Fault):
    number, row = 47, "kill -9 at any instruction"
    outcome = "Ledger intact, control back <= 10 s"
    how = "SIGKILL; the service manager starts it again after 3 s"
    # A session's message that was with the gateway is sent again by its station.
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 600.0}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        await self.world.gateway.kill()
        await asyncio.sleep(START_S)
        self.world.gateway.start()


class Upgraded(Fault):
    number, row = 53, "Upgrade mid-charge"
    outcome = "Sessions continue; schema both ways"
    how = "SIGTERM, half a minute, and a start on the same files"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 600.0}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        await self.world.gateway.stop()
        await asyncio.sleep(10 * START_S)
        self.world.gateway.start()


class RestartsWithoutCloud(Fault):
    number, row = 3, "Gateway restarts while cloud down"
    outcome = "All chargers readmitted, transactions resumed"
    how = "the cloud is away, a session begins, the gateway is killed and starts, and a station reboots"
    grace: ClassVar[Mapping[str, float]] = UNTOLD | {"contactors": NOT_JUDGED}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        self.about = self.station()
        await self.world.cloud.leave()
        await asyncio.sleep(NOTICED_S)
        car = self.stay()
        if car is not None:
            self.world.parking.plug_again(car)
            await asyncio.sleep(NOTICED_S)
        await self.world.gateway.kill()
        await asyncio.sleep(START_S)
        self.world.gateway.start()
        await asyncio.sleep(BACK_S)
        self.about.lose_power()
        await asyncio.sleep(BACK_S)

    def judge(self) -> str | None:
        if self.about.registered or not self.is_alone:
            return None
        return f"{self.about.spec.identity} isn't accepted by a gateway that has started without the cloud"

    async def end(self) -> None:
        await self.cloud_returns()


class BootsBeforeChargers(Fault):
    number, row = 19, "Gateway boots before all chargers seen"
    outcome = "Hold until known or timeout with reservation"
    how = "the gateway is killed and starts while half of the stations are cut off"
    grace: ClassVar[Mapping[str, float]] = UNTOLD
    tail_s = LEASE_S

    async def begin(self) -> None:
        names = list(self.world.stations)
        self.cut = self.rng.sample(names, max(1, len(names) // 2))
        for name in self.cut:
            self.world.network.change(name, GATEWAY, by=self, partitioned=True)
        await self.world.gateway.kill()
        await asyncio.sleep(START_S)
        self.world.gateway.start()

    async def end(self) -> None:
        for name in self.cut:
            self.world.network.restore(name, GATEWAY, by=self)


class ClockSteps(Fault):
    number, row = 43, "NTP step +-1 day"
    outcome = "Monotonic clock for control"
    how = "the gateway's wall clock is a day ahead, or behind"
    # Of a command that is a day old by its clock nothing is known.
    grace: ClassVar[Mapping[str, float]] = {"rating": 30.0, "entitlement": 30.0, "mqtt heard": NOT_JUDGED}

    async def begin(self) -> None:
        self.world.gateway.clock.step_s = self.rng.choice((-DAY_S, DAY_S))

    async def end(self) -> None:
        self.world.gateway.clock.step_s = 0.0


class NoClock(Fault):
    number, row = 44, "No RTC, boots in 1970"
    outcome = "Time unsynced flag; sessions still safe"
    how = "the gateway starts in 1970"
    grace: ClassVar[Mapping[str, float]] = {
        "rating": LEASE_S,
        "entitlement": LEASE_S,
        "stuck": 600.0,
        "mqtt heard": NOT_JUDGED,  # without a time nothing is known of a command's age
        "signals known": 60.0,  # nor of how long nobody ran: what was asked for a minute holds for that once more
    }
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        await self.world.gateway.kill()
        await asyncio.sleep(START_S)
        self.world.gateway.clock.unset_since = self.world.now()
        self.world.gateway.start()

    async def end(self) -> None:
        self.world.gateway.clock.unset_since = None


class SecondBack(Fault):
    number, row = 46, "Leap/backward second"
    outcome = "No duplicate interval"
    how = "the gateway's wall clock goes back by a second"

    async def begin(self) -> None:
        self.world.gateway.clock.step_s = -1.0

    async def end(self) -> None:
        self.world.gateway.clock.step_s = 0.0


class LoadAboveFuse(Fault):
    number, row = 59, "Load alone exceeds fuse"
    outcome = "All EV to 0, not-ours alarm"
    how = "the building alone takes 1.05 of the fuse"
    # Nobody can know beforehand that so much will be taken of a window in which cars have drawn.
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "demand": NOT_JUDGED}

    async def begin(self) -> None:
        self.root = next(run for run in self.world.copper.runs.values() if run.parent is None)
        self._amps: Amps3 = NO_AMPS
        self._fill()

    async def last(self) -> None:
        """What else the building takes makes room for it: more than its breaker carries it never takes for long."""
        end_s = self.spec.at_s + self.spec.for_s
        while (next_s := self.world.now() + FILL_S) < end_s:
            await self.world.until(next_s)
            self._fill()
        await super().last()

    def _fill(self) -> None:
        wanted_a = OVER * self.root.fuse_a
        l1, l2, l3 = (
            max(wanted_a - (all_a - own_a), 0.0) for all_a, own_a in zip(self.root.other_a, self._amps, strict=True)
        )
        self._amps = (l1, l2, l3)
        self.world.load("fault 59", self.root.id, self._amps)

    def judge(self) -> str | None:
        drawn_a = max(self.root.ev_a)
        if self.spec.for_s < CUT_S + 5 * self.world.period_s or drawn_a < 0.5 or len(self.world.faults) > 1:
            return None
        return f"the building alone is above the fuse, and the cars still draw {drawn_a:.1f} A"

    async def end(self) -> None:
        self.world.load("fault 59", self.root.id, NO_AMPS)
