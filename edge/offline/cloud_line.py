"""One station's line to its cloud: what is on it, what waits for it, and when it is given up.

The station's own CALLs and what was kept take turns; one is outstanding at a time (OCPP 2.x part 4 §4.1.1).
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from edge.domain.journal import Entry, EntryKind, Write
from edge.offline import delivery
from edge.offline.breaker import Breaker, BreakerState
from edge.offline.charges import Reading
from edge.offline.delivery import Delivery, Unsendable
from edge.offline.ledger import Ledger
from edge.offline.line_items import Live, Ours
from edge.offline.live_answers import LiveAnswers
from edge.offline.message import Request, whole
from edge.offline.message import text as text_in
from edge.offline.pace import Pace
from edge.offline.station import StationBook
from edge.offline.steps import Fetch, Resume, ToCloud
from edge.units import Seconds

# A boot that the cloud refuses or leaves pending is told again after its interval, or after this.
BOOT_RETRY_S: Seconds = 60.0
LATE_KEPT = 16  # messages that the cloud may yet answer; a station has one under way at a time
# A station has one CALL under way at a time; what it sends beyond these isn't held in memory.
LIVES_MOST = 16
WAITING_MOST = 16

GivenUp: TypeAlias = Callable[[Live, datetime], Entry | None]


class CloudLine:
    """See the module. ``given_up`` answers the station in the cloud's place."""

    def __init__(self, book: StationBook, ledger: Ledger, pace: Pace, given_up: GivenUp) -> None:
        self._book = book
        self._pace = pace
        self._given_up = given_up
        self._delivery = Delivery(book)
        self._live_answers = LiveAnswers(book, ledger)
        self._breaker = Breaker()
        self._connected = False
        self._ours: Ours | None = None
        self._lives: dict[str, Live] = {}  # on the line, by the id under which the cloud knows them
        self._waiting: deque[Live] = deque()
        self._unjudged: deque[Live] = deque()  # whose tokens only the cloud can judge
        self._is_coming = False
        self._late: OrderedDict[str, Entry] = OrderedDict()  # given up on this connection, and kept
        self._boot_retry_at: Seconds | None = None
        self._slot_at: Seconds | None = None
        self._own_calls = 0

    @property
    def asks_cloud(self) -> bool:
        """Whether a CALL of the station goes to the cloud now."""
        return self._connected and self._breaker.state is BreakerState.CLOSED

    @property
    def shut_out(self) -> bool:
        """Whether the cloud doesn't take in a station that we have taken in."""
        return self._book.boot.owed and self._boot_retry_at is not None

    @property
    def will_judge(self) -> bool:
        """Whether a token can be left to the cloud: it answers, or is dialled for a station that has just come."""
        return self._is_coming or (self.asks_cloud and not self.shut_out)

    @property
    def owes(self) -> bool:
        """Whether there is something that the cloud hasn't had."""
        book = self._book
        return bool(len(book.backlog) or book.boot.owed or book.owed_status is not None)

    @property
    def rests(self) -> bool:
        """Whether time has nothing to change: nobody is waited for, and nothing can be put on the line."""
        waited_for = self._ours is not None or self._lives or self._waiting or self._unjudged
        return not waited_for and self._breaker.state is BreakerState.CLOSED and not (self._connected and self.owes)

    @property
    def is_free(self) -> bool:
        """Whether the cloud answers, has had all, and nothing of ours or of the station's waits for it."""
        return self.asks_cloud and self._ours is None and not self._waiting and not self.owes

    def asks(self, identifier: str) -> bool:
        """Whether the message of this id is on the line."""
        return identifier in self._lives or (self._ours is not None and self._ours.id == identifier)

    def has(self, seq: int) -> bool:
        """Whether the message of this number is a live one, that the cloud is asked about now."""
        taken = [live.taken for live in (*self._lives.values(), *self._waiting)]
        return any(each is not None and each.entry.seq == seq for each in taken)

    def station_connected(self) -> None:
        """There is a station, and its cloud is dialled."""
        self._is_coming = True

    def cloud_connected(self, now: Seconds) -> None:
        """There is a cloud."""
        self._connected = True
        self._is_coming = False
        self._breaker.reconnected()
        self._boot_retry_at = None
        self.pump(now)

    def cloud_lost(self, wall: datetime) -> None:
        """There is none, or none any more; who waits for it is answered."""
        for live in self._cleared():
            self._given_up(live, wall)

    def station_gone(self) -> None:
        """Nobody waits any more; what is in the journal is delivered all the same."""
        for live in self._cleared():
            if live.taken is not None:
                self._live_answers.abandoned(live.taken)

    def passes(self, live: Live) -> bool:
        """Whether a CALL from which nothing is learned may go on the free line at once: then it is there."""
        if len(self._lives) >= LIVES_MOST or live.request.id in self._lives:
            return False
        self._lives[live.request.id] = live
        return True

    def passed(self, identifier: str) -> bool:
        """Whether the cloud has answered such a one, and nothing follows from that."""
        live = self._lives.get(identifier)
        if live is None or not live.passing or self._waiting or self.owes:
            return False
        del self._lives[identifier]
        self._breaker.answered()
        return True

    def forward(self, live: Live, wall: datetime, writes: Sequence[Write] = ()) -> None:
        """Pass a CALL of the station on when ``writes`` are kept; now, or when the line is free.

        A station that doesn't wait for its answers is answered here.
        """
        if self._ours is None and not self._waiting and len(self._lives) < LIVES_MOST:
            self._send(live, writes)
            return
        self._book.steps.keep(writes)
        if len(self._waiting) < WAITING_MOST:
            self._waiting.append(live)
        else:
            self._given_up(live, wall)

    def hold(self, live: Live, wall: datetime) -> None:
        """Keep a CALL whose token only the cloud can judge until it has, or has had its time for it.

        A begin stays the desk's: it is answered by what the cloud says of its token, and delivered in its turn.
        """
        if len(self._unjudged) < WAITING_MOST:
            self._unjudged.append(live)
            self.pump(live.since)
        else:
            self._given_up(live, wall)

    def asked_again(self, request: Request, reading: Reading) -> bool:
        """Whether this is under way already: then the answer goes to the newer CALL."""
        asked = [self._ours.asks] if self._ours is not None and self._ours.asks is not None else []
        for live in [*self._lives.values(), *self._waiting, *self._unjudged, *asked]:
            if live.reading is not None and live.reading.mark == reading.mark:
                live.reply_id = request.id
                return True
        return False

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
        if self._ours is not None and self._ours.id == identifier:
            ours, self._ours = self._ours, None
            self._ours_answered(ours, fields, error, now, wall)
        elif (live := self._lives.pop(identifier, None)) is not None:
            self._live_answers.answered(
                live.request, live.reading, live.taken, live.reply_id, text=text, fields=fields, error=error, wall=wall
            )
        elif error is None:
            self._answered_late(self._late.pop(identifier, None), fields, wall)
        self.pump(now)

    def fetched(self, entry: Entry | None, now: Seconds) -> None:
        """The message that is next has been read."""
        ours, self._ours = self._ours, None
        if ours is None or ours.fetching is None:
            self._ours = ours
            return
        if entry is None:
            self._book.backlog.remove(ours.fetching)
        if entry is None or self._book.backlog.get(entry.seq) is None:
            return
        frame = self._delivery.frame(entry)
        if isinstance(frame, Unsendable):
            self._delivery.set_aside(entry, frame.reason)
        else:
            self._put_on(Ours(id=entry.message_id, since=now, entry=entry), frame.text)

    def unfetched(self, *, damaged: bool) -> None:
        """The message that is next could not be read: the next tick asks again, or for the one behind it. A damaged one
        stays on the disk, where the next start sets its file aside."""
        if self._ours is not None and self._ours.fetching is not None:
            if damaged:
                self._book.backlog.set_aside(self._ours.fetching)
            self._ours = None

    def tick(self, now: Seconds, wall: datetime) -> None:
        """Give up what stays unanswered; go on."""
        self._breaker.tick(now)
        deadline = now - self._book.settings.answer_timeout_s
        for identifier, live in list(self._lives.items()):
            if live.since <= deadline:
                del self._lives[identifier]
                self._breaker.timed_out(now)
                self._remember_late(identifier, self._given_up(live, wall))
        if self._ours is not None and self._ours.fetching is None and self._ours.since <= deadline:
            self._ours_unanswered(self._ours, now, wall)
        while self._waiting and (self._waiting[0].since <= deadline or not self.asks_cloud):
            self._given_up(self._waiting.popleft(), wall)
        while self._unjudged and (self._unjudged[0].since <= deadline or not self.will_judge):
            self._given_up(self._unjudged.popleft(), wall)
        self.pump(now)

    def pump(self, now: Seconds) -> None:
        """Put on the line what is next, if it is free: the station's own, then boot, states, and what was kept."""
        if not self._connected or self._ours is not None or self._lives:
            return
        book = self._book
        if self._waiting and self.asks_cloud:
            self._send(self._waiting.popleft())
        elif self._breaker.state is BreakerState.PROBING:
            self._call_ourselves("Heartbeat", {}, now)
        elif not self.asks_cloud:
            return
        elif book.boot.owed and book.boot.text is not None:
            self._tell_boot(book.boot.text, now)
        elif book.boot.status in ("Pending", "Rejected"):
            return  # the cloud listens to nothing else yet (OCPP 1.6 §4.2, 2.x B02, B03)
        elif self._unjudged:
            self._ask_about(self._unjudged.popleft())
        elif (status := book.owed_status) is not None:
            self._put_on(Ours(id=_id(status.text), since=now, status=status), status.text)
        else:
            self._fetch_next(now)

    def _call_ourselves(
        self, action: str, payload: Mapping[str, Any], since: Seconds, asks: Live | None = None
    ) -> None:
        self._own_calls += 1
        identifier = f"edge-own-{self._own_calls}"
        text = orjson.dumps([2, identifier, action, payload]).decode()
        self._put_on(Ours(id=identifier, since=since, asks=asks), text)

    def _ask_about(self, live: Live) -> None:
        """An Authorize of the station goes as it is; about the token of a begin we ask in its place."""
        if live.reading is None:
            self._send(live)
        else:
            name = "idToken" if self._book.edition.is_v2 else "idTag"
            self._call_ourselves("Authorize", {name: live.request.fields[name]}, live.since, live)

    def _tell_boot(self, text: str, now: Seconds) -> None:
        if self._boot_retry_at is None or now >= self._boot_retry_at:
            self._put_on(Ours(id=_id(text), since=now, boot=True), text)

    def _fetch_next(self, now: Seconds) -> None:
        head = self._book.backlog.head(now)
        if head is None:
            return
        if self._slot_at is None:
            self._slot_at = self._pace.slot(now)
            if self._slot_at > now:
                self._book.steps.add(Resume(self._slot_at - now))
        if now >= self._slot_at:
            self._slot_at = None
            self._ours = Ours(id="", since=now, fetching=head.seq)
            self._book.steps.keep((), Fetch(head.seq))  # behind the write that brought it

    def _send(self, live: Live, writes: Sequence[Write] = ()) -> None:
        before = self._lives.get(live.request.id)
        if before is not None and before.taken is not None:  # the station gives two messages one id
            self._live_answers.abandoned(before.taken)
        self._lives[live.request.id] = live
        transaction = live.taken.entry.transaction if live.taken is not None else _key(live.reading)
        text = live.request.text
        if live.reading is not None and live.reading.kind is not EntryKind.BEGIN:
            text = delivery.to_cloud(self._book, text, transaction, _key(live.reading))
        # Behind whatever was to be kept before, its own writes included.
        self._book.steps.keep(writes, ToCloud(live.request.id, text))

    def _put_on(self, ours: Ours, text: str) -> None:
        self._ours = ours
        self._book.steps.add(ToCloud(ours.id, text))

    def _ours_answered(
        self,
        ours: Ours,
        fields: Mapping[str, Any],
        error: tuple[str, str] | None,
        now: Seconds,
        wall: datetime,
    ) -> None:
        book = self._book
        if ours.asks is not None:
            book.steps.keep(self._live_answers.learned(ours.asks.request, fields, wall))
            self._given_up(ours.asks, wall)
        elif ours.entry is not None and error is not None:
            self._delivery.refused(ours.entry, *error, now)
        elif ours.entry is not None and not delivery.is_taken(ours.entry, fields):
            self._delivery.refused(ours.entry, "without a transactionId", "", now)
        elif ours.entry is not None:
            self._delivery.delivered(ours.entry, fields, _payload(ours.entry), wall)
        elif ours.boot:
            status, interval_s = text_in(fields.get("status")), whole(fields.get("interval"))
            book.steps.keep(book.boot_answered(status, interval_s), Resume())
            # An interval of 0 leaves the choice to the station (OCPP 1.6 §4.2).
            self._boot_retry_at = now + (interval_s or BOOT_RETRY_S) if book.boot.owed else None
        elif ours.status is not None and book.statuses[ours.status.connector] is ours.status:
            book.steps.keep(book.status_delivered(ours.status.connector), Resume())

    def _ours_unanswered(self, ours: Ours, now: Seconds, wall: datetime) -> None:
        self._ours = None
        self._breaker.timed_out(now)
        if ours.asks is not None:
            self._given_up(ours.asks, wall)
        elif ours.entry is not None:
            self._remember_late(ours.id, ours.entry)
            self._delivery.unanswered(ours.entry, now)
        elif ours.boot:
            self._boot_retry_at = now + BOOT_RETRY_S

    def _answered_late(self, entry: Entry | None, fields: Mapping[str, Any], wall: datetime) -> None:
        """Too late for the station, not for the journal."""
        known = entry is not None and self._book.backlog.get(entry.seq) is not None
        if entry is not None and known and delivery.is_taken(entry, fields):
            self._delivery.delivered(entry, fields, _payload(entry), wall)

    def _remember_late(self, identifier: str, entry: Entry | None) -> None:
        if entry is not None:
            self._late[identifier] = entry
            while len(self._late) > LATE_KEPT:
                self._late.popitem(last=False)

    def _cleared(self) -> list[Live]:
        """The connection is gone: the station's CALLs that waited for it."""
        self._connected = self._is_coming = False
        ours, self._ours = self._ours, None
        self._slot_at = None
        self._late.clear()
        self._book.backlog.cloud_lost()
        asked = [ours.asks] if ours is not None and ours.asks is not None else []
        lives = [*self._lives.values(), *self._waiting, *asked, *self._unjudged]
        self._lives.clear()
        self._waiting.clear()
        self._unjudged.clear()
        return lives


def _key(reading: Reading | None) -> str | None:
    return reading.key if reading is not None else None


def _id(text: str) -> str:
    """The message id of a frame of ours or one that was read before."""
    return str(orjson.loads(text)[1])


def _payload(entry: Entry) -> Mapping[str, Any]:
    return delivery.payload_of(orjson.loads(entry.text))
