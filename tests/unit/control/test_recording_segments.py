"""Segments in a folder: bounded, oldest first to go, each readable alone, in reach of a reader soon."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from edge.control.recording import SegmentReader, Tick
from edge.control.segments import FLUSH_S, Folder, Segments, segment_name, segment_number
from tests.unit.control.recording_bench import HEADER, ControlledSite, FullDisk, MemoryDisk, alike

MOST_BYTES = 60_000


@cache
def played() -> list[Tick]:
    """Five minutes of a site; not played where no test asks."""
    return ControlledSite(3).run(300)


def segments_on(disk: MemoryDisk, most_bytes: int = MOST_BYTES) -> Segments:
    segments = Segments(disk, most_bytes=most_bytes, header=lambda: HEADER)
    segments.begin()
    return segments


def write_all(segments: Segments, ticks: list[Tick]) -> None:
    for tick in ticks:
        segments.write(tick)


def read(disk: MemoryDisk) -> list[Tick]:
    return [tick for name in sorted(disk.files) for tick in SegmentReader(name, disk.files[name])]


def test_the_folder_stays_within_its_bound() -> None:
    """However long the run: never a byte too much; what is left is the latest, without a gap."""
    disk = MemoryDisk()
    segments = segments_on(disk)
    write_all(segments, played() * 8)
    segments.end()
    assert disk.most_bytes <= MOST_BYTES
    kept = read(disk)
    assert alike(kept, (played() * 8)[-len(kept) :])
    assert len(kept) < 8 * len(played())
    assert sum(disk.sizes().values()) > MOST_BYTES * 0.6
    assert len(disk.files) > 8


def test_each_segment_is_readable_alone() -> None:
    """Segments follow each other, and none needs the one before it."""
    disk = MemoryDisk()
    segments = segments_on(disk, most_bytes=6 * MOST_BYTES)
    write_all(segments, played() * 3)
    segments.end()
    parts = [list(SegmentReader(name, content)) for name, content in sorted(disk.files.items())]
    assert len(parts) > 2
    assert alike([tick for part in parts for tick in part], played() * 3)


def test_the_next_run_goes_on_in_the_same_folder() -> None:
    """A new run begins a new segment after those that are there, which count towards the bound; other files don't."""
    disk = MemoryDisk()
    disk.files["notes.txt"] = b"x" * MOST_BYTES
    for _ in range(2):
        segments = segments_on(disk)
        write_all(segments, played())
        segments.end()
    assert "notes.txt" in disk.files
    numbers = sorted(number for name in disk.files if (number := segment_number(name)) is not None)
    assert numbers[-1] > 8
    assert all(after == before + 1 for before, after in pairwise(numbers))
    disk.files.pop("notes.txt")
    assert sum(disk.sizes().values()) <= MOST_BYTES
    kept = read(disk)
    assert alike(kept, (played() * 2)[-len(kept) :])


def test_a_killed_program_loses_little() -> None:
    """Without any end, all but the last ten seconds are in the file; after a flush, all."""
    disk = MemoryDisk()
    segments = segments_on(disk, most_bytes=64_000_000)
    for number, tick in enumerate(played(), start=1):
        segments.write(tick)
        if number % 37 == 0:
            assert len(read(disk)) >= number - FLUSH_S
    segments.flush()
    assert alike(read(disk), played())


def test_a_full_disk_is_told() -> None:
    """The error of the disk reaches the caller, and what was written until then can be read."""
    disk = MemoryDisk(room_bytes=6_000)
    segments = segments_on(disk)
    with pytest.raises(FullDisk):
        write_all(segments, played() * 10)
    segments.abandon()
    kept = read(disk)
    assert kept
    assert alike(kept, (played() * 10)[: len(kept)])


def test_a_folder_of_the_file_system(tmp_path: Path) -> None:
    """The folder is made, segments are files in it, and what isn't theirs stays."""
    path = tmp_path / "deep" / "recording"
    folder = Folder(path)
    (path / "folder").mkdir(parents=True)
    segments = Segments(folder, most_bytes=MOST_BYTES, header=lambda: HEADER)
    segments.begin()
    write_all(segments, played() * 2)
    segments.end()
    assert (path / "folder").is_dir()
    sizes = folder.sizes()
    assert 0 < sum(sizes.values()) <= MOST_BYTES
    assert segment_name(1) not in sizes
    last = max(sizes)
    assert alike(list(SegmentReader(last, (path / last).read_bytes()))[-1:], played()[-1:])


@pytest.mark.parametrize(
    "name", ["recording-1.jsonl.gz", "recording-00000001.jsonl", "notes.txt", "xrecording-00000001.jsonl.gz"]
)
def test_what_is_no_segment(name: str) -> None:
    """Only files that the recorder has named are taken for segments, and deleted."""
    assert segment_number(name) is None
    assert segment_number(segment_name(42)) == 42
