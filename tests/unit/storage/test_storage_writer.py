"""The writer's thread: durable before answered, in groups."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.domain.journal import Write
from edge.errors import StorageFailed
from edge.storage.history import HistoryRow
from edge.storage.reading import entries
from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.unit.storage.storage_bench import NOON, put


class SlowStore(Store):
    """A store whose disk takes its time: each commit waits until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, reserve_bytes=1)
        self.let_go = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.groups: list[int] = []

    def commit(self, batches: Sequence[Sequence[Write]]) -> list[Exception | None]:
        self.begun.release()
        self.let_go.acquire()
        self.groups.append(len(batches))
        return super().commit(batches)


def test_what_comes_during_an_fsync_shares_the_next(tmp_path: Path) -> None:
    """A burst of 200 stations costs two commits; nobody is answered before his is done."""
    store = SlowStore(tmp_path)
    store.open()
    writer = Writer(store)
    writer.start()
    first = writer.submit([put(1)])
    assert store.begun.acquire(timeout=10)
    others = [writer.submit([put(seq)]) for seq in range(2, 201)]
    assert not first.done()
    store.let_go.release(2)
    for future in (first, *others):
        future.result(timeout=10)
    assert store.groups == [1, 199]
    assert (writer.commits, writer.batches) == (2, 200)
    writer.stop()
    assert len(list(entries(store))) == 200
    store.close()


async def test_reading_is_behind_what_was_submitted(tmp_path: Path) -> None:
    """A message is there as soon as it is asked for after it was handed over."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    writer.submit([put(1)])
    found = await writer.fetch(1)
    assert found == put(1).entry
    assert await writer.fetch(2) is None
    writer.stop()
    store.close()


async def test_a_batch_that_is_refused_says_so_to_who_waits(tmp_path: Path) -> None:
    """And the thread goes on."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    with pytest.raises(OverflowError):
        await writer.keep([put(2**70)])
    await writer.keep([put(1)])
    writer.stop()
    with pytest.raises(StorageFailed, match="closed"):
        await asyncio.wrap_future(writer.submit([put(2)]))
    store.close()


def test_history_is_written_at_the_end(tmp_path: Path) -> None:
    """It gathers meanwhile."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    writer.remember(HistoryRow(at=NOON, topic="t", body="{}"))
    writer.stop()
    assert store.connection("history").execute("SELECT count(*) FROM history").fetchone()[0] == 1
    store.close()
