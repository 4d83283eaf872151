"""One station's desk: the station's CALLs come here, and the answers of the cloud. Sans-I/O.

While the cloud answers, the station's CALLs pass; a begin or an end of a transaction is on the disk first. While it
doesn't, the desk answers, keeps, and delivers later. ``now`` is monotonic seconds, ``wall`` our wall clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from edge.domain.journal import Entry, EntryKind, Transaction
from edge.domain.token import Basis
from edge.offline import answers, conduct, cost_messages, delivery
from edge.offline.charges import Reading, read
from edge.offline.cloud_line import CloudLine
from edge.offline.conduct import Conduct, Row
from edge.offline.doorkeeper import JUDGED
from edge.offline.edition import Edition
from edge.offline.ledger import Ledger
from edge.offline.live_call import Live
from edge.offline.message import Request
from edge.offline.orphans import Orphans
from edge.offline.pace import Pace
from edge.offline.station import StationBook
from edge.offline.steps import Step, ToStation
from edge.offline.thinning import Slip
from edge.offline.token_info import ShownToken, token_in
from edge.offline.vigil import Vigil
from edge.units import Seconds

METER_VALUES = "MeterValues"  # of nearly all of them nothing has to be on the disk: those pass, too


class DeskState(StrEnum):
    """Who answers the station."""

    AWAY = "away"  # the desk
    DRAINING = "draining"  # the cloud, and it gets what was kept; new transaction messages queue up behind
    ONLINE = "online"  # the cloud


class Desk:
    """See the module. One for each station, for as long as the program runs."""

    def __init__(self, book: StationBook, pace: Pace) -> None:
        self.book = book
        self._ledger = Ledger(self.book)
        self._orphans = Orphans(self.book, self._ledger)
        self._line = CloudLine(self.book, self._ledger, pace, self._given_up)
        self._vigil = Vigil(self.book)
        self._is_free = False  # the line was seen to be, and nothing has happened since
        self.time_shown: Callable[[datetime], datetime] = lambda wall: wall  # to a station, when our clock says so

    @property
    def state(self) -> DeskState:
        """Who answers the station."""
        if not self._line.asks_cloud or self._line.shut_out:
            return DeskState.AWAY
        return DeskState.DRAINING if self._line.owes else DeskState.ONLINE

    def station_connected(self, edition: Edition) -> list[Step]:
        """The station is there, and speaks this edition."""
        self.book.edition = edition
        self._line.station_connected()
        self._vigil.station_connected()
        return self._done()

    def station_gone(self) -> list[Step]:
        """The station is gone: what it asked is kept, and nobody waits for the answers."""
        self._line.station_gone()
        return self._done()

    def cloud_connected(self, now: Seconds) -> list[Step]:
        """The station's upstream connection is up."""
        self._line.cloud_connected(now)
        return self._done()

    def cloud_lost(self, wall: datetime) -> list[Step]:
        """It is lost, or couldn't be had: who waits for the cloud is answered now."""
        self._line.cloud_lost(wall)
        return self._done()

    def from_station(self, request: Request, now: Seconds, wall: datetime) -> list[Step]:
        """The station makes a CALL."""
        row = self._row(request)
        if row.conduct is Conduct.TRANSACTION:
            self._transaction(request, now, wall)
        elif row.in_turn and self.book.backlog.has_notices:
            self._answer(request, row, wall)
        elif self.state is not DeskState.AWAY or (row.conduct is Conduct.BOOT and self._line.asks_cloud):
            self._line.forward(Live(request=request, since=now), wall)
        elif row.conduct is Conduct.BOOT and self._line.is_coming:
            # A station boots as soon as it is connected, and its cloud, which may put it off, is just being dialled.
            self._line.wait(Live(request=request, since=now), wall)
        elif row.conduct is Conduct.AUTHORIZE and self._is_clouds_to_judge(request, wall):
            self._line.hold(Live(request=request, since=now), wall)
        else:
            self._answer(request, row, wall)
        return self._done()

    def reads(self, request: Request, wall: datetime) -> list[Step]:
        """The station has told meter values that its cloud doesn't get: they are of a session all the same."""
        writes = self._ledger.take_note(request, read(self.book.edition, request), wall)
        if writes:
            self.book.steps.pass_on(writes)
        return self._done()

    def may_pass(self, action: str) -> bool:
        """Whether a CALL of this action may just go to the cloud now: the short way, for most of what stations say."""
        if action in conduct.LEARNED_FROM[self.book.edition] and action != METER_VALUES:
            return False
        self._is_free = self._is_free or self._line.is_free
        return self._is_free

    def passes(self, request: Request, now: Seconds) -> bool:
        """Whether this CALL, whose action may, does so; then it is on the line."""
        if request.action == cost_messages.ACTION and self._row(request).conduct is Conduct.TRANSACTION:
            return False
        if request.action != METER_VALUES:
            return self._line.passes(Live(request=request, since=now, passing=True))
        reading = read(self.book.edition, request)
        if self._line.shut_out or self._line.is_asked(reading) or self._ledger.is_repeated(reading):
            return False
        if not self._line.is_said_alike(reading) or not self._ledger.takes_note_only(request, reading):
            return False
        return self._line.passes(Live(request=request, since=now, reading=reading, passing=True))

    def passed(self, identifier: str) -> bool:
        """Whether the cloud's answer to this CALL just goes to the station."""
        return self._line.passed(identifier, is_free=self._is_free)

    def asks(self, identifier: str) -> bool:
        """Whether the cloud is to be asked this now: nobody has given up waiting for its answer."""
        return self._line.asks(identifier)

    def unsent(self, identifier: str, now: Seconds) -> list[Step]:
        """What :meth:`asks` has denied was never sent: the cloud can't answer it late."""
        self._line.unsent(identifier, now)
        return self._done()

    def from_cloud(
        self,
        identifier: str,
        text: str,
        now: Seconds,
        wall: datetime,
        *,
        answer: Any = None,
        error: tuple[str, str] | None = None,
    ) -> list[Step]:
        """The cloud answers a CALL: with the payload ``answer``, or with the code and the description of ``error``."""
        fields = answer if isinstance(answer, dict) else {}
        self._line.answered(identifier, text, fields, error, now, wall)
        return self._done()

    def fetched(self, entry: Entry | None, now: Seconds) -> list[Step]:
        """What a :class:`edge.offline.steps.Fetch` asked for; None when it is gone."""
        self._line.fetched(entry, now)
        self._line.pump(now)
        return self._done()

    def unfetched(self, *, damaged: bool = False) -> list[Step]:
        """The disk didn't give what a :class:`edge.offline.steps.Fetch` asked for, or never will (``damaged``)."""
        self._line.unfetched(damaged=damaged)
        return self._done()

    @property
    def rests(self) -> bool:
        """Whether :meth:`tick` has nothing to do."""
        return self._line.rests and not self.book.barred

    def tick(self, now: Seconds, wall: datetime) -> list[Step]:
        """To be called once a second, and where a :class:`edge.offline.steps.Resume` says so."""
        self._line.tick(now, wall)
        self._vigil.tick(now)
        return self._done()

    def to_station(self, request: Request) -> str:
        """The text of the cloud's CALL for the station, which may know the transaction by another id."""
        return delivery.to_station(self.book, request.action, request.text, request.fields)

    def sent_again(self, slip: Slip, *, deferred: bool = False) -> None:
        """A message is on the disk to be delivered: where we had set it aside, or deferred it and the disk doesn't say
        so, a person wants it to be tried again."""
        if not deferred and self.book.backlog.is_deferred(slip.seq):
            self.book.backlog.remove(slip.seq)
        if self.book.backlog.get(slip.seq) is None and not self._line.has(slip.seq):
            self.book.backlog.add(slip)
            self._is_free = False

    def erased(self, kept: Transaction) -> None:
        """See :meth:`Vigil.erased`."""
        self._vigil.erased(kept)

    def recheck(self, wall: datetime) -> list[Step]:
        """See :meth:`Vigil.recheck`."""
        self._vigil.recheck(wall)
        return self._done()

    def forget_old(self, wall: datetime) -> list[Step]:
        """To be called once a day: see :meth:`Vigil.forget_old`."""
        self._vigil.forget_old(wall)
        return self._done()

    def _done(self) -> list[Step]:
        """Something has happened: what is to be done now."""
        self._is_free = False
        return self.book.steps.empty()

    def _transaction(self, request: Request, now: Seconds, wall: datetime) -> None:
        reading = read(self.book.edition, request)
        if self._line.asked_again(request, reading):
            return
        if self._ledger.is_unanswered(reading) and self._is_clouds_to_judge(request, wall):
            live = Live(request=request, since=now, reading=reading, begin=self._ledger.pending_begin(reading))
            self._line.hold(live, wall)
            return
        if self._ledger.answer_again(request, reading, wall):
            return
        if not self._is_allowed(request, reading, now):
            return
        if self._orphans.take(request, reading, wall):
            self._line.pump(now)
            return
        is_alone = self._is_alone(reading)
        if is_alone or self.state is not DeskState.ONLINE or self._waits_for_begin(reading):
            if not is_alone and reading.kind is not EntryKind.END and self._is_clouds_to_judge(request, wall):
                self._line.hold(Live(request=request, since=now, reading=reading), wall)
                return
            self._ledger.take(request, reading, wall)
            self._line.pump(now)
            return
        if reading.kind.bounds_transaction:
            taken, writes = self._ledger.take_live(request, reading, wall)
            self._line.forward(Live(request=request, since=now, reading=reading, taken=taken), wall, writes)
        else:
            writes = self._ledger.take_note(request, reading, wall)
            self._line.forward(Live(request=request, since=now, reading=reading), wall, writes)

    def _is_allowed(self, request: Request, reading: Reading, now: Seconds) -> bool:
        """Whether what is never dropped may be one more; else its station isn't answered, and keeps it."""
        bounds = reading.kind.bounds_transaction
        if not (bounds or reading.precious):
            return True
        allowance, size, kept = self.book.allowance, len(request.text), self.book.backlog.kept_characters
        before = allowance.exceeded
        allowed = allowance.takes(size, kept, now) if bounds else allowance.holds(size, kept)
        if allowance.exceeded and not before:
            what = "a station tells more than it can have: no more of its transactions are taken for now"
            self.book.steps.note("error", what, station=self.book.id, kept=kept)
        elif before and not allowance.exceeded:
            self.book.steps.note("info", "the transactions of a station are taken again", station=self.book.id)
        return allowed

    def _is_alone(self, reading: Reading) -> bool:
        """Whether a message is of a transaction that runs, or ran, and of which no cloud is told."""
        record = self.book.charges.get(self._ledger.nameless.named(reading))
        is_new = reading.kind is EntryKind.BEGIN and record is not None and record.ended is not None
        return self.book.is_alone(None if is_new else record)

    def _waits_for_begin(self, reading: Reading) -> bool:
        """Whether the cloud has to be told of the begin first: then the message queues up behind it."""
        if reading.kind is EntryKind.BEGIN and reading.order is None:
            return False
        return self.book.waits_for_begin(self.book.charges.get(self._ledger.nameless.named(reading)))

    def _is_clouds_to_judge(self, request: Request, wall: datetime) -> bool:
        """Whether nobody here knows the token, and the cloud, which may, is about to be asked: a session isn't refused
        for the second in which its cloud is dialled, nor while the cloud is told of others."""
        card = token_in(self.book.edition, request.fields)
        if card is None or not self._line.will_judge:
            return False
        verdict = self.book.tokens.judge(self.book.id, card, wall).verdict
        return verdict.basis is Basis.POLICY and not verdict.accepted

    def _given_up(self, live: Live, wall: datetime) -> Entry | None:
        """The cloud didn't answer: the desk does. The message as it is kept; None where it isn't."""
        request = replace(live.request, asked_again_as=live.reply_id)
        if live.taken is not None:
            return self._ledger.answer_late(live.taken, request, wall)
        if live.reading is not None:
            is_kept = self._ledger.is_unanswered(live.reading)  # it was said before
            if is_kept and self._ledger.answer_again(request, live.reading, wall, held=True):
                return None
            return self._ledger.take(request, live.reading, wall)
        return self._answer(request, self._row(request), wall)

    def _row(self, request: Request) -> Row:
        has_cloud = self.book.settings.has_cloud
        return conduct.row(self.book.edition, request.action, request.fields, has_cloud=has_cloud)

    def _answer(self, request: Request, row: Row, wall: datetime) -> Entry | None:
        """Answer in the cloud's place; the message as it is kept, None where it isn't."""
        steps, edition = self.book.steps, self.book.edition
        match row.conduct:
            case Conduct.BOOT:
                writes = self.book.booted(request.text, owed=True)
                steps.pass_on(writes, _reply(request, answers.boot(self.book.boot, self.time_shown(wall))))
            case Conduct.HEARTBEAT:
                steps.add(_reply(request, answers.heartbeat(self.time_shown(wall))))
            case Conduct.STATUS:
                # Said again after each restart: a station whose states nobody takes is of no use to anyone.
                steps.pass_on(self.book.status_told(request, owed=True), _reply(request, {}))
            case Conduct.AUTHORIZE:
                card = token_in(edition, request.fields) or ShownToken(text="")
                judged = self.book.judge_shown(card, wall)
                steps.add(_reply(request, answers.authorize(edition, judged.verdict, card)))
                steps.note("info", JUDGED, **judged.told(self.book.id))
            case Conduct.NOTICE:
                return self._ledger.take_notice(request, row, wall)
            case _:
                text = answers.fixed(row, request)
                if text is not None:
                    steps.add(ToStation(text))
        return None


def _reply(request: Request, payload: Mapping[str, Any]) -> ToStation:
    return ToStation(answers.frame(request, payload))
