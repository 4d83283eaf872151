"""Carries out a desk's steps: the thin shell between the rules and the ports. Holds no rules."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

import structlog

from edge.clock import Clock
from edge.domain.journal import DropEntry, DropTransaction, Entry, EntryKind, PutEntry, PutTransaction, Write
from edge.errors import EntryDamaged, StorageError, StorageFull
from edge.offline.desk import Desk
from edge.offline.steps import (
    EndSession,
    Fetch,
    Immediate,
    Judged,
    Keep,
    Note,
    Resume,
    Step,
    ToCloud,
    ToStation,
)
from edge.offline.witness import Witness
from edge.units import Seconds

log = structlog.get_logger(__name__)

RETRY_S: Seconds = 5.0  # a full disk may have been freed
# A card that is well takes a second or two at most, for its own housekeeping; one that breaks may hang for minutes. A
# cloud is waited for 15 s.
PATIENCE_S: Seconds = 5.0
# A station that is answered by its cloud waits for no disk: so much of what it says is remembered while that refuses.
CHAIN_MOST = 1_000


class Keeper(Protocol):
    """The storage, as the desks need it."""

    async def keep(self, writes: Sequence[Write]) -> None:
        """Have these on the disk, whole or not at all. Raises :class:`edge.errors.StorageError` when it refuses."""

    async def fetch(self, seq: int) -> Entry | None:
        """The message of this number; None when it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a desk's steps lead. None of these may block or fail."""

    to_station: Callable[[str], None]
    to_cloud: Callable[[str, str], None]  # with the message id before it
    judged: Callable[[Judged], None]
    end_session: Callable[[EndSession], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Links:
    """Which of a station's connections, one after the other."""

    station: int = 0
    cloud: int = 0


class Runner:
    """One desk's. Its methods belong to the event loop's thread."""

    def __init__(self, desk: Desk | Witness, ports: Ports, keeper: Keeper, clock: Clock) -> None:
        self.desk = desk
        self._ports = ports
        self._keeper = keeper
        self._clock = clock
        self._chain: deque[tuple[Keep, _Links]] = deque()
        self._links = _Links()
        self._handed_on = 0
        self._disk_refuses = False
        self._worker: asyncio.Task[None] | None = None
        self._asides: set[asyncio.Task[None]] = set()

    def do(self, steps: Sequence[Step]) -> None:
        """Carry these out. What waits for the disk is done later, in its order."""
        self._do(steps, self._links)

    def line_broken(self, *, station: bool = False, cloud: bool = False) -> None:
        """A connection is over: what still waits to be sent on it is never sent on the next one."""
        before = self._links
        self._links = _Links(station=before.station + station, cloud=before.cloud + cloud)

    def _do(self, steps: Sequence[Step], links: _Links) -> None:
        for step in steps:
            match step:
                case Keep():
                    self._keep(step, links)
                case ToStation() if links.station != self._links.station:
                    pass
                case ToCloud() if links.cloud != self._links.cloud:
                    pass
                case ToCloud() if isinstance(self.desk, Desk) and not self.desk.asks(step.id):
                    # The disk took so long that it isn't live any more: it is delivered from the journal.
                    self._do(self.desk.unsent(step.id, self._clock.monotonic()), self._links)
                case _:
                    self._now(step)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the disk."""
        return self._worker is None

    @property
    def mark(self) -> int | None:
        """How many writes were handed on so far; None while some of them are not on the disk yet."""
        return self._handed_on if self._worker is None else None

    async def settled(self) -> None:
        """Wait until all that was to be kept is."""
        while self._worker is not None or self._asides:
            await asyncio.gather(*self._asides, *([self._worker] if self._worker is not None else []))

    def _keep(self, step: Keep, links: _Links) -> None:
        if not step.writes and self._worker is None:
            self._do(step.then, links)
            return
        then: Sequence[Immediate] = ()
        if self._disk_refuses and not step.ours:
            step, then = replace(step, then=()), step.then
        if step.writes or step.then:
            self._make_room()
            self._chain.append((step, links))
            self._handed_on += len(step.writes)
        if self._worker is None:
            self._worker = asyncio.create_task(self._follow(), name=f"journal of {self.desk.book.id}")
        self._do(then, links)

    async def _follow(self) -> None:
        try:
            while self._chain:
                step, _ = self._chain[0]  # stays there as long as the disk refuses it
                if step.writes and not await self._kept(step.writes):
                    continue
                step, links = self._chain.popleft()
                self._do(step.then, links)
        finally:
            self._worker, self._disk_refuses = None, False

    def _disk_hangs(self) -> None:
        if not self._disk_refuses:
            log.warning("the disk takes long: what the cloud answers isn't kept first", station=self.desk.book.id)
        self._disk_fails()

    def _disk_fails(self) -> None:
        """It refuses, or hangs: what isn't our word goes without it; what is to be kept of that stays in its order."""
        self._disk_refuses = True
        waiting, self._chain = self._chain, deque()
        passing: list[tuple[Keep, _Links]] = []
        for step, links in waiting:
            if not step.ours:
                passing.append((step, links))
            kept = step if step.ours else replace(step, then=())
            if kept.writes or kept.then:
                self._chain.append((kept, links))
        for step, links in passing:
            self._do(step.then, links)

    def _make_room(self) -> None:
        """Nobody waits for these writes: the oldest are forgotten, but none of a transaction that we have answered for,
        samples excepted. The first of all is on its way."""
        if len(self._chain) < CHAIN_MOST:
            return
        answers = isinstance(self.desk, Desk)
        for number, (step, _) in enumerate(self._chain):
            if number and not step.then and not (answers and _lasts(step)):
                del self._chain[number]
                return

    def _makes_way(self) -> bool:
        """A full disk may have room left that no samples get (:mod:`edge.storage.reserve`): those that nobody waits for
        are lost where something else waits behind them. Whether it was so."""
        lost = next((number for number, (step, _) in enumerate(self._chain) if not _is_spare(step)), 0)
        for _ in range(lost):
            self._chain.popleft()
        return lost > 0

    async def _kept(self, writes: Sequence[Write]) -> bool:
        """Have these on the disk, however long that takes; False where they are left away."""
        told = False
        while True:
            patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._disk_hangs)
            try:
                await self._keeper.keep(writes)
            except StorageError as exc:
                self._disk_fails()
                if not told:
                    what = "messages can't be kept: their station is answered by its cloud alone"  # and keeps them
                    what = "samples can't be kept" if _is_spare(self._chain[0][0]) else what
                    log.error(what, station=self.desk.book.id, problem=str(exc))  # noqa: TRY400 - no fault of ours
                told = True
                if isinstance(exc, StorageFull) and self._makes_way():
                    return False
                await asyncio.sleep(RETRY_S)
            else:
                self._disk_refuses = False
                if told:
                    log.info("messages are kept again", station=self.desk.book.id)
                return True
            finally:
                patience.cancel()

    def _now(self, step: Immediate) -> None:
        match step:
            case ToStation():
                self._ports.to_station(step.text)
            case ToCloud():
                self._ports.to_cloud(step.id, step.text)
            case Judged():
                self._ports.judged(step)
            case EndSession():
                self._ports.end_session(step)
            case Note():
                getattr(log, step.level)(step.event, **{"station": self.desk.book.id, **step.fields})
            case Fetch():
                assert isinstance(self.desk, Desk)  # noqa: S101 - a witness has nothing to deliver
                self._aside(self._fetch(self.desk, step.seq))
            case Resume():
                asyncio.get_running_loop().call_later(step.after_s, self._resume)
            case _:
                assert_never(step)

    def _resume(self) -> None:
        self.do(self.desk.tick(self._clock.monotonic(), self._clock.wall()))

    async def _fetch(self, desk: Desk, seq: int) -> None:
        unwritten = self._unwritten(seq)
        try:
            async with asyncio.timeout(PATIENCE_S):
                entry = unwritten or await self._keeper.fetch(seq)
        except EntryDamaged as exc:
            log.error("a kept message is damaged; those behind it go on", station=desk.book.id, problem=str(exc))  # noqa: TRY400
            self.do(desk.unfetched(damaged=True))
        except (StorageError, TimeoutError) as exc:
            log.warning("a kept message can't be read", station=desk.book.id, number=seq, problem=str(exc))
            self.do(desk.unfetched())
        else:
            # Each StartTransaction is a session of its own to the cloud; an event of 2.x names its transaction.
            begins_anew = entry is not None and entry.kind is EntryKind.BEGIN and entry.order is None
            if self._disk_refuses and unwritten is None and begins_anew:
                # That it was delivered couldn't be written down: after a restart the cloud would have two sessions.
                self.do(desk.unfetched())
            else:
                self.do(desk.fetched(entry, self._clock.monotonic()))

    def _unwritten(self, seq: int) -> Entry | None:
        """The message of this number where the disk hasn't taken it yet."""
        for step, _ in reversed(self._chain):
            for write in step.writes:
                if isinstance(write, PutEntry) and write.entry.seq == seq:
                    return write.entry
        return None

    def _aside(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


def _is_spare(step: Keep) -> bool:
    """Whether it is mere samples for which nobody waits."""
    return not (step.ours or step.then or _lasts(step))


def _lasts(step: Keep) -> bool:
    """Whether it is of a transaction, and no mere sample of one."""
    entries = [write.entry for write in step.writes if isinstance(write, PutEntry)]
    if entries:
        return any(entry.kind is not EntryKind.METER for entry in entries)
    return any(isinstance(write, DropEntry | PutTransaction | DropTransaction) for write in step.writes)
