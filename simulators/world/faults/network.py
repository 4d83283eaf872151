"""Rows 1 and 10 to 19, 54 to 56: the links, and who else is on the network."""

import asyncio
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from edge.storage.entry_file import EntryFile
from simulators.world.cloud import CLOUD
from simulators.world.faults.base import LEASE_S, NOT_JUDGED, UNTOLD, Fault
from simulators.world.gateway import GATEWAY
from simulators.world.node import start_on
from simulators.world.scenario import FaultSpec, WorldScenario

SET_ASIDE: Final = "a message is set aside"
RETRY_S: Final = 5.0  # between two tries of a message that the cloud refuses; usual is a minute
NOTICED_S: Final = 5.0  # until everybody has noticed that the cloud is away
INTRUDER: Final = "intruder"
FLAP_S: Final = 60.0
SLOW_ANSWER_S: Final = 60.0
FLOOD: Final = 60  # connections
CLOSED_S: Final = 10.0  # so much takes its time on the LAN
HUGE: Final = 10 * 1024 * 1024
RUBBISH: Final = (
    "{",
    "[2]",
    '[2,"1"]',
    '[2,"2","NoSuchAction",{}]',
    '[2,"3","MeterValues",[]]',
    '[2,"4","Heartbeat",' + "[" * 400 + "]" * 400 + "]",
    '["2","5","Heartbeat",{}]',
    "\x00\x01",
)


class CloudDown(Fault):
    number, row = 1, "Cloud link down hours/days"
    outcome = "Sessions start/stop locally; queue; control unaffected"
    how = "the cloud stops listening, and resets its connections"
    # A card that the gateway has never seen waits for the cloud, unless the site file says otherwise.
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED}

    async def begin(self) -> None:
        await self.world.cloud.leave()

    async def end(self) -> None:
        await self.cloud_returns()


class CloudSlow(Fault):
    number, row = 10, "CSMS answers in 60 s / never"
    outcome = "Charger answered in time from local state; breaker opens"
    how = "each frame takes 30 s on the uplink, in either direction"
    # What the cloud has answered is still under way when the gateway's patience ends, and it says it once more.
    grace: ClassVar[Mapping[str, float]] = {
        "stuck": NOT_JUDGED,
        "transactions": NOT_JUDGED,
        "bytes": SLOW_ANSWER_S,
    }

    async def begin(self) -> None:
        self.world.network.change(GATEWAY, CLOUD, by=self, delay_s=SLOW_ANSWER_S / 2)

    async def end(self) -> None:
        self.world.network.restore(GATEWAY, CLOUD, by=self)
        self.refused_begin_anew()


class CloudError(Fault):
    number, row = 11, "CSMS CALLERROR for one message"
    outcome = "Attempts policy, quarantine, never blocks the queue"
    how = "the cloud answers the next start, end or sample with an InternalError, and one that was kept each time"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED}
    aftermath_s = 40.0
    says = (SET_ASIDE,)

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        del spec
        if "offline" in tomllib.loads(scenario.site_head):
            return scenario
        return replace(scenario, site_head=f"{scenario.site_head}\n[offline]\nretry_interval_s = {RETRY_S:g}\n")

    async def begin(self) -> None:
        self.behind = False
        self.world.cloud.fails_on = self.rng.choice(("StartTransaction", "StopTransaction", "MeterValues"))
        self.about = self.station()
        self.world.frames.ears.append(self)

    async def end(self) -> None:
        """What was kept meanwhile is taken, but for one message; a second one waits behind that."""
        cloud = self.world.cloud
        cloud.fails_on = None
        await cloud.leave()
        await asyncio.sleep(NOTICED_S)
        cloud.poison, cloud.poisoned = f"poison-{self.spec.at_s:g}", 0
        for name in (cloud.poison, f"behind-{self.spec.at_s:g}"):
            self.about.say(f'[2,"{name}","DataTransfer",{{"vendorId":"kept"}}]')
        await asyncio.sleep(NOTICED_S)
        await self.cloud_returns()

    def cloud_got(self, identity: str, text: str) -> None:
        self.behind = self.behind or (
            identity == self.about.spec.identity and text.startswith(f'[2,"behind-{self.spec.at_s:g}"')
        )

    def judge_after(self) -> str | None:
        offline = self.world.configuration.offline
        if not self.is_alone or offline.retry_interval_s > RETRY_S:
            return None
        if self.world.cloud.poisoned != offline.attempts:
            return f"a message that the cloud can't take was tried {self.world.cloud.poisoned} times"
        if not self.behind:
            return "behind a message that the cloud can't take another one waits for ever"
        if not any(line.startswith(SET_ASIDE) for at_s, _, line in self.world.log_lines if at_s >= self.spec.at_s):
            return "a message that the cloud can't take is lost, and nobody is told"
        # As `edge journal list` shows them, from where a person has one tried again.
        listed = EntryFile(self.world.gateway.disk.folder).set_aside()
        if self.world.cloud.poison not in {each.message_id for each in listed}:
            return "a message that the cloud can't take isn't in the list of those that were set aside"
        return None

    async def settle(self) -> None:
        self.world.cloud.poison = None
        self.world.frames.ears.remove(self)


class HalfOpen(Fault):
    number, row = 13, "Half-open TCP"
    outcome = "Ping; dead <= 30 s; peers stayed connected > 24 h"
    how = "the station's connections are gone on its side, and nobody is told"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 300.0}

    async def begin(self) -> None:
        self.world.network.vanish(self.station().spec.identity)


class ChargersCutOff(Fault):
    number, row = 14, "Network partition of chargers"
    outcome = "Fallback reserved from budget before any release"
    how = "some of the stations, or all, are cut off from the gateway"
    grace: ClassVar[Mapping[str, float]] = UNTOLD
    tail_s = LEASE_S

    async def begin(self) -> None:
        names = list(self.world.stations)
        self.cut = self.rng.sample(names, self.rng.randint(1, len(names)))
        for name in self.cut:
            self.world.network.change(name, GATEWAY, by=self, partitioned=True)

    async def end(self) -> None:
        for name in self.cut:
            self.world.network.restore(name, GATEWAY, by=self)


class Flapping(Fault):
    number, row = 15, "Flapping Wi-Fi 1/min"
    outcome = "No lost data, no profile storm"
    how = "the station's connections are reset once a minute"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": 300.0}

    async def begin(self) -> None:
        self.about = self.station().spec.identity

    async def last(self) -> None:
        until = self.spec.at_s + self.spec.for_s
        while self.world.now() + FLAP_S < until:
            self.world.network.reset(self.about)
            await asyncio.sleep(FLAP_S)
        await super().last()


class DuplicateIdentity(Fault):
    number, row = 16, "Duplicate identity, both alive"
    outcome = "Probe old; alert; close of old must not drop new"
    how = "a stranger dials under the identity of a station that is there"

    async def begin(self) -> None:
        about = self.station()
        was = about.connected and self.is_alone  # else its connection may be gone, and the post doesn't know it
        taken = await start_on(INTRUDER, self._claim(about.url))
        if was and taken and about.connected:
            self.failure = f"a stranger was given the place of {about.spec.identity}, which was there and alive"

    async def _claim(self, url: str) -> bool:
        try:
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, proxy=None) as socket:
                await socket.send('[2,"intruder-1","Heartbeat",{}]')
                await asyncio.wait_for(socket.recv(), 5.0)
                return True
        except (OSError, TimeoutError, WebSocketException):
            return False

    def judge(self) -> str | None:
        return self.failure


class Rubbish(Fault):
    number, row = 54, "Malformed JSON, wrong types, deep nesting, unknown action"
    outcome = "FormationViolation/NotImplemented; link kept"
    how = "a station says what is no JSON, no frame, no action"
    says = (SET_ASIDE,)

    def may_say(self, now: float) -> bool:
        """Where the cloud is away, it refuses such a message when it is back."""
        return self.began_at is not None and now >= self.began_at

    async def begin(self) -> None:
        about = self.station()
        for text in RUBBISH:
            about.say(text)
            await asyncio.sleep(1.0)


class HugeFrame(Fault):
    number, row = 55, "10 MB frame, slowloris, compression bomb"
    outcome = "Closed 1009; memory flat"
    how = "a station sends a frame of 10 MB"
    grace: ClassVar[Mapping[str, float]] = {"rating": LEASE_S, "entitlement": LEASE_S}

    async def begin(self) -> None:
        about = self.station()
        self.stays = about.spec.identity if about.connected else None
        about.say(f'[2,"6","DataTransfer",{{"vendorId":"x","data":"{"x" * HUGE}"}}]')
        until = self.world.now() + CLOSED_S
        while self.stays is not None and self.world.now() < until:
            await asyncio.sleep(0.1)
            self.stays = self.stays if about.connected else None

    def judge(self) -> str | None:
        if self.stays is None or not self.is_alone:
            return None
        return f"a frame of {HUGE} bytes is taken from {self.stays}"


class Flood(Fault):
    number, row = 56, "Connection/login flood"
    outcome = "Rate limits; others unaffected"
    how = "sixty strangers dial and stay"

    async def begin(self) -> None:
        base = f"ws://{self.world.site.gateway}"
        self._held: list[ClientConnection] = []
        self._task = start_on(INTRUDER, self._knock(base))

    async def _knock(self, base: str) -> None:
        for number in range(FLOOD):
            try:
                url = f"{base}/stranger-{number}"
                self._held.append(await connect(url, compression=None, proxy=None, ping_interval=None))
            except (OSError, TimeoutError, WebSocketException):
                continue

    async def end(self) -> None:
        self._task.cancel()
        for held in self._held:
            held.transport.abort()
