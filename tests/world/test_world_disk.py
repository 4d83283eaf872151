"""The gateway's disk in the world: its writer does as the real one."""

import asyncio
from pathlib import Path

import pytest

from edge.errors import StorageFailed
from edge.storage.reading import entries
from edge.storage.store import Store
from simulators.world.disk import Disk, WorldWriter
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
