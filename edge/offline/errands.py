"""What the desk itself says to a station's cloud: one thing at a time, whenever the line is free.

A Heartbeat that tries a cloud that was spared, the boot, the states of connectors, what was kept, and questions about
tokens that only the cloud can judge.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from edge.domain.journal import ConnectorStatus, Entry
from edge.offline import delivery
from edge.offline.delivery import NOT_TAKEN_IN, Delivery, Unsendable
from edge.offline.live_answers import LiveAnswers
from edge.offline.live_call import Live
from edge.offline.message import text as text_in
from edge.offline.message import whole
from edge.offline.pace import Pace
from edge.offline.splice import with_id
from edge.offline.station import StationBook
from edge.offline.steps import Fetch, Resume, ToCloud
from edge.units import Seconds

# A boot that the cloud refuses or leaves pending is told again after its interval, or after this; so are a boot and a
# state that it leaves unanswered.
OWED_RETRY_S: Seconds = 60.0
LATE_KEPT = 16  # that the cloud may yet answer; a station has one under way at a time

GivenUp: TypeAlias = Callable[[Live, datetime], Entry | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is on the line, under this id. ``text``: the message as it would go by itself, under its own."""

    id: str
    since: Seconds
    text: str = ""
    entry: Entry | None = None  # from the journal
    fetching: int | None = None  # the text is being read
    boot: bool = False
    status: ConnectorStatus | None = None
    asks: Live | None = None  # what the cloud says of its token; of a late one that is learned and no more


class Errands:
    """See the module. ``given_up`` answers the station in the cloud's place."""

    def __init__(self, book: StationBook, live_answers: LiveAnswers, pace: Pace, given_up: GivenUp) -> None:
        self._book = book
        self._live_answers = live_answers
        self._pace = pace
        self._given_up = given_up
        self._delivery = Delivery(book)
        self._under_way: Errand | None = None
        self._late: OrderedDict[str, Errand] = OrderedDict()  # given up on this connection
        self._boot_retry_at: Seconds | None = None
        self._boot_repeated = False  # on this connection
        self._status_retry_at: Seconds | None = None
        self._slot_at: Seconds | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is on the line."""
        return self._under_way is None

    @property
    def boot_refused(self) -> bool:
        """Whether the cloud has been told of a boot, and doesn't take the station in."""
        return self._book.boot.owed and self._boot_retry_at is not None

    def has(self, identifier: str) -> bool:
        """Whether the CALL of this id is one of them, and on the line."""
        errand = self._under_way
        return errand is not None and errand.fetching is None and errand.id == identifier

    @property
    def asks(self) -> Live | None:
        """The CALL of the station about whose token the cloud is asked now."""
        return self._under_way.asks if self._under_way is not None else None

    def connected(self, now: Seconds) -> None:
        """There is a cloud: it is told of a boot at once."""
        self._boot_retry_at, self._boot_repeated = None, False
        self._book.backlog.connected(now)

    def cleared(self, *, by_cloud: bool) -> Live | None:
        """The connection is gone, by the cloud's doing or with the station: who waited for it."""
        asks, errand, self._under_way = self.asks, self._under_way, None
        if by_cloud and errand is not None and errand.entry is not None:
            self._delivery.broke(errand.entry, errand.since)
        self._slot_at = self._status_retry_at = None
        self._late.clear()
        self._book.backlog.cloud_lost()
        return asks

    def probe(self, now: Seconds) -> None:
        """Try the cloud."""
        self._call("Heartbeat", {}, now)

    def ask_about(self, live: Live) -> None:
        """Ask about the token of a begin, in the place of the station."""
        name = "idToken" if self._book.edition.is_v2 else "idTag"
        self._call("Authorize", {name: live.request.fields[name]}, live.since, live)

    def tell_boot(self, text: str, now: Seconds) -> None:
        """The newest boot, when it is time for it."""
        if self._boot_retry_at is None or now >= self._boot_retry_at:
            self._put_on(Errand(id=_id(text), since=now, boot=True), text)

    def refused(self, code: str) -> None:
        """The cloud has answered something with this error. Where it doesn't know a station any more that it had taken
        in, that is told as booted, once on a connection: a station itself boots when it starts, not when its cloud
        does.
        """
        book = self._book
        was_taken_in = book.boot.status == "Accepted" and book.boot.text is not None and not book.boot.owed
        if not (book.edition.is_v2 and code == NOT_TAKEN_IN and was_taken_in) or self._boot_repeated:
            return
        self._boot_repeated = True
        book.steps.note("warning", "the cloud doesn't know the station any more: it is told its boot again")
        book.steps.pass_on(book.booted(None, owed=True))

    def deliver(self, now: Seconds) -> None:
        """What the cloud hasn't had: a connector's newest state, or the next of the journal in its turn."""
        status = self._book.owed_status
        if status is not None and (self._status_retry_at is None or now >= self._status_retry_at):
            self._put_on(Errand(id=_id(status.text), since=now, status=status), status.text)
            return
        head = self._book.backlog.head(now)
        if head is None:
            return
        if self._slot_at is None:
            self._slot_at = self._pace.slot(now)
            if self._slot_at > now:
                self._book.steps.add(Resume(self._slot_at - now))
        if now >= self._slot_at:
            self._slot_at = None
            self._under_way = Errand(id="", since=now, fetching=head.seq)
            self._book.steps.pass_on((), Fetch(head.seq))  # behind the write that brought it

    def fetched(self, entry: Entry | None, now: Seconds) -> None:
        """The message that is next has been read."""
        errand = self._under_way
        if errand is None or errand.fetching is None:
            return
        self._under_way = None
        if entry is None:
            self._book.backlog.remove(errand.fetching)
        if entry is None or self._book.backlog.get(entry.seq) is None:
            return
        frame = self._delivery.frame(entry)
        if isinstance(frame, Unsendable):
            self._delivery.set_aside(entry, frame.reason)
        else:
            self._put_on(Errand(id=entry.message_id, since=now, entry=entry), frame.text)

    def unfetched(self, *, damaged: bool) -> None:
        """The message that is next could not be read: the next tick asks again, or for the one behind it. A damaged one
        stays on the disk, where the next start sets its file aside."""
        if self._under_way is not None and self._under_way.fetching is not None:
            if damaged:
                self._book.backlog.set_aside(self._under_way.fetching)
            self._under_way = None

    def answered(
        self,
        identifier: str,
        fields: Mapping[str, Any],
        error: tuple[str, str] | None,
        now: Seconds,
        wall: datetime,
    ) -> bool:
        """The cloud has answered a CALL; says whether it was this one."""
        errand = self._under_way
        if errand is None or not self.has(identifier):
            return False
        self._under_way = None
        self._settle(errand, fields, error, now, wall)
        return True

    def overdue(self, deadline: Seconds, now: Seconds, wall: datetime) -> bool:
        """Give up what has been on the line since ``deadline`` or longer; says whether there was such a thing."""
        errand = self._under_way
        if errand is None or errand.fetching is not None or errand.since > deadline:
            return False
        self._under_way = None
        self.remember_late(errand)
        if errand.asks is not None:
            self._given_up(errand.asks, wall)
        elif errand.entry is not None:
            self._delivery.unanswered(errand.entry, now)
        elif errand.boot:
            self._boot_retry_at = now + OWED_RETRY_S
        elif errand.status is not None:
            self._status_retry_at = now + OWED_RETRY_S
        return True

    def answered_late(
        self, identifier: str, fields: Mapping[str, Any], error: tuple[str, str] | None, now: Seconds, wall: datetime
    ) -> None:
        """Too late for the station, not for what is owed: it is the answer, unless there is something newer. What it
        says of a card is for the driver's next try: the cache has the latest word (OCPP 1.6 §3.5.1, 2.x C10.FR.04)."""
        errand = self._late.pop(identifier, None)
        if errand is None:
            return
        if errand.asks is not None:
            self._book.steps.pass_on(self._live_answers.learned(errand.asks.request, fields, wall))
            return
        boot = self._book.boot
        if errand.entry is not None:
            is_open = self._book.backlog.get(errand.entry.seq) is not None
        elif errand.boot:
            is_open = boot.owed and boot.text == errand.text
        else:
            is_open = errand.status is not None
        if is_open:
            self._settle(errand, fields, error, now, wall)

    def owes(self, identifier: str) -> bool:
        """Whether the cloud may yet answer what was given up under this id."""
        return identifier in self._late

    def id_for(self, identifier: str, text: str, entry: Entry | None = None) -> str:
        """The id under which a message of this one goes up: its own, unless the cloud may yet answer another under it.

        ``entry``: the message is that of the journal. What the cloud was asked before in the same words, or for the
        same entry, is the same message: its answer is welcome whenever it comes.
        """
        late = self._late.get(identifier)
        if late is None or late.text == text:
            return identifier
        is_same = entry is not None and late.entry is not None and entry.seq == late.entry.seq
        return identifier if is_same else self._book.numbers.own_id()

    def unsent(self, identifier: str) -> None:
        """What was given up had not been sent: no answer is waited for."""
        errand = self._late.pop(identifier, None)
        if errand is not None and errand.entry is not None:
            self._book.backlog.unsent(errand.entry.seq)

    def remember_late(self, errand: Errand) -> None:
        """Something was given up, and the cloud may yet answer it."""
        self._late[errand.id] = errand
        while len(self._late) > LATE_KEPT:
            self._late.popitem(last=False)

    def _settle(
        self, errand: Errand, fields: Mapping[str, Any], error: tuple[str, str] | None, now: Seconds, wall: datetime
    ) -> None:
        book = self._book
        if errand.asks is not None:
            book.steps.keep(self._live_answers.learned(errand.asks.request, fields, wall))
            self._given_up(errand.asks, wall)
        elif errand.entry is not None and error is not None:
            self._delivery.refused(errand.entry, *error, now)
        elif errand.entry is not None and not delivery.is_taken(errand.entry, fields):
            self._delivery.refused(errand.entry, delivery.NO_NUMBER, "", now)
        elif errand.entry is not None:
            self._delivery.delivered(errand.entry, fields, _payload(errand.entry), wall)
        elif errand.boot:
            status, interval_s = text_in(fields.get("status")), whole(fields.get("interval"))
            book.steps.pass_on(book.boot_answered(status, interval_s), Resume())
            # An interval of 0 leaves the choice to the station (OCPP 1.6 §4.2).
            self._boot_retry_at = now + (interval_s or OWED_RETRY_S) if book.boot.owed else None
        elif errand.status is not None and book.statuses[errand.status.connector] is errand.status:
            self._status_retry_at = None
            book.steps.pass_on(book.status_delivered(errand.status.connector), Resume())

    def _call(self, action: str, payload: Mapping[str, Any], since: Seconds, asks: Live | None = None) -> None:
        identifier = self._book.numbers.own_id()
        text = orjson.dumps([2, identifier, action, payload]).decode()
        self._put_on(Errand(id=identifier, since=since, asks=asks), text)

    def _put_on(self, errand: Errand, text: str) -> None:
        identifier = self.id_for(errand.id, text, errand.entry)
        self._under_way = replace(errand, id=identifier, text=text)
        self._book.steps.add(ToCloud(identifier, text if identifier == errand.id else with_id(text, identifier)))


def _id(text: str) -> str:
    """The message id of a frame of ours or one that was read before."""
    return str(orjson.loads(text)[1])


def _payload(entry: Entry) -> Mapping[str, Any]:
    return delivery.payload_of(orjson.loads(entry.text))
