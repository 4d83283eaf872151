"""Rows 4 to 8, 12 and 58: transactions and cards, while the cloud is away or an answer is lost."""

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar, Final

import orjson

from edge.domain.token import SiteToken
from edge.offline.hashing import TokenHasher, hint
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile
from simulators.world.faults.base import NOT_JUDGED, Fault

NEW_SESSION_S: Final = 10.0  # until everybody has noticed that the cloud is away, before a driver plugs in again
AFTERMATH_S: Final = 60.0  # a cloud that is dialled again, and some messages one by one
MOST_PER_S: Final = 30  # 20 a second of what was kept, and what stations say meanwhile
ENDED_S: Final = 30.0  # a session that is refused afterwards: asked to end at once, and so is its station
AT_ONCE_S: Final = 1.0
LOCAL_ID: Final = re.compile(r'"transactionId"\s*:\s*(-?\d+)')
STARTED: Final = '"StartTransaction"'


class _WithoutCloud(Fault):
    """The cloud is away, and somebody begins a session meanwhile."""

    # A card that the gateway has never seen waits for the cloud, unless the site file says otherwise.
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "contactors": NOT_JUDGED}
    aftermath_s = AFTERMATH_S

    async def begin(self) -> None:
        self.world.frames.ears.append(self)
        await self.world.cloud.leave()
        await asyncio.sleep(NEW_SESSION_S)
        self.car = self.stay()
        if self.car is not None:
            self.world.parking.plug_again(self.car)

    async def end(self) -> None:
        await self.cloud_returns()

    async def settle(self) -> None:
        self.world.frames.ears.remove(self)


class CloudBackAfterLong(_WithoutCloud):
    number, row = 4, "Cloud back after 3 days"
    outcome = "In-order drain, rate-limited, original timestamps"
    how = "the cloud is away, sessions begin and end, and it comes back to all that was kept"

    def __init__(self, *what: object) -> None:
        super().__init__(*what)  # type: ignore[arg-type] # as of Fault
        self._in_second: dict[int, int] = {}

    def cloud_got(self, _identity: str, _text: str) -> None:
        second = int(self.world.now())
        self._in_second[second] = self._in_second.get(second, 0) + 1

    def judge_after(self) -> str | None:
        """Order and timestamps are judged by the oracles of bytes and of transactions."""
        most = max(self._in_second.values(), default=0)
        if most > MOST_PER_S + len(self.world.stations):
            return f"the cloud that came back got {most} messages in one second"
        return None


class OfflineStart(_WithoutCloud):
    number, row = 6, "Offline Start: real transactionId unknown"
    outcome = "Local id mapped later in MeterValues/Stop, never -1"
    how = "a session begins while the cloud is away; each number that the cloud then hears must be one that it gave"

    strange: str | None = None

    def cloud_got(self, identity: str, text: str) -> None:
        found = LOCAL_ID.search(text)
        if found is not None and int(found[1]) not in self.world.cloud.record.transactions:
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

    async def end(self) -> None:
        """The driver ends the session: its pair is for the oracle of transactions."""
        await super().end()
        if self.car is not None:
            self.world.stations[self.car.evse.station].configure("TransactionMessageAttempts", "5")
            if self.car.left_s is None:
                self.world.parking.plug_again(self.car)

    def judge(self) -> str | None:
        return None

    def judge_after(self) -> str | None:
        orphans = self.world.cloud.record.orphan_stops
        return f"{orphans} ends came to the cloud without a begin" if orphans and self.is_alone else None


class CardRefusedAfterwards(_WithoutCloud):
    number, row = 12, "Cloud rejects tag after offline start"
    outcome = "Stop or zero per StopTransactionOnInvalidId"
    how = "a session begins without the cloud, which blocks its card meanwhile, and comes back"

    async def begin(self) -> None:
        await super().begin()
        if self.car is not None:
            self.world.cloud.cards.barred.add(self.car.visit.id_tag)
            self._bar(self.car.visit.id_tag)

    async def end(self) -> None:
        if self.car is not None:
            self._bar(self.car.visit.id_tag)  # also who came with it while it was blocked
        await super().end()

    def _bar(self, card: str) -> None:
        for stay in self.world.parking.here.values():
            stay.barred = stay.barred or stay.visit.id_tag == card

    def judge_after(self) -> str | None:
        if self.car is None or not self.is_alone or self.car.ev.draw_a == 0.0:
            return None
        return f"the cloud has refused the card of {self.car.label}, which still draws {self.car.ev.draw_a:.1f} A"

    async def settle(self) -> None:
        await super().settle()
        if self.car is not None:
            self.world.cloud.cards.barred.discard(self.car.visit.id_tag)


class CardBlockedOnSite(Fault):
    number, row = 58, "Card blocked while offline"
    outcome = "Refused at once locally"
    how = "while the cloud is away the card is blocked as `edge token block` does it, and is shown again"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "contactors": NOT_JUDGED}

    async def begin(self) -> None:
        self.car = None
        self.asked: dict[str, float] = {}
        self.let_in: str | None = None
        self.late_s = 0.0
        self.world.frames.ears.append(self)
        await self.world.cloud.leave()
        await asyncio.sleep(NEW_SESSION_S)
        self.car = self.stay()
        if self.car is None:
            return
        folder = self.world.gateway.disk.folder
        self.file = TokenFile(folder)
        card = self.car.visit.id_tag
        self.token = SiteToken(hash=TokenHasher(token_key(folder)).hash(card), hint=hint(card), name="", blocked=True)
        self.file.put([self.token])
        await asyncio.sleep(ENDED_S)
        if self.car.ev.draw_a > 0.0 and self.is_alone:
            self.let_in = f"the card of {self.car.label} is blocked on site, and it still draws"
        self.world.parking.plug_again(self.car)

    def station_said(self, identity: str, text: str) -> None:
        if (
            self.car is not None
            and identity == self.car.evse.station
            and '"Authorize"' in text
            and f'"{self.car.visit.id_tag}"' in text
        ):
            self.asked[str(orjson.loads(text)[1])] = self.world.now()

    def station_got(self, identity: str, text: str) -> None:
        number = text.partition('"')[2].partition('"')[0]
        if not text.startswith("[3,") or self.car is None or number not in self.asked:
            return
        if identity == self.car.evse.station:
            self.late_s = max(self.late_s, self.world.now() - self.asked.pop(number))
            if '"Accepted"' in text:
                self.let_in = f"the card of {self.car.label} is blocked on site, and was accepted"

    def judge(self) -> str | None:
        if self.late_s > AT_ONCE_S and self.is_alone:
            return f"a card that is blocked on site was refused after {self.late_s:.1f} s"
        return self.let_in

    async def end(self) -> None:
        self.world.frames.ears.remove(self)
        await self.world.cloud.come_again()
        if self.car is None:
            return
        self.file.remove(self.token.hash)
        await asyncio.sleep(AT_ONCE_S)  # until the gateway has seen it
        for stay in list(self.world.parking.here.values()):
            if stay.visit.id_tag == self.car.visit.id_tag:  # another session with this card has ended, too
                self.world.parking.plug_again(stay)
