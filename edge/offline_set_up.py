"""Storage, the desks that stand in for a cloud that is away, and the control: part of joining the rooms."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import orjson
import structlog

from edge.chance import Chance
from edge.clock import Clock
from edge.config import Configuration
from edge.control.ports import FactSink
from edge.domain.journal import Entry, EntryState, ForgetSessions
from edge.domain.session import QUARTER_S
from edge.domain.site import Mode, Priority
from edge.domain.station import SessionJudged
from edge.errors import StorageError
from edge.offline.authorise import Policy, UnknownTokens
from edge.offline.clerk import Clerk
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.hashing import TokenHasher
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.runner import Keeper
from edge.offline.settings import OfflineSettings, RefusedSession
from edge.offline.station import kept_of
from edge.offline.steps import EndSession, Judged
from edge.offline.thinning import Slip
from edge.offline.token_book import TokenBook
from edge.offline.witness import Witness
from edge.storage.key import token_key
from edge.storage.reading import Kept, KeptTokens, kept, kept_tokens
from edge.storage.session_file import METER_TOPIC
from edge.storage.store import HistoryRow, Store
from edge.storage.writer import Writer
from edge.units import Seconds, WattHours

log = structlog.get_logger(__name__)

T = TypeVar("T")

TRANSPARENT = "transparent"
WATCH_S: Seconds = 0.4  # how often is looked for what a command line has changed: twice in the second it is promised in
FORGET_S: Seconds = 86_400.0


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
        folder = Path(configuration.storage.path)
        self._store = Store(folder, chance=chance)
        self._store.open()
        try:
            hasher = TokenHasher(token_key(folder))
        except BaseException:
            self._store.close()
            raise
        self._writer = writer(self._store)
        self._tokens = TokenBook(hasher, policy(configuration))
        self._clerks: dict[str, Clerk] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._sessions_kept = timedelta(days=configuration.offline.session_days)
        self._quarter: int | None = None
        self._bars = RefusedSession(configuration.offline.refused_session) is not RefusedSession.KEEP
        _load(self._tokens, kept_tokens(self._store))
        self._sit_down(configuration, kept(self._store))

    def clerk(self, station: str) -> Clerk | None:
        """Who stands in for this station's cloud; None where nobody does."""
        return self._clerks.get(station)

    async def start(self) -> None:
        """Begin to write, and to watch what others write."""
        self._writer.start()
        for clerk in self._clerks.values():
            clerk.recheck()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._forget())]

    async def stop(self) -> None:
        """Write what waits, and close the files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.ended()
        self._store.close()

    def _sit_down(self, configuration: Configuration, found: Kept) -> None:
        settings = offline_settings(configuration)
        numbers = Numbers(found.highest, found.secret)
        pace = Pace(settings.drain_interval_s)
        for station in configuration.stations:
            kept_of_it = kept_of(
                station.id,
                entries=found.entries,
                sizes=found.sizes,
                precious=found.precious,
                transactions=found.transactions,
                sessions=found.sessions,
                boots=found.boots,
                statuses=found.statuses,
            )
            transparent = (station.mode or configuration.ocpp.mode) == TRANSPARENT
            if transparent and kept_of_it.slips:  # it was autonomous before: that is delivered first
                log.warning("what was kept is delivered before the station is transparent", station=station.id)
            desk: Desk | Witness
            edition = Edition.V16  # until it says what it speaks
            if transparent and not kept_of_it.slips:
                desk = Witness(
                    station.id, edition, tokens=self._tokens, numbers=numbers, settings=settings, kept=kept_of_it
                )
            else:
                desk = Desk(
                    station.id,
                    edition,
                    tokens=self._tokens,
                    numbers=numbers,
                    pace=pace,
                    settings=settings,
                    kept=kept_of_it,
                )
            self._clerks[station.id] = Clerk(desk, self._writer, self._clock, self._heard)

    def _heard(self, step: Judged | EndSession) -> None:
        """Who charges in which class, and who not any more: for the control."""
        priority, barred = None, isinstance(step, EndSession)
        if isinstance(step, Judged):
            barred = not step.verdict.accepted and self._bars
            priority = self._classes.get(step.verdict.class_id) if step.verdict.class_id is not None else None
        else:
            log.warning("a session is barred", station=step.station, transaction=step.transaction, why=step.reason)
        self._sink.take(
            SessionJudged(
                station=step.station,
                transaction_id=step.transaction,
                at=self._clock.monotonic(),
                priority=priority,
                barred=barred,
            )
        )

    def meters_read(self, imports_wh: Mapping[str, WattHours | None]) -> None:
        """The import registers of the site's meters: kept at the begin of each quarter of an hour."""
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
            found = await self._writer.ask(_read)
            own = found.tokens
            self._tokens.take_over(cached=own.cached, listed=own.listed, own=own.own, wall=self._clock.wall())
            # Of a station that wrote in between what was read may be older than what is known.
            same = {s for s, mark in marks.items() if mark is not None and self._clerks[s].runner.mark == mark}
            self._sent_again(same, found.kept)
            for station in waiting:
                self._clerks[station].recheck()
            waiting -= same
            if waiting:
                await asyncio.sleep(self._watch_s)

    def _sent_again(self, stations: set[str], found: Kept) -> None:
        for entry in found.entries:
            if entry.station in stations and entry.state is EntryState.PENDING:
                self._clerks[entry.station].sent_again(_slip(entry, found))
        for transaction in found.transactions:
            if transaction.station in stations:
                self._clerks[transaction.station].desk.erased(transaction)

    async def _forget(self) -> None:
        """Retention."""
        while True:
            await asyncio.sleep(FORGET_S)
            for clerk in self._clerks.values():
                clerk.forget_old()
            wall = self._clock.wall()
            writes = [*self._tokens.expire(wall), ForgetSessions(before=wall - self._sessions_kept)]
            with contextlib.suppress(StorageError):  # tomorrow, then
                await self._writer.keep(writes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    tokens: KeptTokens
    kept: Kept


def _read(store: Store) -> _Found:
    return _Found(tokens=kept_tokens(store), kept=kept(store))


def _load(book: TokenBook, found: KeptTokens) -> None:
    book.load(cached=found.cached, versions=found.versions, listed=found.listed, own=found.own)


def _slip(entry: Entry, found: Kept) -> Slip:
    return Slip(
        seq=entry.seq,
        kind=entry.kind,
        transaction=entry.transaction,
        order=entry.order,
        size=found.sizes[entry.seq],
        precious=entry.seq in found.precious,
    )


def open_offline(
    configuration: Configuration, *, clock: Clock, sink: FactSink, chance: Chance, write_by: WriteBy
) -> Offline | None:
    """What stands in for clouds that are away; None where nothing may (``mode = "observe"``) or can.

    Without a disk stations are relayed all the same, and charge by their limits.
    """
    if configuration.site.control.mode is Mode.OBSERVE:
        return None
    try:
        return Offline(configuration, clock=clock, sink=sink, chance=chance, writer=write_by)
    except StorageError as exc:
        log.error("nothing can be kept: stations get no answers while their cloud is away", problem=str(exc))  # noqa: TRY400
        return None


def policy(configuration: Configuration) -> Policy:
    """Who may charge."""
    table = configuration.offline
    return Policy(
        timezone=ZoneInfo(configuration.site.timezone),
        unknown=UnknownTokens(table.unknown_tokens),
        energy_limit_wh=table.unknown_energy_wh,
        cache_life=timedelta(days=table.cache_days),
    )


def offline_settings(configuration: Configuration) -> OfflineSettings:
    """How the time without a cloud is dealt with."""
    table = configuration.offline
    return OfflineSettings(
        answer_timeout_s=table.answer_timeout_s,
        attempts=table.attempts,
        retry_interval_s=table.retry_interval_s,
        refused_session=RefusedSession(table.refused_session),
        backlog_characters=int(table.station_backlog_mb * 1_000_000),
        drain_interval_s=1.0 / table.deliveries_per_s,
        kept=timedelta(days=table.keep_days),
    )
