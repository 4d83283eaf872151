"""A desk on the bench: its steps are carried out on a disk that is a table in memory, and time is a number."""

import json
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.domain.journal import (
    Boot,
    ConnectorStatus,
    DropEntry,
    DropTransaction,
    Entry,
    EntryState,
    PutBoot,
    PutEntry,
    PutSession,
    PutStatus,
    PutTransaction,
    Transaction,
    Write,
)
from edge.domain.session import Session
from edge.domain.token import SiteToken
from edge.offline.authorise import Policy, UnknownTokens
from edge.offline.desk import Desk, DeskState
from edge.offline.edition import Edition
from edge.offline.hashing import TokenHasher
from edge.offline.message import Request
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.station_kept import kept_of
from edge.offline.steps import EndSession, Fetch, Immediate, Judged, Keep, Note, Resume, Step, ToCloud, ToStation
from edge.offline.token_book import TokenBook

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HASHER = TokenHasher(b"k" * 32)
STATION = "CP-01"


def token(text: str, **changes: Any) -> SiteToken:
    """One of the site's own tokens."""
    return replace(SiteToken(hash=HASHER.hash(text), hint=text[-2:]), **changes)


class Disk:
    """What is on the disk."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.transactions: dict[tuple[str, str], Transaction] = {}
        self.boots: dict[str, Boot] = {}
        self.statuses: dict[tuple[str, str], ConnectorStatus] = {}
        self.sessions: dict[int, Session] = {}
        self.highest = 0
        self.others: list[Write] = []
        self.written: list[Write] = []  # all of it

    def keep(self, writes: tuple[Write, ...]) -> None:
        self.written += writes
        for write in writes:
            match write:
                case PutEntry():
                    self.entries[write.entry.seq] = write.entry
                    self.highest = max(self.highest, write.entry.seq)
                case DropEntry():
                    self.entries.pop(write.seq, None)
                case PutTransaction():
                    self.transactions[write.transaction.station, write.transaction.key] = write.transaction
                case DropTransaction():
                    self.transactions.pop((write.station, write.key), None)
                case PutSession():
                    self.others.append(write)
                    self.sessions[write.session.id] = write.session
                    self.highest = max(self.highest, write.session.id)
                case PutBoot():
                    self.boots[write.boot.station] = write.boot
                case PutStatus():
                    self.statuses[write.status.station, write.status.connector] = write.status
                case _:
                    self.others.append(write)

    @property
    def set_aside(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.state is EntryState.SET_ASIDE]

    @property
    def deferred(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.is_deferred]


@dataclass
class Times:
    """Now, on both clocks."""

    now: float = 1000.0
    stepped: timedelta = timedelta(0)  # by so much the wall clock was set

    @property
    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.now - 1000.0) + self.stepped


class Bench:
    """A desk, its disk and its peers' mailboxes. ``hold``: what is to be kept waits for :meth:`commit`."""

    def __init__(
        self,
        edition: Edition = Edition.V16,
        *,
        own: tuple[SiteToken, ...] = (token("CARD-1"), token("CARD-2")),
        unknown: UnknownTokens = UnknownTokens.REFUSE,
        settings: OfflineSettings | None = None,
    ) -> None:
        self.edition = edition
        self.settings = settings or OfflineSettings(drain_interval_s=0.0)
        self.disk = Disk()
        self.times = Times()
        self.unknown = unknown
        self.tokens = self._tokens()
        self.tokens.load(own=own)
        self.hold = False
        self.to_station: list[list[Any]] = []
        self.to_cloud: list[str] = []
        self.judged: list[Judged] = []
        self.ended: list[EndSession] = []
        self.notes: list[Note] = []
        self._chain: deque[Keep] = deque()
        self._calls = 0
        self.desk = self._desk()

    def _desk(self) -> Desk:
        kept = kept_of(
            STATION,
            entries=[replace(entry, text="") for _, entry in sorted(self.disk.entries.items())],  # nor has the file's
            sizes={seq: len(entry.text) for seq, entry in self.disk.entries.items()},
            precious=frozenset(),
            transactions=[kept for _, kept in sorted(self.disk.transactions.items())],  # as the file has them
            boots=self.disk.boots.values(),
            statuses=self.disk.statuses.values(),
            sessions=[session for session in self.disk.sessions.values() if session.ended_at is None],
        )
        book = StationBook.opened(
            STATION,
            self.edition,
            tokens=self.tokens,
            numbers=Numbers(self.disk.highest, b"s" * 16, self.times.wall),
            settings=self.settings,
            kept=kept,
        )
        return Desk(book, Pace(self.settings.drain_interval_s))

    def _tokens(self) -> TokenBook:
        policy = Policy(timezone=UTC, unknown=self.unknown, has_cloud=self.settings.has_cloud, follows_stations=True)
        return TokenBook(HASHER, policy)

    def restart(self, *, has_cloud: bool | None = None, own: tuple[SiteToken, ...] = ()) -> None:
        """The program is killed: what isn't on the disk is gone. ``has_cloud``: what the site file says now; then the
        tokens are ``own``."""
        self._chain.clear()
        if has_cloud is not None:
            self.settings = replace(self.settings, has_cloud=has_cloud)
            self.tokens = self._tokens()
            self.tokens.load(own=own)
        self.desk = self._desk()

    def commit(self, count: int | None = None) -> None:
        """What waits is on the disk now: the oldest ``count`` of it, or all."""
        while self._chain and (count is None or count > 0):
            step = self._chain.popleft()
            self.disk.keep(step.writes)
            self.do(list(step.then))
            count = None if count is None else count - 1

    def do(self, steps: list[Immediate] | list[Step]) -> None:
        for step in steps:
            match step:
                case Keep():
                    self._chain.append(step)
                case ToStation():
                    self.to_station.append(json.loads(step.text))
                case ToCloud():
                    self.to_cloud.append(step.text)
                case Fetch():
                    self.do(self.desk.fetched(self.disk.entries.get(step.seq), self.times.now))
                case Resume():
                    if step.after_s == 0.0:
                        self.tick()
                case Judged():
                    self.judged.append(step)
                case EndSession():
                    self.ended.append(step)
                case Note():
                    self.notes.append(step)
            if not self.hold:
                self.commit()

    def cloud_comes(self) -> None:
        self.do(self.desk.cloud_connected(self.times.now))

    def cloud_goes(self) -> None:
        self.do(self.desk.cloud_lost(self.times.wall))

    def tick(self, after_s: float = 0.0) -> None:
        self.times.now += after_s
        self.do(self.desk.tick(self.times.now, self.times.wall))

    def call(self, action: str, payload: dict[str, Any], identifier: str | None = None, *, signed: bool = False) -> str:
        """The station makes a CALL; its id."""
        self._calls += 1
        identifier = f"s{self._calls}" if identifier is None else identifier
        text = json.dumps([2, identifier, action, payload])
        self.raw(Request(id=identifier, action=action, payload=payload, text=text, signed=signed))
        return identifier

    def raw(self, request: Request) -> None:
        self.do(self.desk.from_station(request, self.times.now, self.times.wall))

    def cloud_answers(self, payload: dict[str, Any], identifier: str | None = None) -> None:
        """The cloud answers its newest CALL, or the one of this id."""
        identifier = self.asked[1] if identifier is None else identifier
        text = json.dumps([3, identifier, payload])
        self.do(self.desk.from_cloud(identifier, text, self.times.now, self.times.wall, answer=payload))

    def cloud_refuses(self, code: str = "InternalError", identifier: str | None = None) -> None:
        """The cloud answers its newest CALL with an error."""
        identifier = self.asked[1] if identifier is None else identifier
        text = json.dumps([4, identifier, code, "", {}])
        self.do(self.desk.from_cloud(identifier, text, self.times.now, self.times.wall, error=(code, "")))

    def state(self) -> DeskState:
        """Who answers the station."""
        return self.desk.state

    @property
    def asked(self) -> list[Any]:
        """The newest CALL that the cloud got."""
        found: list[Any] = json.loads(self.to_cloud[-1])
        return found

    @property
    def answered(self) -> list[Any]:
        """The newest answer that the station got."""
        return self.to_station[-1]

    def passes(self, action: str, payload: dict[str, Any], identifier: str) -> bool:
        """Whether this CALL of the station takes the short way: then the cloud has it."""
        text = json.dumps([2, identifier, action, payload])
        request = Request(id=identifier, action=action, payload=payload, text=text)
        passed = self.desk.may_pass(action) and self.desk.passes(request, self.times.now)
        if passed:
            self.to_cloud.append(text)
        return passed

    def start(self, meter: int = 100, tag: str = "CARD-1", connector: int = 1, identifier: str | None = None) -> str:
        """The station makes a StartTransaction."""
        stamp = self.times.wall.isoformat()
        payload = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": stamp}
        return self.call("StartTransaction", payload, identifier)

    def stop(self, transaction: int, meter: int = 200) -> str:
        """The station makes a StopTransaction."""
        stamp = self.times.wall.isoformat()
        return self.call("StopTransaction", {"transactionId": transaction, "meterStop": meter, "timestamp": stamp})

    def meter(self, transaction: int, value: str = "150") -> str:
        """The station sends MeterValues."""
        sample = {"timestamp": self.times.wall.isoformat(), "sampledValue": [{"value": value}]}
        payload = {"connectorId": 1, "transactionId": transaction, "meterValue": [sample]}
        return self.call("MeterValues", payload)

    def event(self, kind: str, order: int, tag: str | None = None, transaction: str = "tx-1", **more: Any) -> str:
        """The station sends a TransactionEvent."""
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": self.times.wall.isoformat(),
            "triggerReason": "Authorized",
            "seqNo": order,
            "transactionInfo": {"transactionId": transaction},
            **more,
        }
        if tag is not None:
            payload["idToken"] = {"idToken": tag, "type": "ISO14443"}
        return self.call("TransactionEvent", payload)
