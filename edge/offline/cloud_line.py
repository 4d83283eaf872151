"""One station's line to its cloud: what is on it, what waits for it, and when it is given up.

The station's own CALLs and the desk's errands take turns; one is outstanding at a time (OCPP 2.x part 4 §4.1.1).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from edge.domain.journal import PUT_OFF, Entry, EntryKind, Write
from edge.offline import delivery
from edge.offline.breaker import Breaker, BreakerState
from edge.offline.charges import Reading, ends_same
from edge.offline.errands import Errand, Errands, GivenUp
from edge.offline.ledger import Ledger
from edge.offline.live_answers import LiveAnswers
from edge.offline.live_call import Live
from edge.offline.message import Request
from edge.offline.pace import Pace
from edge.offline.splice import with_id
from edge.offline.station import StationBook
from edge.offline.steps import ToCloud
from edge.units import Seconds

# A station has one CALL under way at a time; what it sends beyond these isn't held in memory.
LIVES_MOST = 16
WAITING_MOST = 16
_ASKS = "Authorize"


class CloudLine:
    """See the module. ``given_up`` answers the station in the cloud's place."""

    def __init__(self, book: StationBook, ledger: Ledger, pace: Pace, given_up: GivenUp) -> None:
        self._book = book
        self._given_up = given_up
        self._live_answers = LiveAnswers(book, ledger)
        self._errands = Errands(book, self._live_answers, pace, given_up)
        self._breaker = Breaker()
        self._connected = False
        self._lives: dict[str, Live] = {}  # on the line, by the id under which the cloud knows them
        self._waiting: deque[Live] = deque()
        self._unjudged: deque[Live] = deque()  # whose tokens only the cloud can judge
        self._is_coming = False

    @property
    def asks_cloud(self) -> bool:
        """Whether a CALL of the station goes to the cloud now."""
        return self._connected and self._breaker.state is BreakerState.CLOSED

    @property
    def shut_out(self) -> bool:
        """Whether the cloud doesn't take in a station that we have taken in."""
        return self._errands.boot_refused

    @property
    def is_coming(self) -> bool:
        """Whether it is dialled for a station that has just come; once that has failed, it isn't."""
        return self._is_coming

    @property
    def will_judge(self) -> bool:
        """Whether a token can be left to the cloud: it answers, or is dialled for a station that has just come."""
        return self._is_coming or (self.asks_cloud and not self.shut_out)

    @property
    def owes(self) -> bool:
        """Whether there is something that the cloud is to have before what comes now."""
        book = self._book
        return book.backlog.owes or book.boot.owed or book.owed_status is not None

    @property
    def rests(self) -> bool:
        """Whether time has nothing to change: nobody is waited for, and nothing can be put on the line."""
        waited_for = not self._errands.is_idle or self._lives or self._waiting or self._unjudged
        owes = self.owes or len(self._book.backlog)
        return not waited_for and self._breaker.state is BreakerState.CLOSED and not (self._connected and owes)

    @property
    def is_free(self) -> bool:
        """Whether the cloud answers, has had all, and nothing of ours or of the station's waits for it."""
        return self.asks_cloud and self._errands.is_idle and not self._waiting and not self.owes

    def asks(self, identifier: str) -> bool:
        """Whether the message of this id is on the line."""
        return identifier in self._lives or self._errands.has(identifier)

    def has(self, seq: int) -> bool:
        """Whether the message of this number is a live one, that the cloud is asked about now."""
        taken = [live.taken for live in (*self._lives.values(), *self._waiting)]
        return any(each is not None and each.entry.seq == seq for each in taken)

    def station_connected(self) -> None:
        """There is a station, and its cloud, if the site has one, is dialled."""
        self._is_coming = self._book.settings.has_cloud

    def cloud_connected(self, now: Seconds) -> None:
        """There is a cloud."""
        self._connected = True
        self._is_coming = False
        self._breaker.reconnected()
        self._errands.connected(now)
        self.pump(now)

    def cloud_lost(self, wall: datetime) -> None:
        """There is none, or none any more; who waits for it is answered."""
        for live in self._cleared(by_cloud=True):
            self._given_up(live, wall)

    def station_gone(self) -> None:
        """Nobody waits any more; what is in the journal is delivered all the same."""
        for live in self._cleared(by_cloud=False):
            if live.taken is not None:
                self._live_answers.abandoned(live.taken)

    def passes(self, live: Live) -> bool:
        """Whether a CALL of which nothing has to be kept may go on the free line at once: then it is there."""
        identifier = live.request.id
        if len(self._lives) >= LIVES_MOST or identifier in self._lives or self._errands.owes(identifier):
            return False
        self._lives[identifier] = live
        return True

    def passed(self, identifier: str, *, is_free: bool) -> bool:
        """Whether the cloud has answered such a one, and nothing follows from that. ``is_free``: the line is known to
        be."""
        live = self._lives.get(identifier)
        if live is None or not live.passing or live.reply_id is not None:
            return False
        if not is_free and (self._waiting or self.owes):
            return False
        del self._lives[identifier]
        self._book.came_as.note(identifier, identifier)
        self._breaker.answered()
        return True

    def forward(self, live: Live, wall: datetime, writes: Sequence[Write] = ()) -> None:
        """Pass a CALL of the station on when ``writes`` are kept; now, or when the line is free. A station that doesn't
        wait for its answers is answered here."""
        if self._errands.is_idle and not self._waiting and len(self._lives) < LIVES_MOST:
            self._send(live, writes)
            return
        self._book.steps.keep(writes)
        self.wait(live, wall)

    def wait(self, live: Live, wall: datetime) -> None:
        """Keep a CALL that is the cloud's to answer until it is there, or has had its time for it."""
        if len(self._waiting) < WAITING_MOST:
            self._waiting.append(live)
        else:
            self._given_up(live, wall)

    def hold(self, live: Live, wall: datetime) -> None:
        """Keep a CALL whose token only the cloud can judge until it has, or has had its time for it. A begin stays the
        desk's: it is answered by what the cloud says of its token, and delivered in its turn. Of one that was said
        before, and is the next to be delivered, that says it: a cloud may have had it, and know the card as charging.
        """
        if len(self._unjudged) < WAITING_MOST:
            self._unjudged.append(live)
            self.pump(live.since)
        else:
            self._given_up(live, wall)

    def asked_again(self, request: Request, reading: Reading) -> bool:
        """Whether this is under way already: then the answer goes to the newer CALL."""
        live = self._under_way(reading)
        if live is not None:
            live.reply_id = request.id
        return live is not None

    def is_asked(self, reading: Reading) -> bool:
        """Whether this is under way already."""
        return self._under_way(reading) is not None

    def _under_way(self, reading: Reading) -> Live | None:
        for live in (*self._lives.values(), *self._waiting, *self._unjudged, self._errands.asks):
            asked = live.reading if live is not None else None
            if asked is not None and (asked.told == reading.told or ends_same(asked, reading)):
                return live
        return None

    def is_said_alike(self, reading: Reading) -> bool:
        """Whether the cloud knows the message's transaction by the id that is in it."""
        record = self._book.charges.get(self._book.charges.sampled(reading))
        if record is None or record.alone or self._book.waits_for_begin(record):
            return record is None
        return record.cloud_id is None or str(record.cloud_id) == reading.key

    def answered(
        self,
        identifier: str,
        text: str,
        fields: Mapping[str, Any],
        error: tuple[str, str] | None,
        now: Seconds,
        wall: datetime,
    ) -> None:
        """The cloud has answered the CALL of this id."""
        self._breaker.answered()
        if (live := self._lives.pop(identifier, None)) is not None:
            self._book.came_as.note(live.answer_id, identifier)
            if not self._live_answers.is_clouds_failure(live, fields, error, wall):
                self._live_answers.answered(live, text=text, fields=fields, error=error, wall=wall)
            elif (kept := self._given_up(live, wall)) is not None:
                self._book.backlog.put_off(kept.seq, now)
        elif not self._errands.answered(identifier, fields, error, now, wall):
            self._errands.answered_late(identifier, fields, error, now, wall)
        if error is not None:
            self._errands.refused(error[0])
        for live in [each for each in self._unjudged if self._is_delivered(each)]:
            self._unjudged.remove(live)
            self._given_up(live, wall)
        self.pump(now)

    def unsent(self, identifier: str, now: Seconds) -> None:
        """The message of this id was given up before it was sent."""
        self._errands.unsent(identifier)
        self.pump(now)

    def fetched(self, entry: Entry | None, now: Seconds) -> None:
        """The message that is next has been read."""
        self._errands.fetched(entry, now)

    def unfetched(self, *, damaged: bool) -> None:
        """See :meth:`Errands.unfetched`."""
        self._errands.unfetched(damaged=damaged)

    def tick(self, now: Seconds, wall: datetime) -> None:
        """Give up what stays unanswered; go on."""
        self._breaker.tick(now)
        deadline = now - self._book.settings.answer_timeout_s
        for identifier, live in list(self._lives.items()):
            if live.since <= deadline:
                del self._lives[identifier]
                self._breaker.timed_out(now)
                self._is_late(identifier, live, self._given_up(live, wall), now)
        if self._errands.overdue(deadline, now, wall):
            self._breaker.timed_out(now)
        while self._waiting and (self._waiting[0].since <= deadline or not (self.asks_cloud or self._is_coming)):
            self._given_up(self._waiting.popleft(), wall)
        while self._unjudged and (self._unjudged[0].since <= deadline or not self.will_judge):
            self._given_up(self._unjudged.popleft(), wall)
        self.pump(now)

    def pump(self, now: Seconds) -> None:
        """Put on the line what is next, if it is free: the station's own, then boot, states, and what was kept."""
        if not self._connected or not self._errands.is_idle or self._lives:
            return
        book = self._book
        if self._waiting and self.asks_cloud:
            self._send(self._waiting.popleft())
        elif self._breaker.state is BreakerState.PROBING:
            self._errands.probe(now)
        elif not self.asks_cloud:
            return
        elif book.boot.owed and book.boot.text is not None:
            self._errands.tell_boot(book.boot.text, now)
        elif book.boot.status in PUT_OFF:
            return  # the cloud listens to nothing else yet (OCPP 1.6 §4.2, 2.x B02, B03)
        elif self._unjudged and not self._is_next(self._unjudged[0], now):
            self._ask_about(self._unjudged.popleft())
        else:
            self._errands.deliver(now)

    def _is_next(self, live: Live, now: Seconds) -> bool:
        """Whether what it says again is the next to be delivered."""
        head = self._book.backlog.head(now) if live.begin is not None else None
        return head is not None and head.seq == live.begin

    def _is_delivered(self, live: Live) -> bool:
        """Whether the cloud has had what it says again."""
        return live.begin is not None and self._book.backlog.get(live.begin) is None

    def _ask_about(self, live: Live) -> None:
        """An Authorize of the station goes as it is; about the token of a begin we ask in its place."""
        if live.reading is None:
            self._send(live)
        else:
            self._errands.ask_about(live)

    def _send(self, live: Live, writes: Sequence[Write] = ()) -> None:
        self._give_up_for(live)
        text, reading = live.request.text, live.reading
        if reading is not None and reading.kind is not EntryKind.BEGIN:
            of_sample = self._book.charges.sampled(reading)
            transaction = live.taken.entry.transaction if live.taken is not None else of_sample
            text = delivery.to_cloud(self._book, live.request, transaction, reading.key)
        identifier = self._errands.id_for(live.request.id, live.request.text)
        if identifier != live.request.id:
            text = with_id(text, identifier)
            live.reply_id = live.answer_id
        self._lives[identifier] = live
        # Behind whatever was to be kept before, its own writes included.
        self._book.steps.pass_on(writes, ToCloud(identifier, text))

    def _give_up_for(self, live: Live) -> None:
        """The station uses an id again that the cloud owes an answer to: the older CALL it has given up."""
        before = self._lives.get(live.request.id)
        if before is not None and before.request.text != live.request.text:
            del self._lives[live.request.id]
            if before.taken is not None:
                self._live_answers.abandoned(before.taken)
            self._is_late(live.request.id, before, before.taken.entry if before.taken else None, live.since)

    def _is_late(self, identifier: str, live: Live, kept: Entry | None, now: Seconds) -> None:
        """A CALL was given up, and is kept, or not. The cloud may yet answer it."""
        if kept is not None:
            self._book.backlog.timed_out(kept.seq, now)
        asks = live if kept is None and live.request.action == _ASKS else None
        errand = Errand(id=identifier, since=live.since, text=live.request.text, entry=kept, asks=asks)
        self._errands.remember_late(errand)

    def _cleared(self, *, by_cloud: bool) -> list[Live]:
        """The connection is gone: the station's CALLs that waited for it."""
        self._connected = self._is_coming = False
        asks = self._errands.cleared(by_cloud=by_cloud)
        asked = [asks] if asks is not None else []
        lives = [*self._lives.values(), *self._waiting, *asked, *self._unjudged]
        self._lives.clear()
        self._waiting.clear()
        self._unjudged.clear()
        return lives
