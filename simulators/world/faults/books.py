"""Rows 4 to 8: transactions, while the cloud is away or an answer is lost."""

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar, Final

import orjson

from simulators.confirmation import start_of
from simulators.csms.server import CallFailedError
from simulators.world.cloud import CLOUD
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.node import start_on

NEW_SESSION_S: Final = 10.0  # until everybody has noticed that the cloud is away, before a driver plugs in again
AFTERMATH_S: Final = 60.0  # a cloud that is dialled again, and some messages one by one
UNEVEN: Final = 4  # of what was kept, in a second, beside what the site file says: as the uplink brings them
CALL: Final = "[2,"
NOTICES: Final = 40  # that a station says without the cloud, beside its sessions,
TELLERS: Final = 3  # of so many stations
NOTICE: Final = re.compile(r'\[2,"kept-[^"]*"')
KNOWN_S: Final = 20.0  # until what was kept has come, and the cloud knows the session
LOCAL_ID: Final = re.compile(r'"transactionId"\s*:\s*(-?\d+)')
STARTED: Final = '"StartTransaction"'
STOPPED: Final = '"StopTransaction"'
USUAL_ATTEMPTS: Final = "5"


class WithoutCloud(Fault):
    """The cloud is away, and somebody begins a session meanwhile."""

    # A card that the gateway has never seen waits for the cloud, unless the site file says otherwise.
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "contactors": NOT_JUDGED}
    aftermath_s = AFTERMATH_S

    async def begin(self) -> None:
        self.told = 0  # calls of all stations since then
        self.world.frames.ears.append(self)
        await self.world.cloud.leave()
        await asyncio.sleep(NEW_SESSION_S)
        self.car = self.stay()
        if self.car is not None:
            self.world.parking.plug_again(self.car)

    async def end(self) -> None:
        await self.cloud_returns()

    def station_said(self, identity: str, text: str) -> None:
        del identity
        self.told += text.startswith(CALL)

    async def come_right(self) -> None:
        """What was kept goes out at the site's pace, and what is said meanwhile behind it."""
        while self.ended_at is not None and self.world.now() < (
            until_s := self.ended_at + self.aftermath_s + self.told / self.per_s
        ):
            await self.world.until(until_s)

    @property
    def per_s(self) -> float:
        """What the gateway delivers a second of what was kept."""
        return self.world.configuration.offline.deliveries_per_s

    async def settle(self) -> None:
        self.world.frames.ears.remove(self)


class CloudBackAfterLong(WithoutCloud):
    number, row = 4, "Cloud back after 3 days"
    outcome = "In-order drain, rate-limited, original timestamps"
    how = "the cloud is away, sessions begin and end, and it comes back to all that was kept"

    async def begin(self) -> None:
        self.said: dict[str, list[str]] = {}
        self.came: dict[str, list[str]] = {}
        self.in_second: dict[int, int] = {}
        await super().begin()
        for identity in list(self.world.stations)[:TELLERS]:
            self.said[identity] = [f'[2,"kept-{self.spec.at_s:g}-{number}"' for number in range(NOTICES)]
            for head in self.said[identity]:
                self.world.stations[identity].say(f'{head},"DataTransfer",{{"vendorId":"kept"}}]')

    def cloud_got(self, identity: str, text: str) -> None:
        found = NOTICE.match(text)
        if found is None or found[0] not in self.said.get(identity, ()):
            return  # another row 4's, which is under way, too
        if found[0] in self.came.setdefault(identity, []):
            return
        self.came[identity].append(found[0])
        second = int(self.world.now())
        self.in_second[second] = self.in_second.get(second, 0) + 1

    def judge_after(self) -> str | None:
        """Order and timestamps of sessions are judged by the oracles of bytes and of transactions."""
        most = max(self.in_second.values(), default=0)
        if most > self.per_s + UNEVEN and self.is_alone:  # else some of it may not have been kept: the cloud was there
            return f"the cloud that came back got {most} kept messages in one second"
        for identity, said in self.said.items():
            came = self.came.get(identity, [])
            if came != said and self.is_alone:
                return f"of {len(said)} messages that were kept of {identity}, in their order, {len(came)} came"
        return None


class OfflineStart(WithoutCloud):
    number, row = 6, "Offline Start: real transactionId unknown"
    outcome = "Local id mapped later in MeterValues/Stop, never -1"
    how = "a session begins while the cloud is away; each number that the cloud then hears must be one that it gave"

    strange: str | None = None

    async def begin(self) -> None:
        self.known_as: int | None = None  # the session, by the cloud
        self.begun = {identity: len(station.transactions()) for identity, station in self.world.stations.items()}
        await super().begin()

    def judge(self) -> str | None:
        """A card that the cloud has accepted is let in without it, unless what was learned by that is destroyed."""
        if self.car is None or self.car.left_s is not None or not self.is_alone:
            return None
        station, card = self.car.evse.station, self.car.visit.id_tag
        booked = self.world.cloud.record.transactions.items()
        known = any(each.start.id_tag == card for number, each in booked if number not in self.world.unlearned)
        if not known or len(self.world.stations[station].transactions()) > self.begun[station]:
            return None
        return f"the cloud knows the card of {self.car.label}, and without the cloud it isn't let in"

    async def end(self) -> None:
        """The cloud is back, and ends the session by the number that it has given."""
        await super().end()
        await asyncio.sleep(KNOWN_S)
        if self.car is None or self.car.left_s is not None or not self.is_alone:
            return
        station = self.car.evse.station
        begun = self.world.stations[station].transactions()[self.begun[station] :]
        texts = {each.started_at for each in begun}
        for each in self.world.cloud.record.transactions.values():
            if each.start.identity == station and each.start.started_at in texts and each.stopped_at is None:
                self.known_as = each.transaction_id
        if self.known_as is not None:
            await start_on(CLOUD, self._stop(station, self.known_as))
            self.world.parking.plug_again(self.car)

    async def _stop(self, station: str, number: int) -> None:
        try:
            answer = await self.world.cloud.call(station, "RemoteStopTransaction", {"transactionId": number})
        except CallFailedError:
            return
        if answer["status"] != "Accepted" and self.is_alone:
            self.strange = f"the cloud ends transaction {number} of {station}, and hears {answer['status']}"

    def cloud_got(self, identity: str, text: str) -> None:
        found = LOCAL_ID.search(text)
        if found is not None and int(found[1]) not in self.world.cloud.record.transactions:
            given_up = self.world.stations[identity].given_up() if identity in self.world.stations else ()
            if any(start_of(account) in self.world.forgotten for account in given_up):
                return  # nobody knows what else to call it
            said = f"the cloud heard of transaction {found[1]} of {identity}, which it never gave"
            self.strange = self.strange or said

    def judge_after(self) -> str | None:
        return self.strange


class StartAnswerLost(Fault):
    number, row = 5, "Start.conf lost mid-flight"
    outcome = "Resent with same id; one upstream transaction; late reply tolerated"
    how = "a driver plugs in; the cloud books the start, and its connection is reset before the answer is out"
    grace: ClassVar[Mapping[str, float]] = {"stuck": 300.0, "contactors": NOT_JUDGED}
    aftermath_s = AFTERMATH_S

    async def begin(self) -> None:
        self.before = len(self.world.cloud.record.transactions)
        self.car = self.stay()
        if self.car is not None:
            self.world.cloud.loses_answer_to = "StartTransaction"
            self.world.parking.plug_again(self.car)

    async def end(self) -> None:
        self.world.cloud.loses_answer_to = None

    def judge_after(self) -> str | None:
        new = list(self.world.cloud.record.transactions.values())[self.before :]
        if self.car is None or not self.is_alone or any(each.starts_received > 1 for each in new):
            return None
        return "a start whose answer was lost on the uplink wasn't sent again"


class StartSentAgain(Fault):
    number, row = 7, "Charger resends Start"
    outcome = "Deduplicated (connector, tag, time, register)"
    how = "a driver plugs in, and the answer to the start is lost on its way to the station, which sends it again"
    grace: ClassVar[Mapping[str, float]] = {"stuck": 300.0, "contactors": NOT_JUDGED}
    losses: ClassVar[int] = 1

    async def begin(self) -> None:
        self.starts: list[str] = []
        self.car = self.stay()
        self.world.frames.ears.append(self)
        self.world.frames.holes.append(self)
        if self.car is not None:
            self.prepare(self.car.evse.station)
            self.world.parking.plug_again(self.car)

    def prepare(self, station: str) -> None:
        """Before the driver plugs in."""

    def station_said(self, identity: str, text: str) -> None:
        if self.car is not None and identity == self.car.evse.station and STARTED in text:
            self.starts.append(str(orjson.loads(text)[1]))

    def swallows(self, identity: str, text: str) -> bool:
        """Implements :class:`simulators.world.watch.Hole`: the answers to the first of them."""
        if self.car is None or identity != self.car.evse.station:
            return False
        return any(text.startswith(f'[3,"{start}"') for start in self.starts[: self.losses])

    async def end(self) -> None:
        self.world.frames.ears.remove(self)
        self.world.frames.holes.remove(self)

    def judge(self) -> str | None:
        if self.car is None or not self.is_alone or len(self.starts) < 2:
            return None
        account = self.world.stations[self.car.evse.station].transactions()[-1]
        booked = [
            each.starts_received
            for each in self.world.cloud.record.transactions.values()
            if each.start.started_at == account.started_at
        ]
        if booked == [1]:
            return None
        return f"a start that was sent twice: the cloud heard it {sum(booked)} times, and booked it {len(booked)} times"


class StopWithoutStart(StartSentAgain):
    number, row = 8, "Stop without Start after reset"
    outcome = "Ledger rebuilds the pair or flags it"
    how = "no answer to a start reaches the station, which gives up, and ends the session under the number -1"
    losses = 100
    aftermath_s = AFTERMATH_S

    def prepare(self, station: str) -> None:
        self.world.stations[station].configure("TransactionMessageAttempts", "1")
        self.world.cloud.spares.add(station)

    def station_said(self, identity: str, text: str) -> None:
        """It gives up at once what begins, and no end: one that it says while it is cut off would be lost."""
        super().station_said(identity, text)
        if self.car is not None and identity == self.car.evse.station and (STARTED in text or STOPPED in text):
            attempts = "1" if STARTED in text else USUAL_ATTEMPTS
            self.world.stations[identity].configure("TransactionMessageAttempts", attempts)

    async def end(self) -> None:
        """The driver ends the session: its pair is for the oracle of transactions."""
        await super().end()
        if self.car is not None:
            self.world.stations[self.car.evse.station].configure("TransactionMessageAttempts", USUAL_ATTEMPTS)
            self.world.cloud.spares.discard(self.car.evse.station)
            if self.car.left_s is None:
                self.world.parking.plug_again(self.car)

    def judge(self) -> str | None:
        return None

    def judge_after(self) -> str | None:
        orphans = self.world.cloud.record.orphan_stops
        return f"{orphans} ends came to the cloud without a begin" if orphans and self.is_alone else None
