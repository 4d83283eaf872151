"""Files that are replaced: whole or not at all over a power cut, by one writer, and the newest last."""

from pathlib import Path

import pytest
import structlog

from edge.bms.demand_watch import SAVE_EVERY_S, DemandWatch
from edge.bms.demand_window import DemandSettings
from edge.bms.dimming_memory import DimmingFile
from edge.bms.grid import DimmedBy
from edge.whole_file import SystemFiles, Writing, write_whole
from tests.unit.bms.bms_site import Hands, report, site
from tests.unit.bms.flaky_files import FlakyFiles, FullFiles, PowerCut, SlowFiles

FILE = Path("/store/memory.json")
OLD, NEW = b"what was remembered", b"what is remembered now, and longer"


@pytest.mark.parametrize("fails_at", range(5))
def test_a_power_cut_leaves_the_old_or_the_new(fails_at: int) -> None:
    """At each step, whatever the disk had written of what wasn't synced; once it has returned, the new."""
    disk = FlakyFiles(kept={FILE: OLD}, seen={FILE: OLD}, solid={OLD}, fails_at=fails_at)
    try:
        write_whole(FILE, NEW, disk)
    except PowerCut:
        assert set(disk.after_a_cut(FILE)) <= {OLD, NEW}
    else:
        assert set(disk.after_a_cut(FILE)) == {NEW}
        assert disk.operations == fails_at


def test_the_first_one_is_there_or_not() -> None:
    """Without an old one a cut leaves none, or the whole."""
    for fails_at in range(4):
        disk = FlakyFiles(fails_at=fails_at)
        with pytest.raises(PowerCut):
            write_whole(FILE, NEW, disk)
        assert set(disk.after_a_cut(FILE)) <= {None, NEW}


def test_on_a_real_disk(tmp_path: Path) -> None:
    """With its folder made, and no draft left."""
    file = tmp_path / "store" / "memory.json"
    write_whole(file, OLD)
    write_whole(file, NEW, SystemFiles())
    assert [(each.name, each.read_bytes()) for each in file.parent.iterdir()] == [("memory.json", NEW)]


async def test_one_writer_at_a_time_and_the_newest_last() -> None:
    """What came while one was written is overtaken by what came after it."""
    disk = SlowFiles()
    writing = Writing(FILE, disk)
    writing.begin(b"1")
    await disk.entered.wait()
    for body in (b"2", b"3", b"4"):
        writing.begin(body)
    disk.go_on.set()
    await writing.done()
    assert (disk.written, disk.most_inside) == ([b"1", b"4"], 1)
    writing.begin(b"5")
    await writing.done()
    assert disk.written == [b"1", b"4", b"5"]


async def test_a_full_disk_is_told_and_tried_again() -> None:
    """By whoever has something to keep: nothing is raised."""
    disk = FullFiles()
    writing = Writing(FILE, disk)
    writing.begin(OLD)
    await writing.done()
    assert (writing.failed, disk.written) == (True, [])
    disk.full = False
    writing.begin(NEW)
    await writing.done()
    assert (writing.failed, disk.written) == (False, [NEW])


async def test_who_dims_is_kept_as_soon_as_the_disk_takes_it(tmp_path: Path) -> None:
    """A folder that can't be written in at first; nothing changed meanwhile."""
    folder = tmp_path / "store"
    folder.write_text("in the way")
    memory = DimmingFile(folder / "grid-dimming.json")
    await memory.close([DimmedBy.MODBUS])
    folder.unlink()
    await memory.close([DimmedBy.MODBUS])
    assert DimmingFile(folder / "grid-dimming.json").read() == {DimmedBy.MODBUS}


@pytest.mark.parametrize("damaged", ["grid-dimming.json", "grid-dimming.copy.json"])
@pytest.mark.parametrize("how", ["gone", "a byte"])
async def test_who_dims_is_known_though_a_file_is_damaged(tmp_path: Path, damaged: str, how: str) -> None:
    """The grid operator isn't heard again: what it asked for has no end. The other file is mended, and told."""
    memory = DimmingFile(tmp_path / "grid-dimming.json")
    await memory.close([DimmedBy.MODBUS])
    whole = (tmp_path / damaged).read_bytes()
    (tmp_path / damaged).write_bytes(whole.replace(b"modbus", b"mocbus"))
    if how == "gone":
        (tmp_path / damaged).unlink()
    memory = DimmingFile(tmp_path / "grid-dimming.json")
    with structlog.testing.capture_logs() as logs:
        assert memory.read() == {DimmedBy.MODBUS}
    assert len(logs) == (how == "a byte")
    await memory.close([DimmedBy.MODBUS])
    assert (tmp_path / damaged).read_bytes() == whole


async def test_who_dims_is_lost_with_both_files_and_told(tmp_path: Path) -> None:
    """Nobody could lift a limit of one who never asks: so there is none, and an error in the log."""
    for name in ("grid-dimming.json", "grid-dimming.copy.json"):
        (tmp_path / name).write_bytes(b'{"asked":["mo')
    with structlog.testing.capture_logs() as logs:
        assert DimmingFile(tmp_path / "grid-dimming.json").read() == frozenset()
    assert [each["log_level"] for each in logs] == ["warning", "warning", "error"]


async def test_a_demand_window_is_remembered_at_the_end(tmp_path: Path) -> None:
    """A clean stop between two saves forgets nothing of it."""
    settings = DemandSettings(circuit="main", limit_w=40_000.0, window_s=900.0)
    clock, watch = Hands(), DemandWatch(site(), settings, folder=tmp_path)
    for _ in range(int(SAVE_EVERY_S) - 5):
        watch.observe(report(), clock)
        clock.pass_s(1)
    await watch.close()
    assert watch.state is not None
    after = DemandWatch(site(), settings, folder=tmp_path)
    after.observe(report(), clock)
    assert after.state is not None
    assert after.state.used_j >= watch.state.used_j > 0
