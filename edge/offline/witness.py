"""One station that is always answered by its cloud: what passes between them is read. Sans-I/O.

For stations that are dropped with their cloud (``mode = "transparent"``; OCPP 2.x part 4 §6.3). Their sessions have the
class of the token and a record, and what the site refuses is refused; nothing is answered, kept for the cloud or held
back for the disk. Ids are the cloud's own.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edge.domain.journal import DropTransaction, EntryKind, PutTransaction, Transaction, Write
from edge.offline import conduct
from edge.offline.charges import Reading, is_over, read, seeing
from edge.offline.conduct import Conduct
from edge.offline.edition import Edition
from edge.offline.live_answers import site_says
from edge.offline.message import Request, whole
from edge.offline.station import StationBook
from edge.offline.steps import Judged, Step, ToCloud, ToStation
from edge.offline.token_book import Judged as JudgedToken
from edge.offline.token_info import info_in, token_in
from edge.offline.vigil import Vigil
from edge.units import Seconds

ASKED_KEPT = 16  # the station's CALLs whose answers are read; by the rules it has one outstanding
_READ = frozenset({Conduct.TRANSACTION, Conduct.AUTHORIZE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A CALL whose answer says something of a token or a transaction. ``reading``: None for Authorize."""

    request: Request
    reading: Reading | None


class Witness:
    """See the module. One for each such station, for as long as the program runs."""

    def __init__(self, book: StationBook) -> None:
        self.book = book
        self._vigil = Vigil(self.book)
        self._connected = False
        self._held: Request | None = None  # the station's newest CALL from before its cloud was there
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

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

    def passed(self, identifier: str) -> bool:
        """Whether nothing is read from the cloud's answer to this CALL."""
        return identifier not in self._asked

    def from_station(self, request: Request, wall: datetime) -> list[Step]:
        """The station makes a CALL."""
        if not self._connected:
            self._held = request
            return []
        book = self.book
        book.steps.add(ToCloud(request.id, request.text))
        found = conduct.row(book.edition, request.action).conduct
        if found not in _READ:
            return book.steps.empty()
        reading = read(book.edition, request) if found is Conduct.TRANSACTION else None
        if token_in(book.edition, request.fields) is not None:
            self._asked[request.id] = _Asked(request=request, reading=reading)
            while len(self._asked) > ASKED_KEPT:
                self._asked.popitem(last=False)
        if reading is not None and request.action != "StartTransaction":
            book.steps.keep(self._course(request, reading, wall))
        return book.steps.empty()

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
        fields = answer if isinstance(answer, dict) else {}
        judged = self._judged(asked.request, fields, wall) if asked is not None and error is None else None
        self.book.steps.add(ToStation(site_says(self.book.edition, text, judged, fields)))
        if asked is not None and asked.reading is not None and error is None:
            self._answered(asked.request, asked.reading, fields, judged, wall)
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
        before = book.charges.begun_by(reading.mark)
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
            record = seeing(record, reading.order, wall)
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
