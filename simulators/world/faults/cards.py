"""Rows 12 and 58: cards that are refused, by the cloud afterwards or on site at once."""

import asyncio
import contextlib
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final

import orjson

from edge.domain.token import SiteToken
from edge.errors import StorageFailed
from edge.offline.hashing import TokenHasher, hint
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile
from simulators.world.cloud import LEAVER
from simulators.world.drivers import BLOCKED_TAG
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.faults.books import NEW_SESSION_S, WithoutCloud

ENDED_S: Final = 30.0  # a session that is refused afterwards: asked to end at once, and so is its station
AT_ONCE_S: Final = 1.0
STRANGER: Final = "STRANGER-1"  # of whom neither the cloud nor the site has heard


class CardRefusedAfterwards(WithoutCloud):
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
    how = "while the cloud is away the card is blocked as `edge token block` does it, and is shown again, as are others"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED, "contactors": NOT_JUDGED}

    async def begin(self) -> None:
        self.car = None
        self.asked: dict[str, float] = {}
        self.let_in: str | None = None
        self.late_s = 0.0
        self.blocked_s = math.inf  # from when on the gateway has to know of it
        self.shown: dict[str, str] = {}  # the card of each question that nobody may be let in by
        self.world.frames.ears.append(self)
        self.car = self.stay()
        self.world.cloud.cards.ends[LEAVER] = self.world.wall() + timedelta(seconds=NEW_SESSION_S)
        self._show("there", BLOCKED_TAG, LEAVER)
        self.shown.clear()  # the cloud may say of them what it likes
        await asyncio.sleep(AT_ONCE_S)
        await self.world.cloud.leave()
        await asyncio.sleep(NEW_SESSION_S)
        if self.car is None or self.car.left_s is not None:
            self.car = None
            return
        folder = self.world.gateway.disk.folder
        self.file = TokenFile(folder)
        card = self.car.visit.id_tag
        self.token = SiteToken(hash=TokenHasher(token_key(folder)).hash(card), hint=hint(card), name="", blocked=True)
        try:
            self.file.put([self.token])
        except StorageFailed:
            self.car = None  # nobody can block a card in a file that is destroyed
            return
        self.blocked_s = self.world.now() + AT_ONCE_S
        self._show("away", STRANGER, BLOCKED_TAG, LEAVER)
        await asyncio.sleep(ENDED_S)
        if self.car.ev.draw_a > 0.0 and self.is_alone:
            self.let_in = f"the card of {self.car.label} is blocked on site, and it still draws"
        self.world.parking.plug_again(self.car)

    def _blocks_twice(self) -> bool:
        """Whether another one of these has the same card blocked, and looks for what comes of that."""
        if self.car is None:
            return False
        card = self.car.visit.id_tag
        others = (each for each in self.world.faults if isinstance(each, CardBlockedOnSite) and each is not self)
        return any(each.is_under_way and each.car is not None and each.car.visit.id_tag == card for each in others)

    def _show(self, when: str, *cards: str) -> None:
        """These cards are shown at the car's post, where the gateway refuses cards that nobody knows."""
        offline = self.world.configuration.offline
        if self.car is None or offline.unknown_tokens != "refuse":
            return
        for number, card in enumerate(cards):
            question = f"card-{when}-{number}-{self.spec.at_s:g}"
            self.shown[question] = card
            self.world.stations[self.car.evse.station].say(f'[2,"{question}","Authorize",{{"idTag":"{card}"}}]')

    def station_said(self, identity: str, text: str) -> None:
        if (
            self.car is not None
            and identity == self.car.evse.station
            and self.world.now() >= self.blocked_s
            and '"Authorize"' in text
            and f'"{self.car.visit.id_tag}"' in text
        ):
            self.asked[str(orjson.loads(text)[1])] = self.world.now()

    def station_got(self, identity: str, text: str) -> None:
        number = text.partition('"')[2].partition('"')[0]
        if number in self.shown and '"Accepted"' in text and self.is_alone:
            self.let_in = f"the card {self.shown[number]} was accepted at {identity}, which nobody may charge by"
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
        await self.world.cloud.come_again()
        if self.car is None:
            self.world.frames.ears.remove(self)
            return
        await asyncio.sleep(NEW_SESSION_S)
        self._show("again", self.car.visit.id_tag)  # the cloud accepts it, and the site doesn't
        await asyncio.sleep(AT_ONCE_S)
        self.failure = self.failure or self.let_in
        self.world.frames.ears.remove(self)
        if not self._blocks_twice():  # else who is still about takes it out
            with contextlib.suppress(StorageFailed):  # what was in a file that is destroyed is gone with it
                self.file.remove(self.token.hash)
        await asyncio.sleep(AT_ONCE_S)  # until the gateway has seen it
        for stay in list(self.world.parking.here.values()):
            if stay.visit.id_tag == self.car.visit.id_tag:  # another session with this card has ended, too
                self.world.parking.plug_again(stay)
