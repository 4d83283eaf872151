"""The one thread that writes, and the queue before it. Whoever waits for durability waits for a future.

While an fsync runs, batches gather; the next one takes them all. So a burst of 200 stations costs few fsyncs, and
nobody waits for company.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import structlog

from edge.domain.journal import Entry, Write
from edge.errors import StorageFailed
from edge.storage.history import HistoryRow
from edge.storage.reading import entry
from edge.storage.store import Store
from edge.units import Seconds

log = structlog.get_logger(__name__)

GROUP_MOST = 512  # batches in one commit: bounds how long the first of them waits
HISTORY_S: Seconds = 30.0  # so long history gathers, for the SD card's sake
HISTORY_ROWS = 2_000  # or so many rows
HISTORY_WAITING = 20_000  # more than these are left out: memory is bounded
MAINTAIN_S: Seconds = 60.0
STOP_S: Seconds = 10.0  # how long the end of the program waits for the last writes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Batch:
    writes: Sequence[Write]
    done: "Future[None]"


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Callable[[], None]


class Writer:
    """Owns an open store from :meth:`start` to :meth:`stop`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[_Batch | _Question | HistoryRow | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._history: list[HistoryRow] = []
        self._history_due: Seconds | None = None
        self._maintain_due: Seconds = 0.0
        self._stopped = False
        self.commits = 0  # groups written since the start
        self.batches = 0  # batches in them
        self.history_left_out = 0

    def start(self) -> None:
        """Start the thread."""
        self._maintain_due = time.monotonic() + MAINTAIN_S
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end. Blocks, :data:`STOP_S` at most."""
        self._stopped = True
        self._queue.put(None)
        self._thread.join(STOP_S)

    async def ended(self) -> None:
        """:meth:`stop`, without holding up the loop."""
        await asyncio.to_thread(self.stop)

    def submit(self, writes: Sequence[Write]) -> "Future[None]":
        """Have this batch on the disk, whole or not at all. The future is done when it is, and fails with a
        :class:`edge.errors.StorageError` when the disk doesn't take it. In the order of the calls."""
        done: Future[None] = Future()
        if self._stopped:
            done.set_exception(StorageFailed("the storage is closed"))
        else:
            self._queue.put(_Batch(writes, done))
        return done

    async def keep(self, writes: Sequence[Write]) -> None:
        """:meth:`submit`, and wait for it."""
        await asyncio.wrap_future(self.submit(writes))

    async def fetch(self, seq: int) -> Entry | None:
        """One message with its text; None when it is gone."""
        return await self.ask(lambda store: entry(store, seq))

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Read something, behind what was submitted before."""
        answer: Future[T] = Future()

        def ask() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(question(self._store))
                except Exception as exc:
                    answer.set_exception(exc)

        self._queue.put(_Question(ask))
        return await asyncio.wrap_future(answer)

    def remember(self, row: HistoryRow) -> None:
        """Add to the history some time soon. Never fails."""
        if self._queue.qsize() < HISTORY_WAITING:
            self._queue.put(row)
        else:
            self.history_left_out += 1

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[_Batch] = []
            try:
                item = self._queue.get(timeout=self._patience())
                while True:
                    match item:
                        case None:
                            ended = True
                        case _Batch():
                            group.append(item)
                        case _Question():
                            self._write(group)
                            group = []
                            item.ask()
                        case HistoryRow():
                            self._gather(item)
                    if len(group) >= GROUP_MOST:
                        break
                    item = self._queue.get_nowait()
            except queue.Empty:
                pass
            self._write(group)
            self._chores(ended)

    def _write(self, group: list[_Batch]) -> None:
        wanted = [batch for batch in group if batch.done.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            results = self._store.commit([batch.writes for batch in wanted])
        except Exception as exc:  # a fault of this program: who waits is told, and the thread goes on
            log.exception("the storage can't write")
            results = [exc] * len(wanted)
        self.commits += 1
        self.batches += len(wanted)
        for batch, problem in zip(wanted, results, strict=True):
            if problem is None:
                batch.done.set_result(None)
            else:
                batch.done.set_exception(problem)

    def _gather(self, row: HistoryRow) -> None:
        if not self._history:
            self._history_due = time.monotonic() + HISTORY_S
        self._history.append(row)

    def _chores(self, ended: bool) -> None:
        now = time.monotonic()
        due = self._history_due is not None and now >= self._history_due
        if self._history and (due or ended or len(self._history) >= HISTORY_ROWS):
            self._store.add_history(self._history)
            self._history, self._history_due = [], None
        if now >= self._maintain_due:
            self._store.maintain()
            self._maintain_due = now + MAINTAIN_S

    def _patience(self) -> Seconds:
        due = min(self._maintain_due, self._history_due if self._history_due is not None else self._maintain_due)
        return max(0.0, due - time.monotonic())
