"""Rows 48 to 50: the gateway's disk."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

from edge.storage.rows import JOURNAL, REGISTRY
from simulators.world.disk import FILES, Condition
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, TAIL_S, UNTOLD, Fault
from simulators.world.faults.gateway import START_S
from simulators.world.gateway import GATEWAY

NOTICED_S: Final = 10.0  # until everybody has noticed that the cloud is away
OFF_S: Final = 5.0
SAID_S: Final = 20.0  # until a session that begins is told
# From a start that is told to its answer: the network, 8 ms of a disk, and the network again.
IN_THE_MIDST_S: Final = 0.03


class PowerCut(Fault):
    number, row = 48, "Power cut mid-write"
    outcome = "No acknowledged record lost"
    how = "without the cloud, the gateway's power fails within 30 ms of a session's begin; the last write is torn"
    grace: ClassVar[Mapping[str, float]] = UNTOLD | {"contactors": NOT_JUDGED}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        self.said = asyncio.Event()
        self.car = self.stay()
        self.world.frames.ears.append(self)
        await self.world.cloud.leave()
        await asyncio.sleep(NOTICED_S)
        if self.car is not None:
            self.world.parking.plug_again(self.car)
            await asyncio.wait([asyncio.ensure_future(self.said.wait())], timeout=SAID_S)
        await asyncio.sleep(self.rng.uniform(0.0, IN_THE_MIDST_S))
        await self.world.gateway.lose_power()
        await asyncio.sleep(OFF_S)
        self.world.network.power(GATEWAY, on=True)
        self.world.gateway.start()

    def station_said(self, identity: str, text: str) -> None:
        if self.car is not None and identity == self.car.evse.station and '"StartTransaction"' in text:
            self.said.set()

    async def end(self) -> None:
        self.world.frames.ears.remove(self)
        await self.cloud_returns()


class DatabaseMalformed(Fault):
    number, row = 49, "DB malformed"
    outcome = "Quarantine, restore snapshot, replay journal, keep charging"
    how = "the gateway is killed, the first page of one of its files is overwritten, and it starts"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 600.0}
    tail_s = 2 * TAIL_S
    says = ("a damaged file is set aside", "messages can't be read out of a damaged journal")

    async def begin(self) -> None:
        before = self.world.gateway.disk.set_aside()
        await self.world.gateway.kill()
        # On a full disk there is no second copy of what the journal has: who loses that as well loses transactions.
        is_full = self.world.gateway.disk.condition is not Condition.GOOD
        found = self.rng.choice([name for name in FILES if not (is_full and name == JOURNAL)])
        name = self.spec.target if self.spec.target in FILES else found
        self.world.gateway.disk.damage(name)
        if name == REGISTRY:  # what it was told of cards since its last copy is gone
            self.world.unlearned.update(self.world.cloud.record.transactions)
        await asyncio.sleep(START_S)
        self.world.gateway.start()
        if self.world.gateway.disk.set_aside() == before:
            self.failure = "a file that is no database wasn't set aside"

    def judge(self) -> str | None:
        return self.failure


class DiskFull(Fault):
    number, row = 50, "Disk full/read-only fs"
    outcome = "Telemetry dropped first; control in RAM; transactions in reserve"
    how = "no file of the gateway can grow any more but by what its reserve held; sessions begin and end"
    # What can't be kept isn't answered but by the cloud, and the station asks again.
    grace: ClassVar[Mapping[str, float]] = {"stuck": 60.0}
    says = ("storage", "messages can't be kept", "samples can't be kept", "a transaction whose begin was never told")
    condition: ClassVar[Condition] = Condition.FULL

    async def begin(self) -> None:
        self.world.gateway.disk.condition = self.condition
        self.before = len(self.world.cloud.record.transactions)
        self.car = self.stay()
        if self.car is not None:
            self.world.parking.plug_again(self.car)

    def judge(self) -> str | None:
        """A cloud that is there takes in a session whatever the gateway's disk does."""
        booked = list(self.world.cloud.record.transactions.values())[self.before :]
        if self.car is None or not self.is_alone or self.car.left_s is not None:
            return None
        station = self.car.evse.station
        if self.spec.for_s < SAID_S or any(each.start.identity == station for each in booked):
            return None
        return f"the cloud is there, and doesn't hear of the session that has begun at {station}"

    async def end(self) -> None:
        self.world.gateway.disk.condition = Condition.GOOD

    def may_say(self, now: float) -> bool:
        """The end of a session whose begin couldn't be kept may come much later."""
        return self.began_at is not None and now >= self.began_at


class DiskReadOnly(DiskFull):
    how = "no file of the gateway can be written; sessions begin and end"
    condition = Condition.READ_ONLY
