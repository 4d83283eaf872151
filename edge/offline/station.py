"""What the parts of one station's desk share: who it is, what is known of it, and the steps of the moment."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from edge.domain.journal import (
    LOST,
    Boot,
    ConnectorStatus,
    DropTransaction,
    Entry,
    EntryKind,
    PutBoot,
    PutEntry,
    PutStatus,
    PutTransaction,
    Transaction,
    Write,
)
from edge.offline.accounts import Accounts
from edge.offline.allowance import Allowance
from edge.offline.backlog import Backlog, slip
from edge.offline.came_as import CameAs
from edge.offline.charges import Charges, Reading
from edge.offline.edition import Edition
from edge.offline.message import Request, whole
from edge.offline.numbers import Numbers
from edge.offline.settings import OfflineSettings, RefusedSession
from edge.offline.station_kept import StationKept
from edge.offline.steps import EndSession, Immediate, Keep, Level, Note, Step
from edge.offline.token_book import Judged, TokenBook
from edge.offline.token_info import ShownToken

# Of a station, whose states are kept: real ones have two, and of one that invents more no more are.
CONNECTORS_MOST = 64


class Steps:
    """Collects the steps of one call."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def add(self, *steps: Step) -> None:
        """These are to be done next."""
        self._steps.extend(steps)

    def keep(self, writes: Iterable[Write], *then: Immediate) -> None:
        """Have these kept, then do ``then``."""
        self._steps.append(Keep(tuple(writes), then))

    def pass_on(self, writes: Iterable[Write], *then: Immediate) -> None:
        """The same of what isn't our word: see :class:`edge.offline.steps.Keep`."""
        self._steps.append(Keep(tuple(writes), then, ours=False))

    def note(self, level: Level, event: str, **fields: object) -> None:
        """Tell the log."""
        self._steps.append(Note(level, event, fields))

    def empty(self) -> list[Step]:
        """Hand over what was collected."""
        steps, self._steps = self._steps, []
        return steps


@dataclass(slots=True, kw_only=True)
class StationBook:
    """One station's state. Mutable; belongs to its :class:`edge.offline.desk.Desk` or
    :class:`edge.offline.witness.Witness`."""

    id: str
    edition: Edition
    tokens: TokenBook
    numbers: Numbers
    settings: OfflineSettings
    charges: Charges
    accounts: Accounts
    backlog: Backlog
    allowance: Allowance
    boot: Boot
    statuses: dict[str, ConnectorStatus]
    steps: Steps = field(default_factory=Steps)
    came_as: CameAs = field(default_factory=CameAs)
    barred: dict[str, str] = field(default_factory=dict)  # transactions that are to get no current, and why

    @classmethod
    def opened(
        cls,
        station: str,
        edition: Edition,
        *,
        tokens: TokenBook,
        numbers: Numbers,
        settings: OfflineSettings,
        kept: StationKept | None = None,
    ) -> "StationBook":
        """The book of a station as it was kept; None of one that is new. ``edition``: until the station has said what
        it speaks; what it has left says whether that is 2.x."""
        kept = kept if kept is not None else StationKept()
        backlog = Backlog(settings)
        for kept_slip, attempts in kept.slips:
            backlog.add(kept_slip, attempts, deferred=kept_slip.seq in kept.deferred)
        for seq, size in kept.aside.items():
            backlog.set_aside(seq, size)
        never = Boot(station=station, text=None, owed=False, status=None, interval_s=None)
        boot = kept.boot or never
        if not settings.has_cloud:  # what one that was there before has said of it binds nobody now
            boot = replace(boot, status=None, interval_s=None)
        return cls(
            id=station,
            edition=Edition.V21 if kept.is_v2 and not edition.is_v2 else edition,
            tokens=tokens,
            numbers=numbers,
            settings=settings,
            charges=Charges(station, kept.transactions),
            accounts=Accounts(station, tokens, kept.sessions),
            backlog=backlog,
            allowance=Allowance(settings.backlog_characters),
            boot=boot,
            statuses={status.connector: status for status in kept.statuses},
        )

    def new_entry(
        self, request: Request, kind: EntryKind, wall: datetime, *, answered: bool, reading: Reading | None = None
    ) -> Entry:
        """A message for the journal, under a new number."""
        return Entry(
            seq=self.numbers.next(),
            station=self.id,
            kind=kind,
            action=f"{request.action}-Signed" if request.signed else request.action,
            message_id=request.id,
            transaction=reading.key if reading is not None else None,
            order=reading.order if reading is not None else None,
            text=request.text,
            taken_at=wall,
            answered=answered,
        )

    def judge_shown(self, shown: ShownToken, wall: datetime) -> Judged:
        """The verdict on a token that is shown to begin a session, or to end its own."""
        token = self.tokens.hash(shown.text)
        charging = any(each.token == token and each.key not in self.barred for each in self.charges.running())
        return self.tokens.judge(self.id, shown, wall, charging=charging)

    def is_alone(self, record: Transaction | None) -> bool:
        """Whether a message is for no cloud: of a transaction that began while the site had none, or, of none that is
        known, while it has none."""
        return record.alone if record is not None else not self.settings.has_cloud

    def waits_for_begin(self, record: Transaction | None) -> bool:
        """Whether the cloud hasn't taken the begin of a transaction, without which it can't be told of the rest."""
        if record is None or record.alone:
            return False
        # In 1.6 it would be under a number of ours.
        is_ours = record.began is not None and record.answer is not None and record.cloud_id is None
        return self.backlog.holds(record.key) if self.edition.is_v2 else is_ours

    def queue(self, entry: Entry, *, precious: bool) -> list[Write]:
        """The entry waits for the cloud: what is to be written for that, and what has to make room for it. Nothing of
        one that is for none."""
        if self.is_alone(self.charges.get(entry.transaction)):
            return []
        self.backlog.add(slip(entry, precious=precious))
        thinned = self.backlog.thin(spare=entry.seq)
        if thinned:
            self.steps.note("warning", "messages for the cloud were thinned out", station=self.id, dropped=len(thinned))
        return [PutEntry(entry=entry), *thinned]

    def bar(self, record: Transaction, reason: str) -> list[Immediate]:
        """A session is to get no current any more, as the site wants it; once."""
        if self.settings.refused_session is RefusedSession.KEEP or record.key in self.barred:
            return []
        self.barred[record.key] = reason
        return [self.end_session(record.key)]

    def over(self, reading: Reading, beginning: str) -> list[Write]:
        """A transaction begins there: one that ran there has been lost by its station, in a reboot (fault 26). Unless
        the begin was stored, and comes behind what was told later of the other.
        """
        writes: list[Write] = []
        for record in self.charges.running():
            if reading.connector is None or record.connector != reading.connector:
                continue
            if record.key != beginning and not self.charges.was_told_after(record, reading):
                lost = self.charges.put(replace(record, ended=LOST))
                writes += [PutTransaction(transaction=lost), *self.accounts.lost(record.key)]
                self.steps.note("warning", "a transaction's end was never told", station=self.id, transaction=lost.key)
        return writes

    def appeared(self, reading: Reading, key: str) -> list[Write]:
        """A transaction is met for the first time: it may end another. What is known of too many others is forgotten,
        unless the cloud has yet to hear of it."""
        writes = self.over(reading, key) if reading.kind is EntryKind.BEGIN else []
        for record in self.charges.surplus(self.backlog.transactions | {key}) if self.charges.is_crowded else ():
            self.charges.drop(record.key)
            writes += [*self.accounts.lost(record.key), DropTransaction(station=self.id, key=record.key)]
        return writes

    def placed(self, record: Transaction, reading: Reading) -> tuple[Transaction, list[Write]]:
        """A transaction of 2.x whose begin named no EVSE (TxStartPoint Authorized) is known to run at one."""
        if record.connector is not None or reading.connector is None or reading.order is None:
            return record, []
        record = self.charges.put(replace(record, connector=reading.connector))
        return record, [PutTransaction(transaction=record), *self.over(reading, record.key)]

    def is_clouds(self, record: Transaction) -> bool:
        """Whether the cloud has had all of a transaction, and knows it by the id that the station has."""
        if record.alone or self.backlog.of(record.key):
            return False
        is_its_own = record.cloud_id is None and record.began is None
        return self.edition.is_v2 or is_its_own or record.key == str(record.cloud_id)

    def end_session(self, transaction: str, *, again: bool = False) -> EndSession:
        """What is to be done with a session that is barred."""
        stop, reason = self.settings.refused_session is RefusedSession.STOP, self.barred[transaction]
        return EndSession(station=self.id, transaction=transaction, reason=reason, stop=stop, again=again)

    def booted(self, text: str | None, *, owed: bool) -> list[Write]:
        """The station has booted."""
        self.boot = replace(self.boot, text=text or self.boot.text, owed=owed)
        return [PutBoot(boot=self.boot)]

    def boot_answered(self, status: str | None, interval_s: int | None) -> list[Write]:
        """The cloud has answered a boot."""
        before = self.boot
        owed = before.owed and status != "Accepted"
        self.boot = replace(before, owed=owed, status=status, interval_s=interval_s)
        return [PutBoot(boot=self.boot)] if self.boot != before else []

    def status_told(self, request: Request, *, owed: bool) -> list[Write]:
        """The station tells the state of a connector; ``owed``: the cloud doesn't hear it now."""
        parts = (request.fields.get("evseId"), request.fields.get("connectorId"))
        connector = "/".join(str(whole(part)) for part in parts if whole(part) is not None)
        before = self.statuses.get(connector)
        if not owed and (before is None or not before.owed):
            return []
        if before is None and len(self.statuses) >= CONNECTORS_MOST:
            return []
        status = ConnectorStatus(station=self.id, connector=connector, text=request.text, owed=owed)
        self.statuses[connector] = status
        return [PutStatus(status=status)]

    def status_delivered(self, connector: str) -> list[Write]:
        """The cloud has the newest state of a connector."""
        status = replace(self.statuses[connector], owed=False)
        self.statuses[connector] = status
        return [PutStatus(status=status)]

    @property
    def owed_status(self) -> ConnectorStatus | None:
        """A state that the cloud hasn't heard; None when it has heard all."""
        for status in self.statuses.values():
            if status.owed:
                return status
        return None
