"""What the report says of the journal, on a whole site in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

from edge.storage.entry_file import EntryFile
from edge.storage.store import Store
from edge.web.report import StorageReport
from tests import virtual_time
from tests.scenario.offline_world import World, in_world
from tests.unit.storage.storage_bench import put

PATIENCE_S = 11.0  # until the files have been looked at once more


def told(world: World) -> dict[str, Any]:
    """What is told, in the form in which the API describes it."""
    return StorageReport.model_validate(dict(world.offline.report())).model_dump()


def test_what_waits_for_the_cloud_is_told_with_its_age(tmp_path: Path) -> None:
    """Counted as it comes and goes; the oldest has its station, through a restart too."""

    async def story(world: World) -> None:
        assert told(world)["pending"] == 0
        await world.seats["CP-02"].start()
        await asyncio.sleep(3600.0)
        number = (await world.seats["CP-01"].start())["transactionId"]
        await world.seats["CP-01"].stop(number, 500)
        await world.restart()
        found = told(world)
        assert (found["pending"], found["oldest_pending_station"], found["left_behind"]) == (3, "CP-02", {})
        assert 3600.0 <= found["oldest_pending_s"] < 3700.0
        assert found["journal_bytes"] > 4096
        world.cloud_comes()
        await world.drained(60)
        found = told(world)
        assert (found["pending"], found["oldest_pending_s"], found["oldest_pending_at"]) == (0, None, None)

    virtual_time.run(in_world(story, tmp_path, "CP-01", "CP-02"))


def test_what_the_cloud_refused_is_counted_until_it_is_sent_again(tmp_path: Path) -> None:
    """Through a restart, and by the command line beside the gateway."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        await world.seat.meter(number, 666)
        world.cloud.answer = lambda station, action, payload: (
            {"refused": "NotSupported"} if action == "MeterValues" else world.cloud.honest(station, action, payload)
        )
        world.cloud_comes()
        await world.drained(900)
        assert told(world)["set_aside"] == 1
        await world.restart()
        assert told(world)["set_aside"] == 1
        (aside,) = EntryFile(world.storage).set_aside()
        world.cloud.answer = world.cloud.honest
        EntryFile(world.storage).resend([aside.seq])
        await asyncio.sleep(2.0)
        assert told(world)["set_aside"] == 0

    virtual_time.run(in_world(story, tmp_path))


def test_a_damaged_file_and_a_station_that_is_no_longer_there_are_told(tmp_path: Path) -> None:
    """Which file was healed at the start, what lies beside it, and whose messages nobody delivers."""

    def spoil() -> None:
        (tmp_path / "storage" / "registry.db").write_bytes(b"rubbish" * 1000)
        store = Store(tmp_path / "storage", reserve_bytes=1)
        store.open()
        store.commit([[put(9_000)]])  # of CP-5
        store.close()
        (tmp_path / "storage" / "registry.db").write_bytes(b"more rubbish" * 1000)

    async def story(world: World) -> None:
        assert (told(world)["healed"], told(world)["set_aside_files"]) == ([], [])
        await world.restart(meanwhile=spoil)
        found = told(world)
        assert found["healed"] == ["registry"]
        assert found["set_aside_files"] == ["registry.db.damaged-1", "registry.db.damaged-2"]
        assert found["left_behind"] == {"CP-5": 1}
        (world.storage / "registry.db.damaged-1").unlink()
        await asyncio.sleep(PATIENCE_S)
        assert told(world)["set_aside_files"] == ["registry.db.damaged-2"]

    virtual_time.run(in_world(story, tmp_path))
