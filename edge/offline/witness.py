"""One station that is always answered by its cloud: what passes between them is read. Sans-I/O.

For stations that are dropped with their cloud (``mode = "transparent"``; OCPP 2.x part 4 §6.3). Their sessions have the
class of the token and a record, and what the site refuses is refused; nothing is answered, kept for the cloud or held
back for the disk. Ids are the peers' own, but for those of messages that a station uses again while its cloud owes an
answer under them: no late answer is to be taken for another's.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edge.domain.journal import DropTransaction, EntryKind, PutTransaction, Transaction, Write
from edge.offline import conduct
from edge.offline.charges import Reading, is_over, read
from edge.offline.conduct import Conduct
from edge.offline.edition import Edition
from edge.offline.live_answers import site_says
from edge.offline.message import Request, whole
from edge.offline.splice import with_id
from edge.offline.station import StationBook
from edge.offline.steps import Judged, Step, ToCloud, ToStation
from edge.offline.token_book import Judged as JudgedToken
from edge.offline.token_info import info_in, token_in
from edge.offline.vigil import Vigil
from edge.units import Seconds

ASKED_KEPT = 64  # the station's CALLs that the cloud may yet answer; by the rules it has one outstanding
_READ = frozenset({Conduct.TRANSACTION, Conduct.AUTHORIZE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A CALL that the cloud hasn't answered. ``said`` tells its text from others. ``request``: one whose answer says
    something of a token or a transaction; ``reading``: None for Authorize. ``given_up``: the station has made another
    under its id."""

    id: str
    said: int
    request: Request | None = None
    reading: Reading | None = None
    given_up: bool = False


class Witness:
    """See the module. One for each such station, for as long as the program runs."""

    def __init__(self, book: StationBook) -> None:
        self.book = book
        self._vigil = Vigil(self.book)
        self._connected = False
        self._held: Request | None = None  # the station's newest CALL from before its cloud was there
        self._asked: OrderedDict[str, _Asked] = OrderedDict()  # by the id under which the cloud knows it

    def station_connected(self, edition: Edition) -> list[Step]:
        """The station is there, and speaks this edition."""
        self.book.edition = edition
        self._vigil.station_connected()
        return self.book.steps.empty()

    def station_gone(self) -> list[Step]:
        """The station is gone, and its cloud connection with it."""
        self._clear()
        return self.book.steps.empty()

    def cloud_connected(self, wall: datetime) -> list[Step]:
        """The station's upstream connection is up."""
        self._connected = True
        held, self._held = self._held, None
        return self.from_station(held, wall) if held is not None else []

    def cloud_lost(self) -> list[Step]:
        """It is lost, and the station is going to be: it has to say again what wasn't answered."""
        self._clear()
        return self.book.steps.empty()

    def may_pass(self, action: str) -> bool:
        """Whether nothing is read from a CALL of this action."""
        return self._connected and conduct.row(self.book.edition, action).conduct not in _READ

    def passes(self, request: Request) -> bool:
        """Whether this CALL, whose action may, goes up as it is; then it counts as sent."""
        before = self._asked.get(request.id)
        if before is not None and before.said != hash(request.text):
            return False
        self._await(request.id, _Asked(id=request.id, said=hash(request.text)))
        return True

    def passed(self, identifier: str) -> bool:
        """Whether the cloud's answer to this CALL goes down as it is; then it counts as answered."""
        asked = self._asked.get(identifier)
        if asked is not None and (asked.request is not None or asked.given_up or asked.id != identifier):
            return False
        self._asked.pop(identifier, None)
        self.book.came_as.note(identifier, identifier)
        return True

    def from_station(self, request: Request, wall: datetime) -> list[Step]:
        """The station makes a CALL."""
        if not self._connected:
            self._held = request
            return []
        book = self.book
        found = conduct.row(book.edition, request.action).conduct
        reading = read(book.edition, request) if found is Conduct.TRANSACTION else None
        is_read = found in _READ and token_in(book.edition, request.fields) is not None
        identifier = self._id_for(request)
        self._await(
            identifier,
            _Asked(id=request.id, said=hash(request.text), request=request if is_read else None, reading=reading),
        )
        text = request.text if identifier == request.id else with_id(request.text, identifier)
        book.steps.add(ToCloud(identifier, text))
        if reading is not None and request.action != "StartTransaction":
            book.steps.keep(self._course(request, reading, wall))
        return book.steps.empty()

    def reads(self, request: Request, wall: datetime) -> list[Step]:
        """The station has told meter values that its cloud doesn't get: they are of a session all the same."""
        writes = self._course(request, read(self.book.edition, request), wall)
        if writes:
            self.book.steps.keep(writes)
        return self.book.steps.empty()

    def from_cloud(
        self,
        identifier: str,
        text: str,
        wall: datetime,
        *,
        answer: Any = None,
        error: tuple[str, str] | None = None,
    ) -> list[Step]:
        """The cloud answers a CALL: with the payload ``answer``, or with the code and the description of ``error``."""
        asked = self._asked.pop(identifier, None)
        request = asked.request if asked is not None and error is None else None
        fields = answer if isinstance(answer, dict) else {}
        judged = self._judged(request, fields, wall) if request is not None else None
        if asked is not None and not asked.given_up:
            self.book.came_as.note(asked.id, identifier)
        if asked is None or not asked.given_up:
            text = text if asked is None or asked.id == identifier else with_id(text, asked.id)
            self.book.steps.add(ToStation(site_says(self.book.edition, text, judged, fields)))
        if asked is not None and request is not None and asked.reading is not None:
            self._answered(request, asked.reading, fields, judged, wall)
        return self.book.steps.empty()

    @property
    def rests(self) -> bool:
        """Whether :meth:`tick` has nothing to do."""
        return not self.book.barred

    def tick(self, now: Seconds, _wall: datetime) -> list[Step]:
        """To be called once a second."""
        self._vigil.tick(now)
        return self.book.steps.empty()

    def recheck(self, wall: datetime) -> list[Step]:
        """See :meth:`Vigil.recheck`."""
        self._vigil.recheck(wall)
        return self.book.steps.empty()

    def erased(self, kept: Transaction) -> None:
        """See :meth:`Vigil.erased`."""
        self._vigil.erased(kept)

    def forget_old(self, wall: datetime) -> list[Step]:
        """To be called once a day: see :meth:`Vigil.forget_old`."""
        self._vigil.forget_old(wall)
        return self.book.steps.empty()

    def _id_for(self, request: Request) -> str:
        """The id under which a CALL goes up: its own, unless the cloud owes an answer to another under that, which the
        station has given up by this one."""
        before = self._asked.get(request.id)
        if before is None or before.said == hash(request.text):
            return request.id
        self._asked[request.id] = replace(before, given_up=True)
        return self.book.numbers.own_id()

    def _await(self, identifier: str, asked: _Asked) -> None:
        self._asked[identifier] = asked
        self._asked.move_to_end(identifier)
        while len(self._asked) > ASKED_KEPT:
            self._asked.popitem(last=False)

    def _answered(
        self, request: Request, reading: Reading, fields: Mapping[str, Any], judged: JudgedToken | None, wall: datetime
    ) -> None:
        key = reading.key
        if request.action == "StartTransaction":
            number = whole(fields.get("transactionId"))
            key = str(number) if number is not None else None
            if key is not None:
                self.book.steps.keep(self._began(request, reading, key, wall))
        record = self.book.charges.get(key)
        if record is None or judged is None or record.ended is not None or record.token not in (None, judged.hash):
            return
        told = Judged(
            station=self.book.id,
            connector=record.connector,
            transaction=record.key,
            verdict=judged.verdict,
            hash=judged.hash,
        )
        self.book.steps.add(told)

    def _began(self, request: Request, reading: Reading, key: str, wall: datetime) -> list[Write]:
        """A transaction of 1.6 has its id. The same message again may get another one; the newest holds."""
        book, writes = self.book, list[Write]()
        before = book.charges.begun_by(reading)
        if before is not None and before.key == key:
            return []
        if before is not None:
            book.charges.drop(before.key)
            writes += [DropTransaction(station=book.id, key=before.key), *book.accounts.renamed(before.key, key)]
            return [*writes, PutTransaction(transaction=book.charges.put(replace(before, key=key)))]
        writes += book.appeared(reading, key)
        record = book.charges.first_seen(key, reading, wall, token=self._token(request))
        return [*writes, PutTransaction(transaction=record), *self._noted(request, reading, key, wall)]

    def _course(self, request: Request, reading: Reading, wall: datetime) -> list[Write]:
        """What follows a begin that was seen; in 2.x that, too."""
        book, key = self.book, reading.key
        record = book.charges.get(key)
        writes: list[Write] = []
        if key is None or (record is None and reading.kind is not EntryKind.BEGIN):
            return []
        if record is None:
            writes += book.appeared(reading, key)
            before, record = None, book.charges.first_seen(key, reading, wall, token=self._token(request))
        elif is_over(record, reading) or book.charges.is_told_again(record, reading):
            return []  # a repetition
        else:
            before = record
        book.charges.heard(reading)
        record, placed = book.placed(record, reading)
        writes += placed
        if reading.order is not None:
            record = book.charges.counted(record, reading.order, wall)
            record = replace(record, token=record.token or self._token(request))
        if reading.kind is EntryKind.END:
            record = replace(record, ended=reading.mark, touched_at=wall)
        book.charges.put(record)
        if before is None or (before.token, before.ended) != (record.token, record.ended):
            writes.append(PutTransaction(transaction=record))
        return [*writes, *self._noted(request, reading, key, wall)]

    def _noted(self, request: Request, reading: Reading, key: str, wall: datetime) -> list[Write]:
        accounts = self.book.accounts
        number = self.book.numbers.next() if accounts.get(key) is None else 0
        return accounts.noted(self.book.edition, request, reading, key, number, wall)

    def _judged(self, request: Request, fields: Mapping[str, Any], wall: datetime) -> JudgedToken | None:
        info, shown = info_in(self.book.edition, fields), token_in(self.book.edition, request.fields)
        if shown is None or (info is None and shown.needed):
            return None
        return self.book.tokens.judge(self.book.id, shown, wall, cloud=info)

    def _token(self, request: Request) -> str | None:
        shown = token_in(self.book.edition, request.fields)
        return self.book.tokens.hash(shown.text) if shown is not None and shown.needed else None

    def _clear(self) -> None:
        self._connected = False
        self._held = None
        self._asked.clear()
