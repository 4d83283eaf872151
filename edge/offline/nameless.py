"""Messages of 1.6 under an id that is none: a station that was never answered to a begin calls its transaction -1 or 0.

An end of these is given to the transaction that it can only mean. Where there is none, its begin was never kept: the
disk refused it as long as its station tried, and a restart took it out of memory. Then the begin is made anew out of
what the station says afterwards: the end's card and register, and the samples of its transaction. (OCPP 1.6 errata
3.18.)
"""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal

import orjson

from edge.domain.journal import EntryKind, Transaction
from edge.offline import registers
from edge.offline.charges import Reading, int_or_none
from edge.offline.message import Request, moment, stamp
from edge.offline.station import CONNECTORS_MOST, StationBook

ENDS_KNOWN = 16  # of which it is known that a newer one with another time is the same
START = "StartTransaction"
# A register is told in kWh with one decimal at the coarsest: so much above the end's own it may be of the same moment.
ROUNDED_WH = Decimal(100)


@dataclass(frozen=True, slots=True)
class _End:
    """One that was taken for the end of a transaction."""

    transaction: str
    register_wh: int | None
    tag: str | None


class Nameless:
    """One station's."""

    def __init__(self, book: StationBook) -> None:
        self._book = book
        self._named: set[str] = set()  # those that run, and whose id the station knows: it has said it
        self._ends: deque[_End] = deque(maxlen=ENDS_KNOWN)
        self._lowest: dict[int, registers.Reading] = {}  # of each connector's samples that are of no transaction

    def resolved(self, request: Request, reading: Reading) -> Reading:
        """A message is taken: its reading with the transaction that is meant, where the id in it is none."""
        self.heard(request, reading)
        if reading.kind is EntryKind.METER:
            reading = replace(reading, key=self._book.charges.sampled(reading))
        if not self.is_one(reading):
            return reading
        meant = self._meant(reading) if reading.kind is EntryKind.END else None
        self._book.steps.note(
            "warning",
            "a message names no transaction"
            if meant is None
            else "an end without an id is given to the one it can mean",
            transaction=meant.key if meant is not None else None,
        )
        if meant is not None:
            self.given(reading, meant.key)
        return replace(reading, key=meant.key if meant is not None else None)

    def named(self, reading: Reading) -> str | None:
        """The transaction that a message is of; None where that can't be said."""
        if reading.kind is EntryKind.METER:
            return self._book.charges.sampled(reading)
        if not self.is_one(reading):
            return reading.key
        meant = self._meant(reading)
        return meant.key if meant is not None else None

    def given(self, reading: Reading, transaction: str) -> None:
        """An end without an id was taken for that of this transaction."""
        self._ends.append(_End(transaction, reading.register_wh, reading.tag))

    def is_one(self, reading: Reading) -> bool:
        """Whether the id in it is none."""
        if reading.kind is EntryKind.BEGIN or reading.key is None or reading.order is not None:
            return False
        number = int_or_none(reading.key)
        return number is not None and number <= 0 and self._book.charges.get(reading.key) is None

    def is_orphan(self, reading: Reading) -> bool:
        """Whether it is the end of a transaction of which nobody can say which."""
        return reading.kind is EntryKind.END and self.is_one(reading) and self._meant(reading) is None

    def told_before(self, reading: Reading) -> Transaction | None:
        """The ended transaction of which this is the end once more, with another time; None if it is of none, or may be
        that of one that runs."""
        if reading.kind is not EntryKind.END or not self.is_one(reading) or reading.register_wh is None:
            return None
        charges = self._book.charges
        for end in reversed(self._ends):
            ended = charges.get(end.transaction)
            if ended is None or ended.ended is None or (end.register_wh, end.tag) != (reading.register_wh, reading.tag):
                continue
            running = charges.running()
            return ended if all(self._is_another(each, ended, reading) for each in running) else None
        return None

    def heard(self, request: Request, reading: Reading) -> None:
        """What is sampled of a transaction without a name is remembered, for its begin; and which ones have theirs."""
        if reading.order is not None:
            return
        if reading.kind is EntryKind.BEGIN and reading.connector is not None:
            self._lowest.pop(reading.connector, None)
        if reading.kind is not EntryKind.METER or reading.key is None:
            return
        charges = self._book.charges
        if charges.get(reading.key) is not None and reading.key not in self._named:
            self._named = {key for key in self._named if charges.get(key) in charges.running()} | {reading.key}
        if not reading.connector or charges.sampled(reading) != reading.key or not self.is_one(reading):
            return
        if reading.connector not in self._lowest and len(self._lowest) >= CONNECTORS_MOST:
            return
        for each in registers.readings(request):
            lowest = self._lowest.get(reading.connector)
            # The last of those that show the least: some stations sample under 0 while nobody charges, too.
            if lowest is None or (each.wh, -each.at.timestamp()) < (lowest.wh, -lowest.at.timestamp()):
                self._lowest[reading.connector] = each

    def begin_of(self, request: Request, reading: Reading, identifier: str) -> Request | None:
        """A StartTransaction that goes with this end, under the message id ``identifier``: with the earliest register
        that is known of it, its time, and the end's card. None where one of these isn't known, or it may be the end of
        one whose begin is."""
        ends_at, tag = moment(request.fields.get("timestamp")), request.fields.get("idTag")
        told = registers.readings(request)
        if ends_at is None or not isinstance(tag, str) or not tag or not told:
            return None
        connectors = [each for each in self._sampled_until(reading.register_wh) if self._lowest[each].at <= ends_at]
        known = [each for each in self._fitting(reading) if each.key not in self._named]
        if len(connectors) != 1 or known:
            return None
        connector = connectors[0]
        lowest = self._lowest.pop(connector)
        # What the end itself tells of the begin (Transaction.Begin) is exact.
        first = told[0] if len(told) > 1 and told[0].wh <= lowest.wh else lowest
        payload = {
            "connectorId": connector,
            "idTag": tag,
            "meterStart": int(first.wh),
            "timestamp": stamp(first.at),
        }
        text = orjson.dumps([2, identifier, START, payload]).decode()
        return Request(id=identifier, action=START, payload=payload, text=text)

    def _meant(self, reading: Reading) -> Transaction | None:
        """Of several the one that began with the same card."""
        fitting = self._fitting(reading)
        if len(fitting) > 1 and reading.tag is not None:
            own = self._book.tokens.hash(reading.tag)
            fitting = [each for each in fitting if each.token == own]
        if len(fitting) != 1 or (fitting[0].key in self._named and self._sampled_until(reading.register_wh)):
            return None
        return fitting[0]

    def _fitting(self, reading: Reading) -> list[Transaction]:
        """Those that run and whose registers fit; that the station knows its number speaks for another, if there is."""
        found = [each for each in self._book.charges.fitting(reading) if not self._is_further(each, reading)]
        return [each for each in found if each.key not in self._named] or found

    def _sampled_until(self, register_wh: int | None) -> list[int]:
        """The connectors of samples without a transaction that began at this register, or below."""
        return [each for each, lowest in self._lowest.items() if register_wh is None or lowest.wh <= register_wh]

    def _is_further(self, running: Transaction, reading: Reading) -> bool:
        """Whether the register of a session has passed an end that is told."""
        session = self._book.accounts.get(running.key)
        last_wh = session.register_wh if session is not None else None
        return last_wh is not None and reading.register_wh is not None and last_wh > reading.register_wh + ROUNDED_WH

    def _is_another(self, running: Transaction, ended: Transaction, reading: Reading) -> bool:
        """Whether an end that may be that of ``ended`` can't be that of ``running``: the station knows its number, has
        counted further in it, or let in another card."""
        begins_wh = running.meter_start_wh
        if running.key in self._named or self._is_further(running, reading):
            return True
        if begins_wh is not None and reading.register_wh is not None and begins_wh > reading.register_wh:
            return True
        own = self._book.tokens.hash(reading.tag) if reading.tag is not None else None
        return own is not None and own == ended.token != running.token
