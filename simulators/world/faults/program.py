"""Rows 45, 51, 52 and 57: the program's memory, its loop, and what it believes of time and of certificates."""

import asyncio
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from simulators.world.broker import BROKER
from simulators.world.cloud import CLOUD
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, TAIL_S, UNTOLD, Fault
from simulators.world.faults.gateway import START_S
from simulators.world.gateway import GATEWAY
from simulators.world.meters import node_of
from simulators.world.modbus_master import MASTER
from simulators.world.scenario import FaultSpec, WorldScenario

WATCHDOG_S: Final = 15.0  # WatchdogSec of the gateway's unit
LARGE: Final = 50_000  # characters of a message: under what the gateway takes
MANY: Final = 200
CHANGES: Final = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
)  # of the EU's summer time
AFTER_S: Final = 20.0  # from the fault's beginning to the change
RULE: Final = (time(1, 30), time(3, 0))
TICKS: Final = 3  # until a rule's end is obeyed and told


class SummerTime(Fault):
    number, row = 45, "DST both ways"
    outcome = "UTC storage, local rules tested"
    how = "the world is moved so that summer time begins (or ends) 20 s later, in the midst of a rule of the site"

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        """The hour of the day at which drivers come stays: the world's own clock is in a zone of its own."""
        moment = CHANGES[int(spec.at_s) % 2] - timedelta(seconds=spec.at_s + AFTER_S)
        own = datetime.combine(moment, scenario.begins_at.timetz().replace(tzinfo=None)) - moment.replace(tzinfo=None)
        offset = (own + timedelta(hours=12)) % timedelta(hours=24) - timedelta(hours=12)
        root = next(each for each in tomllib.loads(scenario.site_head)["circuit"] if "parent" not in each)
        rule = f'limit_a = {0.9 * root["fuse_a"]:g}\nfrom = "{RULE[0]:%H:%M}"\nto = "{RULE[1]:%H:%M}"\n'
        return replace(
            scenario,
            begins_at=moment.astimezone(timezone(offset)),
            site_head=f"{scenario.site_head}\n[[schedule]]\n{rule}",
        )

    async def begin(self) -> None:
        """It comes by itself."""

    def judge(self) -> str | None:
        status = self.world.gateway.status()
        if status is None or self.spec.for_s < AFTER_S + TICKS * self.world.period_s or not self.is_alone:
            return None
        local = self.world.wall().astimezone(ZoneInfo(status["timezone"]))
        said = datetime.fromisoformat(status["local_time"])
        if said.utcoffset() != local.utcoffset():
            return f"after the change the gateway says that it is {said}, and it is {local}"
        stated = [each for each in status["limits"]["stated"] if each["source"] == "schedule"]
        holds = any(each["limit_a"] is not None for each in stated)  # who says less may be the one that binds
        if holds != (RULE[0] <= local.time() < RULE[1]):
            return f"at {local:%H:%M:%S} the site's rule for {RULE[0]:%H:%M} to {RULE[1]:%H:%M} is taken wrongly"
        return None


class OutOfMemory(Fault):
    number, row = 51, "OOM, leak"
    outcome = "Caps, restart, alert"
    how = "the uplink carries nothing, a station says 200 messages of 50 kB, and then the kernel kills the gateway"
    # What the cloud asks goes into an uplink that carries nothing, and which it believes to be there.
    grace: ClassVar[Mapping[str, float]] = UNTOLD | {"calls": NOT_JUDGED}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        self.world.network.change(GATEWAY, CLOUD, by=self, partitioned=True)
        about = self.station()
        for number in range(MANY):
            about.say(f'[2,"large-{number}","DataTransfer",{{"vendorId":"x","data":"{"x" * LARGE}"}}]')
        await super().last()
        await self.world.gateway.kill()
        await asyncio.sleep(START_S)
        self.world.gateway.start()

    async def last(self) -> None:
        """It has."""

    async def end(self) -> None:
        self.world.network.restore(GATEWAY, CLOUD, by=self)
        self.refused_begin_anew()


class LoopStalled(Fault):
    number, row = 52, "Event loop stalled"
    outcome = "Watchdog reboot; chargers fall to fallback"
    how = "nothing goes into the gateway or comes out, and nothing is written, until its watchdog kills it after 15 s"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 600.0}
    tail_s = 2 * TAIL_S

    async def begin(self) -> None:
        world = self.world
        above = [] if world.upper is None else [world.upper.node]
        building = [BROKER, MASTER]
        peers = [CLOUD, *above, *building, *world.stations, *{node_of(meter) for meter in world.meters.ids}]
        for peer in peers:
            world.network.change(peer, GATEWAY, by=self, partitioned=True)
        world.gateway.hang()
        await asyncio.sleep(WATCHDOG_S)
        await world.gateway.kill()
        for peer in peers:
            world.network.restore(peer, GATEWAY, by=self)
        await asyncio.sleep(START_S)
        world.gateway.start()


class CertificateExpired(Fault):
    number, row = 57, "Expired cert/wrong CA"
    outcome = "Local charging continues, alert 30 d ahead"
    how = "the connections to the cloud end, and each dial fails as one whose certificate has expired"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED}

    async def begin(self) -> None:
        self.heard = len(self.world.log_lines)
        self.is_news = CLOUD not in self.world.network.untrusted
        self.world.network.untrusted.add(CLOUD)
        self.world.network.reset(GATEWAY, CLOUD)

    def judge(self) -> str | None:
        if not self.is_alone or not self.is_news:
            return None
        if not any("certificate has expired" in line for _, _, line in self.world.log_lines[self.heard :]):
            return "nobody is told that the cloud's certificate has expired"
        began_at = self.world.now() if self.began_at is None else self.began_at
        charged = [each for each in self.world.parking.here.values() if (each.served_at or began_at) < began_at]
        wanting = [stay for stay in charged if not stay.ev.full]
        if wanting and all(stay.ev.draw_a == 0.0 for stay in wanting):
            return "nobody charges on while the cloud isn't trusted"
        return None

    async def end(self) -> None:
        if not any(
            isinstance(each, CertificateExpired) and each.is_under_way for each in self.world.faults if each is not self
        ):
            self.world.network.untrusted.discard(CLOUD)
