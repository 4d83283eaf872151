"""Storage, the desks that stand in for a cloud that is away, and the control: part of joining the rooms."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import orjson
import structlog

from edge.chance import Chance
from edge.clock import Clock, SteadyDay
from edge.config import Configuration
from edge.control.ports import FactSink, StatusReport
from edge.domain.journal import EntryState, ForgetSessions
from edge.domain.session import QUARTER_S
from edge.domain.site import Mode, Priority
from edge.domain.station import SessionJudged
from edge.errors import StorageError
from edge.journal_report import cards_report, journal_report, not_kept
from edge.offline.backlog import slip
from edge.offline.clerk import Clerk
from edge.offline.hashing import TokenHasher
from edge.offline.runner import Keeper
from edge.offline.settings import RefusedSession
from edge.offline.shown_time import ShownTime
from edge.offline.steps import EndSession, Judged
from edge.offline.token_book import TokenBook
from edge.offline_desks import desks, newest_moment, policy
from edge.storage.history import HistoryRow
from edge.storage.key import token_key
from edge.storage.reading import Altered, KeptTokens, altered, kept, kept_tokens
from edge.storage.session_file import METER_TOPIC
from edge.storage.store import Store
from edge.storage.writer import Writer
from edge.units import Seconds, WattHours

log = structlog.get_logger(__name__)

T = TypeVar("T")

WATCH_S: Seconds = 0.4  # how often is looked for what a command line has changed: twice in the second it is promised in
FORGET_S: Seconds = 86_400.0
LOOK_S: Seconds = 10.0  # how often the files are looked at for those who ask how they are


class StorageWriter(Keeper, Protocol):
    """Owns an open store from :meth:`start` to :meth:`stop`. Implemented by :class:`edge.storage.writer.Writer`."""

    def start(self) -> None: ...
    async def ended(self) -> None:
        """Write what waits, and end."""

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Read something, behind what was submitted before."""

    def remember(self, row: HistoryRow) -> None:
        """Add to the history some time soon. Never fails."""


WriteBy = Callable[[Store], StorageWriter]


class Offline:
    """The storage with its writer, and a clerk for each station whose cloud is stood in for."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        clock: Clock,
        sink: FactSink,
        chance: Chance | None = None,
        writer: WriteBy = Writer,
        watch_s: Seconds = WATCH_S,
    ) -> None:
        """:raises StorageError: the folder can't be used."""
        self._clock = clock
        self._watch_s = watch_s
        self._sink = sink
        self._classes: Mapping[str, Priority] = configuration.classes
        self._zone = ZoneInfo(configuration.site.timezone)
        self._folder = configuration.storage.path
        folder = Path(self._folder)
        self._store = Store(folder, chance=chance)
        self._store.open()
        try:
            hasher = TokenHasher(token_key(folder, heal=True))
        except BaseException:
            self._store.close()
            raise
        self._writer = writer(self._store)
        self._tokens = TokenBook(hasher, policy(configuration))
        self._tasks: list[asyncio.Task[None]] = []
        self._sessions_kept = timedelta(days=configuration.offline.session_days)
        self._quarter: int | None = None
        self._bars = RefusedSession(configuration.offline.refused_session) is not RefusedSession.KEEP
        _load(self._tokens, kept_tokens(self._store))
        found = kept(self._store)
        shown = ShownTime(clock, newest_moment(found))
        self._clerks = {
            desk.book.id: Clerk(desk, self._writer, clock, self._heard, shown)
            for desk in desks(configuration, found, self._tokens, clock.wall())
        }
        self._left_behind = Counter(
            entry.station
            for entry in found.entries
            if entry.state is EntryState.PENDING and entry.station not in self._clerks
        )
        if not configuration.ocpp.has_cloud and any(clerk.owed for clerk in self._clerks.values()):
            owed = sum(clerk.owed for clerk in self._clerks.values())
            log.warning("messages are kept for a cloud that the site no longer has", count=owed)
        for station, count in self._left_behind.items():
            log.warning(
                "messages for the cloud are of a station that the site no longer has", station=station, count=count
            )
        self._checked_at = clock.wall()  # the files have just been opened
        self._files = self._store.condition()

    def clerk(self, station: str) -> Clerk | None:
        """Who stands in for this station's cloud; None where nobody does."""
        return self._clerks.get(station)

    def report(self) -> StatusReport:
        """How the disk fares, and what waits there for the cloud."""
        return journal_report(
            self._folder,
            self._store.health,
            self._files,
            [clerk.desk.book for clerk in self._clerks.values()],
            healed=self._store.healed,
            checked_at=self._checked_at,
            left_behind=self._left_behind,
            wall=self._clock.wall(),
        )

    def lets_in(self, station: str) -> str | None:
        """See :meth:`edge.offline.token_book.TokenBook.lets_in`."""
        return self._tokens.lets_in(station)

    def cards_shown(self) -> list[StatusReport]:
        """The cards that somebody may want to enter."""
        return cards_report(self._tokens.strangers(self._clock.wall()))

    async def start(self) -> None:
        """Begin to write, and to watch what others write."""
        self._writer.start()
        for clerk in self._clerks.values():
            clerk.recheck()
        self._tasks = [asyncio.create_task(each()) for each in (self._watch, self._look, self._forget)]

    async def stop(self) -> None:
        """Write what waits, and close the files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.ended()
        self._store.close()

    def _heard(self, step: Judged | EndSession) -> None:
        """Who charges in which class, and who not any more: for the control."""
        priority, need, barred = None, None, isinstance(step, EndSession)
        if isinstance(step, Judged):
            barred = not step.verdict.accepted and self._bars
            priority = self._classes.get(step.verdict.class_id) if step.verdict.class_id is not None else None
            need = step.verdict.need if self._clock.wall_is_trusted() else None  # by another clock it is another's
        else:
            tell = log.debug if step.again else log.warning
            tell("a session is barred", station=step.station, transaction=step.transaction, why=step.reason)
        wall = self._clock.wall()
        self._sink.take(
            SessionJudged(
                station=step.station,
                transaction_id=step.transaction,
                at=self._clock.monotonic(),
                priority=priority,
                barred=barred,
                energy_wanted_wh=need.energy_wanted_wh if need is not None else 0.0,
                departs_in_s=(need.departure(wall, self._zone) - wall).total_seconds() if need is not None else None,
            )
        )

    def meters_read(self, imports_wh: Mapping[str, WattHours | None]) -> None:
        """The import registers of the site's meters: kept at the begin of each quarter of an hour."""
        if not self._clock.wall_is_trusted():  # it would count for another day
            return
        wall = self._clock.wall()
        quarter = int(wall.timestamp()) // QUARTER_S
        if quarter == self._quarter:
            return
        self._quarter = quarter
        for meter, import_wh in imports_wh.items():
            if import_wh is not None:
                body = orjson.dumps({"import_wh": import_wh}).decode()
                self._writer.remember(HistoryRow(at=wall, topic=METER_TOPIC + meter, body=body))

    async def _watch(self) -> None:
        """Take over what ``edge token`` and ``edge journal`` have written."""
        while True:
            await asyncio.sleep(self._watch_s)
            try:
                if await self._writer.ask(Store.changed_by_others):
                    await self._take_over()
            except StorageError as exc:
                log.warning("what others have written can't be read", problem=str(exc))
            except Exception:
                log.exception("a fault of the gateway while it read what others have written")

    async def _take_over(self) -> None:
        waiting = set(self._clerks)
        while waiting:
            marks = {station: self._clerks[station].runner.mark for station in waiting}
            resendable = {n for clerk in self._clerks.values() for n in clerk.desk.book.backlog.resendable}
            found = await self._writer.ask(partial(_read, resendable))
            own = found.tokens
            self._tokens.take_over(cached=own.cached, listed=own.listed, own=own.own, wall=self._clock.wall())
            # Of a station that wrote in between what was read may be older than what is known.
            same = {s for s, mark in marks.items() if mark is not None and self._clerks[s].runner.mark == mark}
            self._sent_again(same, found.altered)
            for station in waiting:
                self._clerks[station].recheck()
            waiting -= same
            if waiting:
                await asyncio.sleep(self._watch_s)

    def _sent_again(self, stations: set[str], found: Altered) -> None:
        for entry in found.entries:
            if entry.station in stations and entry.state is EntryState.PENDING:
                kept_slip = slip(entry, precious=entry.seq in found.precious, size=found.sizes[entry.seq])
                self._clerks[entry.station].sent_again(kept_slip, deferred=entry.is_deferred)
        for transaction in found.transactions:
            if transaction.station in stations:
                self._clerks[transaction.station].desk.erased(transaction)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._files = await self._writer.ask(Store.condition)

    async def _forget(self) -> None:
        """Retention, once a day; not while the clock that says how old things are may be wrong."""
        steady = SteadyDay(self._clock)
        while True:
            await asyncio.sleep(FORGET_S)
            if not steady.has_passed():
                log.warning("the clock was set within the last day, or isn't yet: nothing is forgotten for its age")
                continue
            for clerk in self._clerks.values():
                clerk.forget_old()
            wall = self._clock.wall()
            writes = [*self._tokens.expire(wall), ForgetSessions(before=wall - self._sessions_kept)]
            with contextlib.suppress(StorageError):  # tomorrow, then
                await self._writer.keep(writes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    tokens: KeptTokens
    altered: Altered


def _read(resendable: Collection[int], store: Store) -> _Found:
    return _Found(tokens=kept_tokens(store), altered=altered(store, resendable))


def _load(book: TokenBook, found: KeptTokens) -> None:
    book.load(cached=found.cached, versions=found.versions, listed=found.listed, own=found.own)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIns:
    """What stands in for clouds that are away; ``offline`` is None where nothing may, or can for ``problem``."""

    offline: Offline | None
    folder: str
    problem: str | None = None

    def clerk(self, station: str) -> Clerk | None:
        """Who stands in for this station's cloud; None where nobody does."""
        return self.offline.clerk(station) if self.offline is not None else None

    def report(self) -> StatusReport:
        """What is told of it."""
        return self.offline.report() if self.offline is not None else not_kept(self.folder, self.problem)

    def lets_in(self, station: str) -> str | None:
        """See :meth:`Offline.lets_in`."""
        return self.offline.lets_in(station) if self.offline is not None else None

    def cards_shown(self) -> list[StatusReport]:
        """See :meth:`Offline.cards_shown`."""
        return self.offline.cards_shown() if self.offline is not None else []


def open_offline(
    configuration: Configuration, *, clock: Clock, sink: FactSink, chance: Chance, write_by: WriteBy
) -> StandIns:
    """Nothing stands in for a cloud where nothing may be originated (``mode = "observe"``), nor where the disk can't be
    used: stations are relayed all the same, and charge by their limits. Where the site has no cloud somebody must
    answer them in either mode.
    """
    folder = configuration.storage.path
    if configuration.site.control.mode is Mode.OBSERVE and configuration.ocpp.has_cloud:
        return StandIns(offline=None, folder=folder)
    try:
        offline = Offline(configuration, clock=clock, sink=sink, chance=chance, writer=write_by)
    except StorageError as exc:
        while_away = " while their cloud is away" if configuration.ocpp.has_cloud else ""
        log.error(f"nothing can be kept: stations get no answers{while_away}", problem=str(exc))  # noqa: TRY400
        return StandIns(offline=None, folder=folder, problem=str(exc))
    return StandIns(offline=offline, folder=folder)
