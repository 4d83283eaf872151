"""The transactions of one station: their ids on both sides, and which message has been here before."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge.clock import EARLIEST_PLAUSIBLE
from edge.domain.journal import LOST, PRECIOUS, EntryKind, Transaction
from edge.domain.token import TokenHash
from edge.offline import cost_messages
from edge.offline.edition import Edition
from edge.offline.message import TOO_LARGE, Request, fingerprint, mapping, moment, text, whole

# Two months of a busy station have some 2,000. One that begins and ends all day long, for a fault of its, is to fill
# neither memory nor disk.
KNOWN_MOST = 5_000
LONGEST_KEY = 255  # characters of an id: OCPP 2.x has 36, and thousands are remembered
_FREED = KNOWN_MOST // 10  # at a time
_RUNNING_KEPT = 100  # in any case: more than a station has connectors
# Of sequence numbers. A station that skips some at every event has a gap for each: the oldest are closed.
RANGES_MOST = 32
RUNNING_MOST = timedelta(days=400)  # a transaction that never ended: a year-old one will not end any more

_EVENT_KINDS = {"Started": EntryKind.BEGIN, "Updated": EntryKind.METER, "Ended": EntryKind.END}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the accounting reads in a transaction message. ``key``: the id in it; None for none that can be one."""

    kind: EntryKind
    key: str | None
    connector: int | None
    told: tuple[str | int | None, ...]  # what tells it from every other message but its repetition
    order: int | None = None  # seqNo
    at: datetime | None = None  # of a begin, and a TransactionEvent: when it was, by the station's clock
    stored: bool = False  # of a TransactionEvent: it was while the station was cut off
    register_wh: int | None = None
    tag: str | None = None  # of a StopTransaction: the card that was shown to end it
    precious: bool = False  # signed or billed by: never thinned

    @property
    def mark(self) -> str:
        """What stands for ``told`` where that is kept: of most samples it isn't."""
        return fingerprint(*self.told)


def read(edition: Edition, request: Request) -> Reading:
    """Read a transaction message of either edition, whatever is in it."""
    fields = request.fields
    precious = any(word in request.text for word in PRECIOUS)
    if request.action == "TransactionEvent":
        kind = _EVENT_KINDS.get(text(fields.get("eventType")) or "", EntryKind.METER)
        key = text(mapping(fields.get("transactionInfo")).get("transactionId"))
        key = key if key is not None and len(key) <= LONGEST_KEY else None
        order = whole(fields.get("seqNo"))
        told = ("event", key, order, text(fields.get("timestamp")), kind.value)
        evse = whole(mapping(fields.get("evse")).get("id"))
        at = moment(fields.get("timestamp"))
        stored = fields.get("offline") is True
        return Reading(
            kind=kind, key=key, connector=evse, told=told, order=order, at=at, stored=stored, precious=precious
        )
    if request.action == "StartTransaction":
        connector, meter = whole(fields.get("connectorId")), whole(fields.get("meterStart"))
        begin = ("start", connector, text(fields.get("idTag")), text(fields.get("timestamp")), meter)
        at = moment(fields.get("timestamp"))
        return Reading(kind=EntryKind.BEGIN, key=None, connector=connector, told=begin, at=at, register_wh=meter)
    if request.action == cost_messages.ACTION:
        number = cost_messages.transaction(fields)
        key = str(number) if number is not None else None
        unplugged = ("unplugged", text(fields.get("data")))
        return Reading(kind=EntryKind.METER, key=key, connector=None, told=unplugged, precious=precious)
    number = _number(fields.get("transactionId"))
    key = str(number) if number is not None else None
    if request.action == "StopTransaction":
        meter = whole(fields.get("meterStop"))
        end = ("stop", number, text(fields.get("timestamp")), meter)
        tag = text(fields.get("idTag"))
        if meter is not None and meter < 0:  # some tell so that they don't know it (lorenzodonini/ocpp-go pull 114)
            meter = None
        return Reading(kind=EntryKind.END, key=key, connector=None, told=end, register_wh=meter, tag=tag)
    connector = whole(fields.get("evseId" if edition.is_v2 else "connectorId"))
    sample = ("meter", request.text.partition(",")[2].partition(",")[2])
    return Reading(kind=EntryKind.METER, key=key, connector=connector, told=sample, precious=precious)


def _number(value: object) -> int | None:
    """The id of a transaction in 1.6. One that no cloud gives is none, as 0 is: some stations say 2**63 - 1 where they
    have lost it (lorenzodonini/ocpp-go issue 188)."""
    is_too_large = isinstance(value, int | float) and value >= TOO_LARGE
    return 0 if is_too_large else whole(value)


def ends_same(one: Reading, other: Reading) -> bool:
    """Whether both tell the end of one transaction, which they name; it has one end only."""
    if one.key is None or one.key != other.key or {one.kind, other.kind} != {EntryKind.END}:
        return False
    number = int_or_none(one.key) if one.order is None else None
    return number is None or number > 0  # in 1.6 a station calls each whose begin was lost -1, or 0


def int_or_none(text: str) -> int | None:
    """A whole number; None when it is none."""
    try:
        return int(text)
    except ValueError:
        return None


class Charges:
    """One station's transactions. Frozen records; whoever changes one keeps what is returned."""

    def __init__(self, station: str, kept: Iterable[Transaction] = ()) -> None:
        self._station = station
        # The file has them by key. Of two that a cloud calls alike, as it counts anew, the one that runs is meant.
        in_turn = sorted(kept, key=lambda each: (each.ended is None, each.touched_at))
        self._by_key = {transaction.key: transaction for transaction in in_turn}
        self._by_cloud = {t.cloud_id: t.key for t in self._by_key.values() if t.cloud_id is not None}
        self._by_begin = {t.began: t.key for t in self._by_key.values() if t.began is not None}
        self._newest: dict[str, datetime] = {}  # event of each 2.x transaction since the gateway's start
        self._uncounted = set(self._by_key)  # of which no seqNo has been counted since then
        self._goes_on: set[str] = set()  # of which something later than its end was told
        self._full_at = KNOWN_MOST

    def get(self, key: str | None) -> Transaction | None:
        """The transaction that the station calls by this id."""
        return self._by_key.get(key) if key is not None else None

    def begun_by(self, reading: Reading) -> Transaction | None:
        """The transaction whose begin this is."""
        found = self.get(self._by_begin.get(reading.mark))
        return found if found is not None and _is_begin_of(found, reading) else None

    def ended_by(self, mark: str) -> Transaction | None:
        """The transaction whose end had this content."""
        return next((transaction for transaction in self._by_key.values() if transaction.ended == mark), None)

    def is_told_again(self, record: Transaction, reading: Reading) -> bool:
        """Whether an event of this transaction (2.x) was taken before.

        Its seqNo alone doesn't say so: a station that lost count with its power begins anew, and some count nothing.
        A begin is known by its content, what is in between by its time. A transaction has one end, whatever number or
        time that has, unless something that came behind it says that it went on (or that its id is used again).
        """
        if reading.kind is EntryKind.END:
            return has_told_end(record) and (record.ended == reading.mark or record.key not in self._goes_on)
        if reading.order is None or not has_seen(record, reading.order):
            return False
        match reading.kind:
            case EntryKind.BEGIN:
                return _is_begin_of(record, reading)
            case _:
                newest = self._newest.get(record.key)
                return newest is None or reading.at is None or reading.at <= newest

    def heard(self, reading: Reading) -> None:
        """An event was taken, or taken for a repetition."""
        if reading.key is not None and reading.at is not None:
            newest, record = self._newest.get(reading.key), self._by_key.get(reading.key)
            if reading.kind is EntryKind.END:
                self._goes_on.discard(reading.key)
            elif record is not None and record.ended is not None and (newest is None or reading.at > newest):
                self._goes_on.add(reading.key)
            self._newest[reading.key] = reading.at if newest is None else max(newest, reading.at)

    def is_resumed(self, key: str) -> bool:
        """Whether a transaction was there before the gateway's start, and no event of it has been counted since: which
        ones the cloud has had in between, whose numbers are in memory alone, nobody knows any more."""
        return key in self._uncounted

    def counted(self, record: Transaction, order: int, wall: datetime) -> Transaction:
        """The transaction with this seqNo taken (:func:`seeing`)."""
        self._uncounted.discard(record.key)
        return seeing(record, order, wall)

    def was_told_after(self, record: Transaction, reading: Reading) -> bool:
        """Whether an event of this transaction is newer than that one, which was stored: so it runs on."""
        newest = self._newest.get(record.key)
        return reading.stored and reading.at is not None and newest is not None and newest > reading.at

    def of_cloud(self, cloud_id: int) -> Transaction | None:
        """The transaction that the cloud calls by this id."""
        return self.get(self._by_cloud.get(cloud_id))

    def all(self) -> list[Transaction]:
        """Those that are known."""
        return list(self._by_key.values())

    def running(self) -> list[Transaction]:
        """Those that have not ended."""
        return [transaction for transaction in self._by_key.values() if transaction.ended is None]

    def fitting(self, reading: Reading) -> list[Transaction]:
        """The transactions that an end with a wrong id can mean: the meter has not run backwards."""
        return [
            transaction
            for transaction in self.running()
            if reading.register_wh is None
            or transaction.meter_start_wh is None
            or transaction.meter_start_wh <= reading.register_wh
        ]

    def sampled(self, reading: Reading) -> str | None:
        """The transaction that a sample is of. One that names none (-1, 0) is of the one that runs at its connector."""
        named = reading.key
        if named is None or named in self._by_key or reading.order is not None:
            return named
        number = int_or_none(named)
        if number is None or number > 0:
            return named
        here = [transaction.key for transaction in self.running() if transaction.connector == reading.connector]
        return here[0] if len(here) == 1 else named

    def first_seen(
        self, key: str, reading: Reading, wall: datetime, *, token: TokenHash | None = None, alone: bool = False
    ) -> Transaction:
        """A transaction begins, or is met for the first time in its course; ``alone``: where the site has no cloud."""
        return self.put(
            Transaction(
                station=self._station,
                key=key,
                connector=reading.connector,
                began=reading.mark if reading.kind is EntryKind.BEGIN else None,
                token=token,
                seen=((reading.order, reading.order),) if reading.order is not None else (),
                meter_start_wh=reading.register_wh if reading.kind is EntryKind.BEGIN else None,
                touched_at=wall,
                alone=alone,
            )
        )

    def put(self, transaction: Transaction) -> Transaction:
        """Remember a transaction's new state."""
        self._by_key[transaction.key] = transaction
        if transaction.cloud_id is not None:
            # Some clouds count from 0, or call all -1: the station knows such a one by a number of ours.
            other = self.of_cloud(transaction.cloud_id)
            if transaction.ended is None or other is None or other.ended is not None:
                self._by_cloud[transaction.cloud_id] = transaction.key
        if transaction.began is not None:
            self._by_begin[transaction.began] = transaction.key
        return transaction

    def drop(self, key: str) -> None:
        """Forget a transaction."""
        transaction = self._by_key.pop(key, None)
        self._uncounted.discard(key)
        self._newest.pop(key, None)
        self._goes_on.discard(key)
        if transaction is not None:
            if transaction.cloud_id is not None and self._by_cloud.get(transaction.cloud_id) == key:
                del self._by_cloud[transaction.cloud_id]
            if transaction.began is not None and self._by_begin.get(transaction.began) == key:
                del self._by_begin[transaction.began]

    @property
    def is_crowded(self) -> bool:
        """Whether there are more than are to be known."""
        return len(self._by_key) > self._full_at

    def surplus(self, needed: Container[str]) -> list[Transaction]:
        """The transactions to be forgotten: those that have ended before others, the longest untouched first, but none
        that is ``needed``."""
        free = sorted(self._by_key.values(), key=lambda each: each.touched_at)
        ended = [each for each in free if each.ended is not None and each.key not in needed]
        running = [each for each in free if each.ended is None][:-_RUNNING_KEPT]
        found = [*ended, *(each for each in running if each.key not in needed)]
        found = found[: max(0, len(self._by_key) - KNOWN_MOST + _FREED)]
        self._full_at = max(KNOWN_MOST, len(self._by_key) - len(found) + _FREED)
        return found

    def old(self, wall: datetime, kept: timedelta) -> list[str]:
        """The keys of those that nobody will ask for any more; ``kept``: how long what ended is. Of one that was last
        touched by a clock that wasn't set nobody knows how old it is: if it runs it stays, for as long as there is
        room (:meth:`surplus`)."""
        return [
            transaction.key
            for transaction in self._by_key.values()
            if wall - transaction.touched_at >= (kept if transaction.ended is not None else RUNNING_MOST)
            and not (transaction.ended is None and transaction.touched_at < EARLIEST_PLAUSIBLE)
        ]


def _is_begin_of(transaction: Transaction, reading: Reading) -> bool:
    """Whether this is its begin, said again. One that a clock that wasn't set has dated, or none, may look like any
    other of the same card, at a station without a meter: it is another's once the end of that was told."""
    is_dated = reading.at is not None and reading.at >= EARLIEST_PLAUSIBLE
    return transaction.began == reading.mark and (is_dated or not has_told_end(transaction))


def has_told_end(transaction: Transaction) -> bool:
    """Whether the station has told its end. One that is only taken to be over may have its end told yet: some stations
    tell first what is, and then what was."""
    return transaction.ended not in (None, LOST)


def is_over(transaction: Transaction, reading: Reading) -> bool:
    """Whether it had ended before this message of it: the end of one that was only taken to be over isn't too late."""
    return has_told_end(transaction) if reading.kind is EntryKind.END else transaction.ended is not None


def has_seen(transaction: Transaction, order: int) -> bool:
    """Whether the event of this seqNo was taken before."""
    return any(first <= order <= last for first, last in transaction.seen)


def seeing(transaction: Transaction, order: int, wall: datetime) -> Transaction:
    """The transaction with this seqNo taken."""
    numbers = sorted([*transaction.seen, (order, order)])
    merged: list[tuple[int, int]] = []
    for first, last in numbers:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    while len(merged) > RANGES_MOST:
        merged[:2] = [(merged[0][0], merged[1][1])]
    return replace(transaction, seen=tuple(merged), touched_at=wall)


def is_counted_only(before: Transaction | None, after: Transaction) -> bool:
    """Whether no more has happened to it than that a sample was seen."""
    return before is not None and replace(before, seen=after.seen, touched_at=after.touched_at) == after


def opened_gaps(before: Transaction, after: Transaction) -> list[tuple[int, int]]:
    """The sequence numbers that are missing since one more was taken, as ranges; none where one was filled."""
    known, found = _gaps(before), _gaps(after)
    return [gap for gap in found if gap not in known] if len(found) > len(known) else []


def _gaps(transaction: Transaction) -> list[tuple[int, int]]:
    pairs = zip(transaction.seen, transaction.seen[1:], strict=False)
    return [(before[1] + 1, after[0] - 1) for before, after in pairs]
