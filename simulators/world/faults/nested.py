"""Rows 10, 13 to 15, 43, 44, 47 and 53 between two gateways: the site has one above its own, whose station it is."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

from simulators.world.above import ABOVE
from simulators.world.faults.base import LEASE_S, TAIL_S, Fault
from simulators.world.faults.gateway import DAY_S, START_S
from simulators.world.gateway import GATEWAY, Gateway
from simulators.world.world import World

# The site below isn't told what the building above takes; its cars are nobody's but its own to keep waiting.
BELOW_UNTOLD: Final[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "below": LEASE_S}
SLOW_S: Final = 20.0  # each way: an answer comes after what a gateway waits for it
FLAP_S: Final = 45.0


class _Between(Fault):
    """It is about the gateway above, or the link to it."""

    grace: ClassVar[Mapping[str, float]] = BELOW_UNTOLD
    tail_s = LEASE_S

    @classmethod
    def suits(cls, world: World) -> bool:
        return world.upper is not None

    @property
    def upper(self) -> Gateway:
        assert self.world.upper is not None  # noqa: S101 - such a site is suited
        return self.world.upper


class AboveSlow(_Between):
    number, row = 10, "CSMS answers in 60 s / never"
    outcome = "Charger answered in time from local state; breaker opens"
    how = "each frame between the site and the gateway above takes 20 s"

    async def begin(self) -> None:
        self.world.network.change(GATEWAY, ABOVE, by=self, delay_s=SLOW_S)

    async def end(self) -> None:
        self.world.network.restore(GATEWAY, ABOVE, by=self)


class AboveHalfOpen(_Between):
    number, row = 13, "Half-open TCP"
    outcome = "Ping; dead <= 30 s; peers stayed connected > 24 h"
    how = "the connection of two gateways is gone on one's side, and the other isn't told"

    async def begin(self) -> None:
        one, other = self.rng.choice(((GATEWAY, ABOVE), (ABOVE, GATEWAY)))
        self.world.network.vanish_between(one, other)


class AboveCutOff(_Between):
    number, row = 14, "Network partition of chargers"
    outcome = "Fallback reserved from budget before any release"
    how = "the site is cut off from the gateway above"

    async def begin(self) -> None:
        self.world.network.change(GATEWAY, ABOVE, by=self, partitioned=True)

    async def end(self) -> None:
        self.world.network.restore(GATEWAY, ABOVE, by=self)


class AboveFlaps(_Between):
    number, row = 15, "Flapping Wi-Fi 1/min"
    outcome = "No lost data, no profile storm"
    how = "the connection of two gateways is reset every 45 s"

    async def last(self) -> None:
        until = self.spec.at_s + self.spec.for_s
        while self.world.now() + FLAP_S < until:
            self.world.network.reset(GATEWAY, ABOVE)
            await asyncio.sleep(FLAP_S)
        await super().last()

    async def begin(self) -> None:
        """It is :meth:`last` that does it."""


class AboveClockSteps(_Between):
    number, row = 43, "NTP step +-1 day"
    outcome = "Monotonic clock for control"
    how = "the wall clock of the gateway above is a day ahead, or behind"
    grace: ClassVar[Mapping[str, float]] = {"rating": 30.0, "entitlement": 30.0, "below": 30.0}
    tail_s = TAIL_S

    async def begin(self) -> None:
        self.upper.clock.step_s = self.rng.choice((-DAY_S, DAY_S))

    async def end(self) -> None:
        self.upper.clock.step_s = 0.0


class AboveNoClock(_Between):
    number, row = 44, "No RTC, boots in 1970"
    outcome = "Time unsynced flag; sessions still safe"
    how = "the gateway above starts in 1970"

    async def begin(self) -> None:
        await self.upper.kill()
        await asyncio.sleep(START_S)
        self.upper.clock.unset_since = self.world.now()
        self.upper.start()

    async def end(self) -> None:
        self.upper.clock.unset_since = None


class AboveKilled(_Between):
    number, row = 47, "kill -9 at any instruction"
    outcome = "Ledger intact, control back <= 10 s"
    how = "the gateway above is killed, alone or with the site's own, and starts again after 3 s to 2 min"
    grace: ClassVar[Mapping[str, float]] = {**BELOW_UNTOLD, "stuck": 600.0}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        killed = [self.upper, *([self.world.gateway] if self.rng.random() < 0.5 else [])]
        self.rng.shuffle(killed)
        for gateway in killed:
            await gateway.kill()
        for gateway in reversed(killed):
            await asyncio.sleep(self.rng.choice((START_S, 10 * START_S, 40 * START_S)))
            gateway.start()


class AboveUpgraded(_Between):
    number, row = 53, "Upgrade mid-charge"
    outcome = "Sessions continue; schema both ways"
    how = "SIGTERM to the gateway above, half a minute, and a start on the same files"

    async def begin(self) -> None:
        await self.upper.stop()
        await asyncio.sleep(10 * START_S)
        self.upper.start()
