"""Taking a station's transaction messages into the journal, and answering them there.

Every answer goes out after its message is on the disk (``Keep``). A message that has been here before is known by its
content, answered again and not kept again.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from edge.domain.journal import (
    DropEntry,
    DropTransaction,
    Entry,
    EntryKind,
    EntryState,
    PutEntry,
    PutTransaction,
    Transaction,
    Write,
)
from edge.offline import answers, cost_messages
from edge.offline.charges import Reading, has_seen, has_told_end, is_counted_only, is_over, opened_gaps, read
from edge.offline.conduct import Row
from edge.offline.doorkeeper import Doorkeeper
from edge.offline.edition import Edition
from edge.offline.message import Request, result
from edge.offline.nameless import Nameless
from edge.offline.splice import with_number
from edge.offline.station import StationBook
from edge.offline.steps import Immediate, ToStation

# 1.6 MeterValues that are known when they come again. Not through a restart: then one may reach the cloud twice, as a
# sample of the same instant.
SAMPLES_KNOWN = 32
OTHERWISE = "an end that was told before is told otherwise: it is answered"
REPEATED = "a repeated message is answered again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message in the journal that the cloud is asked about now: the station hears the cloud's answer.

    ``before``: the transaction as it was, in case the cloud refuses the message and it stays the station's.
    """

    entry: Entry
    reading: Reading
    before: Transaction | None


class Ledger:
    """The transaction messages of one station."""

    def __init__(self, book: StationBook) -> None:
        self._book = book
        self.nameless = Nameless(book)
        self.doorkeeper = Doorkeeper(book)
        self._samples: deque[str] = deque(maxlen=SAMPLES_KNOWN)

    def is_repeated(self, reading: Reading) -> bool:
        """Whether the message has been here before: :meth:`answer_again` answers it."""
        return self._is_sampled(reading) or self._known(reading) is not None

    def _is_sampled(self, reading: Reading) -> bool:
        return bool(self._samples) and reading.mark in self._samples

    def answer_again(self, request: Request, reading: Reading, wall: datetime, *, held: bool = False) -> bool:
        """Answer a message that is a repetition; says whether it was one. ``held``: it has waited for the cloud."""
        if self._is_sampled(reading):
            answer = self._answer(request, None, wall)
            self._book.steps.keep((), ToStation(result(request.answer_id, answer)))  # behind the first one's writes
            return True
        known = self._known(reading)
        if known is None:
            return False
        self._book.charges.heard(reading)
        payload = self._answer(request, known, wall)
        # Whoever went before the first one was answered hears only now who was let in, and so does the control.
        # An event of 2.x that the cloud has had was answered by that, as far as is known.
        is_open = held or reading.order is None or self.pending_begin(reading) is not None
        is_news = is_open and self.is_unanswered(reading)
        then, writes = self.doorkeeper.told_of(request, reading, known, wall) if is_news else ([], [])
        known = self._book.charges.put(replace(known, answer=known.answer or _remembered(reading, payload)))
        # Written again: the first writing may be what went wrong.
        keep = self._book.steps.pass_on if self._book.is_clouds(known) else self._book.steps.keep
        keep(
            [PutTransaction(transaction=known), *writes],
            ToStation(result(request.answer_id, payload)),
            *then,
        )
        otherwise = reading.kind is EntryKind.END and known.ended != reading.mark
        self._book.steps.note("info", OTHERWISE if otherwise else REPEATED, transaction=known.key)
        return True

    def is_unanswered(self, reading: Reading) -> bool:
        """Whether it is a begin that has been here before, of which no answer is kept: never of an event of 2.x."""
        known = self._known(reading) if reading.kind is EntryKind.BEGIN else None
        return known is not None and known.answer is None and known.ended is None and not known.alone

    def pending_begin(self, reading: Reading) -> int | None:
        """The number of the begin that has been here before, and that the cloud is yet to be told."""
        known = self._known(reading) if reading.kind is EntryKind.BEGIN else None
        slips = [self._book.backlog.get(seq) for seq in self._book.backlog.of(known.key)] if known is not None else []
        return next((slip.seq for slip in slips if slip is not None and slip.kind is EntryKind.BEGIN), None)

    def take(self, request: Request, reading: Reading, wall: datetime) -> Entry:
        """Keep a message for later and answer it."""
        reading = self.nameless.resolved(request, reading)
        if reading.kind is EntryKind.METER and reading.order is None:
            self._samples.append(reading.mark)
        entry = self._book.new_entry(request, reading.kind, wall, answered=True, reading=reading)
        entry, writes = self._account(entry, request, reading, wall)
        self._answer_kept(entry, request, reading, wall, writes)
        return entry

    def take_live(self, request: Request, reading: Reading, wall: datetime) -> tuple[Taken, list[Write]]:
        """Keep a begin or an end that goes to the cloud now."""
        reading = self.nameless.resolved(request, reading)
        before = self._book.charges.get(reading.key)
        entry = self._book.new_entry(request, reading.kind, wall, answered=False, reading=reading)
        entry, writes = self._account(entry, request, reading, wall)
        return Taken(entry=entry, reading=reading, before=before), [PutEntry(entry=entry), *writes]

    def answer_late(self, taken: Taken, request: Request, wall: datetime) -> Entry:
        """The cloud didn't answer in time what :meth:`take_live` kept: answer in its place."""
        entry = replace(taken.entry, answered=True)
        self._answer_kept(entry, request, taken.reading, wall, [])
        return entry

    def keep_begin(self, begin: Request, wall: datetime) -> str:
        """Keep a StartTransaction that no station waits for; the id that its transaction gets."""
        entry = self._book.new_entry(begin, EntryKind.BEGIN, wall, answered=True)
        entry, writes = self._account(entry, begin, read(Edition.V16, begin), wall)
        self._book.steps.keep([*self._book.queue(entry, precious=False), *writes])
        return str(entry.transaction)

    def set_aside(self, request: Request, reading: Reading, reason: str, wall: datetime) -> None:
        """Answer a message that isn't for the cloud, and keep it for a person to see, where there is one."""
        entry = self._book.new_entry(request, reading.kind, wall, answered=True)
        entry = replace(entry, state=EntryState.SET_ASIDE, reason=reason)
        self._samples.append(reading.mark)
        kept = [PutEntry(entry=entry)] if self._book.settings.has_cloud else []
        if kept:
            self._book.backlog.set_aside(entry.seq, len(entry.text))
        event = "a message is set aside" if kept else "a message counts nowhere"
        self._book.steps.note("error", event, action=entry.action, number=entry.seq, reason=reason)
        self._book.steps.keep(kept, ToStation(result(request.answer_id, self._answer(request, None, wall))))

    def take_notice(self, request: Request, row: Row, wall: datetime) -> Entry:
        """Keep a message that belongs to no transaction, and answer it."""
        entry = self._book.new_entry(request, EntryKind.NOTICE, wall, answered=True)
        self._book.steps.keep(self._book.queue(entry, precious=False), ToStation(result(request.answer_id, row.answer)))
        return entry

    def refused(self, taken: Taken) -> list[Write]:
        """The cloud refused what :meth:`take_live` kept; the station is told and knows what to do."""
        key = taken.entry.transaction
        writes: list[Write] = [DropEntry(seq=taken.entry.seq)]
        if taken.before is not None:
            writes.append(PutTransaction(transaction=self._book.charges.put(taken.before)))
        elif key is not None:
            self._book.charges.drop(key)
            writes += [DropTransaction(station=self._book.id, key=key), *self._book.accounts.undone(key)]
        return writes

    def begun(self, taken: Taken, cloud_id: int, payload: object, wall: datetime) -> tuple[str, list[Write]]:
        """The cloud has answered a StartTransaction in time: the id that the station gets, and the writes.

        That is the cloud's own, unless it is none (0, -1) or one that this station has from us for another transaction.
        """
        charges, local = self._book.charges, taken.entry.transaction
        record = charges.get(local)
        writes: list[Write] = [DropEntry(seq=taken.entry.seq)]
        if local is None or record is None:
            return str(cloud_id), writes
        key = local
        if cloud_id > 0 and charges.get(str(cloud_id)) is None:
            key = str(cloud_id)
            charges.drop(local)
            writes += [DropTransaction(station=self._book.id, key=local), *self._book.accounts.renamed(local, key)]
        told = orjson.dumps(payload).decode()
        told = with_number(told, ("transactionId",), int(key))
        record = charges.put(replace(record, key=key, cloud_id=cloud_id, answer=told, touched_at=wall))
        writes.append(PutTransaction(transaction=record))
        return key, writes

    def _known(self, reading: Reading) -> Transaction | None:
        charges = self._book.charges
        if reading.order is not None:
            found = charges.get(reading.key)
            return found if found is not None and charges.is_told_again(found, reading) else None
        match reading.kind:
            case EntryKind.BEGIN:
                return charges.begun_by(reading)
            case EntryKind.END:
                found = charges.get(reading.key) or charges.ended_by(reading.mark)
                return found if found is not None and has_told_end(found) else self.nameless.told_before(reading)
            case _:
                return None

    def _account(self, entry: Entry, request: Request, reading: Reading, wall: datetime) -> tuple[Entry, list[Write]]:
        """Note the message at its transaction; a begin of 1.6 gets its local id here."""
        charges, key = self._book.charges, reading.key
        if reading.kind is EntryKind.BEGIN and reading.order is None and key is None:
            key = str(self._book.numbers.local_id(entry.seq))
            entry = replace(entry, transaction=key)
        is_beside = request.action == cost_messages.ACTION  # of no session that is known it begins none
        if key is None or (is_beside and charges.get(key) is None):
            return entry, []
        record, lost = charges.get(key), list[Write]()
        charges.heard(reading)
        if record is not None and reading.kind is EntryKind.BEGIN and None not in (record.began, record.ended):
            record = None  # the station has lost count of its transactions, and uses an id again
        known, was_over = record, record is not None and is_over(record, reading)
        if record is None:
            record = charges.first_seen(
                key, reading, wall, token=self.doorkeeper.token(request), alone=self._book.is_alone(None)
            )
            lost = self._book.appeared(reading, key)
        record, placed = self._book.placed(record, reading)
        if reading.order is not None:
            if known is not None and reading.kind is EntryKind.METER and has_seen(known, reading.order):
                entry = replace(entry, order=None)  # counted anew: its place is that in which it came
            record = self._counted(record, reading.order, wall)
            record = replace(record, token=record.token or self.doorkeeper.token(request))
        if reading.kind is EntryKind.END:
            record = replace(record, ended=reading.mark, touched_at=wall)
        record = charges.put(record)
        noted = [] if was_over else self._noted(request, reading, key, entry.seq, wall)  # the end was told before
        kept = [] if record.alone and is_counted_only(known, record) else [PutTransaction(transaction=record)]
        return entry, [*lost, *placed, *kept, *noted]

    def take_note(self, request: Request, reading: Reading, wall: datetime) -> list[Write]:
        """A message that passes to the cloud and isn't kept: for the session's record."""
        self.nameless.heard(request, reading)
        key = self._book.charges.sampled(reading)
        record = self._book.charges.get(key)
        if key is None or record is None:  # nothing is remembered of what isn't known: there is no end to that
            return []
        self._book.charges.heard(reading)
        if record.ended is not None:
            return []
        _, placed = self._book.placed(record, reading)
        return [*placed, *self._noted(request, reading, key, None, wall)]

    def takes_note_only(self, request: Request, reading: Reading) -> bool:
        """As :meth:`take_note`, if nothing has to be kept or done of it; whether it is so, else nothing has changed."""
        self.nameless.heard(request, reading)
        book, record = self._book, self._book.charges.get(reading.key)
        is_over = record is None or record.ended is not None
        return is_over or book.accounts.noted_only(book.edition, request, reading, str(reading.key))

    def _noted(self, request: Request, reading: Reading, key: str, number: int | None, wall: datetime) -> list[Write]:
        """For the session's record; one that has taken what it was given is barred."""
        accounts = self._book.accounts
        if number is None and accounts.get(key) is None:
            number = self._book.numbers.next()
        writes = accounts.noted(self._book.edition, request, reading, key, number or 0, wall)
        session, record = accounts.get(key), self._book.charges.get(key)
        limit_wh = session.energy_limit_wh if session is not None else None
        if session is not None and record is not None and limit_wh is not None and session.energy_wh >= limit_wh:
            self._book.steps.add(*self._book.bar(record, f"it has taken the {limit_wh:f} Wh that it was given"))
        return writes

    def _counted(self, record: Transaction, order: int, wall: datetime) -> Transaction:
        """With this seqNo taken; a gap is told when it opens (fault 9), where somebody lacks what is in it. Of one that
        opens over a restart of ours nobody knows that: the numbers of events that pass aren't worth a write each."""
        is_resumed = self._book.charges.is_resumed(record.key)
        counted = self._book.charges.counted(record, order, wall)
        if (opened := opened_gaps(record, counted)) and not (record.alone or is_resumed):
            self._book.steps.note("warning", "sequence numbers are missing", transaction=record.key, gaps=opened)
        return counted

    def _answer_kept(
        self, entry: Entry, request: Request, reading: Reading, wall: datetime, writes: list[Write]
    ) -> None:
        record = self._book.charges.get(entry.transaction)
        payload = self._answer(request, record, wall)
        if record is not None and reading.kind is EntryKind.BEGIN and reading.order is None:
            record = self._book.charges.put(replace(record, answer=orjson.dumps(payload).decode()))
            writes = [*writes, PutTransaction(transaction=record)]
        then: list[Immediate] = [ToStation(result(request.answer_id, payload))]
        told, more = self.doorkeeper.told_of(request, reading, record, wall, entry.transaction)
        then, writes = [*then, *told], [*writes, *more]
        # A sample that isn't billed by is rather lost with a disk that refuses than that it blocks its station.
        is_spare, steps = reading.kind is EntryKind.METER and not reading.precious, self._book.steps
        (steps.pass_on if is_spare else steps.keep)(
            [*self._book.queue(entry, precious=reading.precious), *writes], *then
        )

    def _answer(self, request: Request, record: Transaction | None, wall: datetime) -> dict[str, object]:
        judged = self.doorkeeper.judged(request, wall)
        verdict = judged.verdict if judged is not None else None
        if request.action == "TransactionEvent":
            return answers.event(self._book.edition, verdict)
        if request.action == "StopTransaction":
            return answers.stop(verdict)
        if request.action == cost_messages.ACTION:
            return {"status": "Accepted"}
        if request.action != "StartTransaction" or record is None:
            return {}
        if record.answer is not None:
            kept: dict[str, object] = orjson.loads(record.answer)
            return kept
        return answers.start(int(record.key), verdict or self._book.tokens.unknown())


def _remembered(reading: Reading, payload: dict[str, object]) -> str | None:
    """What is remembered of an answer: the id that was given."""
    return orjson.dumps(payload).decode() if reading.kind is EntryKind.BEGIN and reading.order is None else None
