"""The gateway's disk in the world: its writer does as the real one."""

import asyncio
from pathlib import Path

import pytest

from edge.domain.journal import DropEntry
from edge.errors import StorageFailed, StorageFull
from edge.storage.reading import entries
from edge.storage.store import Store
from simulators.world.disk import Condition, Disk, WorldWriter
from simulators.world.loop import WorldLoop
from tests.unit.storage.storage_bench import put


def test_a_writer_that_ends_writes_what_it_was_given_and_takes_no_more(tmp_path: Path) -> None:
    """As the real one does while the gateway stops: what comes afterwards is refused in one sentence."""
    disk = Disk(tmp_path / "disk")
    store = Store(disk.folder, reserve_bytes=1)
    store.open()

    async def end() -> None:
        writer = WorldWriter(store, disk)
        writer.start()
        under_way = asyncio.ensure_future(writer.keep([put(1)]))
        await asyncio.sleep(0)
        await writer.ended()
        assert under_way.done()
        with pytest.raises(StorageFailed, match="is closed"):
            await writer.keep([put(2)])

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(end())
    assert len(list(entries(store))) == 1
    store.close()


def test_a_full_disk_has_what_its_reserve_held(tmp_path: Path) -> None:
    """Row 50: messages go on into the 10 MB that are given up for them, and not into the rest. When what was delivered
    is taken away there is room again, and a disk that isn't full any more has as much as before.
    """
    disk = Disk(tmp_path / "disk")
    store = Store(disk.folder)
    store.open()
    kept: list[int] = []

    async def fill(writer: WorldWriter, numbers: range) -> None:
        for number in numbers:
            try:
                await writer.keep([put(number, size=1_000_000)])
            except StorageFull:
                return
            kept.append(number)

    async def play() -> None:
        writer = WorldWriter(store, disk)
        disk.condition = Condition.FULL
        await fill(writer, range(1, 30))
        assert 8 <= len(kept) <= 10
        await writer.keep([DropEntry(seq=number) for number in kept])
        await fill(writer, range(31, 33))
        assert kept[-2:] == [31, 32]
        disk.condition = Condition.GOOD
        await fill(writer, range(40, 70))
        assert kept[-1] == 69

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(play())
    store.close()
