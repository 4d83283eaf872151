"""A power cut at every write: what was acknowledged is there afterwards, and nothing is there by half."""

import os
from pathlib import Path

from edge.domain.journal import DropEntry
from edge.storage.reading import kept
from edge.storage.store import Store
from tests.unit.storage.sqlite_layer import Image, Operation, RecordingLayer, cuts
from tests.unit.storage.storage_bench import put

LAYER = RecordingLayer("power-cut")
# Two of them are followed by the write-back of the log.
COMMITS = 16 if "EDGE_LONG" in os.environ else 8


def test_fault_48_a_power_cut_at_any_write_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """The journal's files made again at every prefix of their recorded writes, torn writes included; also while the
    log is written back, and from the very first write on."""
    folder = tmp_path / "store"
    LAYER.operations.clear()
    store = Store(folder, vfs=LAYER.name, reserve_bytes=1)
    store.open()
    acknowledged = [(len(LAYER.operations), frozenset[int]())]
    there: set[int] = set()
    for number in range(1, COMMITS + 1):
        writes = [put(seq, size=600) for seq in range(10 * number, 10 * number + number % 4 + 1)]
        gone = [seq for seq in sorted(there)[:2] if number % 3 == 0]
        assert store.commit([writes, [DropEntry(seq=seq) for seq in gone]]) == [None, None]
        there = there - set(gone) | {write.entry.seq for write in writes}
        assert LAYER.operations[-1].kind == "sync"
        acknowledged.append((len(LAYER.operations), frozenset(there)))
        if number % (COMMITS // 2) == 0:
            store.connection("journal").execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    operations = [operation for operation in LAYER.operations if Path(operation.path).parent == folder]
    assert operations == LAYER.operations
    assert any(operation.kind == "truncate" for operation in operations)
    opened = acknowledged[0][0]
    image, done = Image(), 0
    for number, part in cuts(operations):
        while done < number:
            image.apply(operations[done])
            done += 1
        if not _worth(operations, number, opened):
            continue
        snapshot = Image()
        snapshot.files = {path: bytearray(content) for path, content in image.files.items()}
        if part is not None:
            snapshot.apply(operations[number], part=part)
        place = tmp_path / f"cut-{number}-{part}"
        snapshot.lay_out(folder, place)
        _check(place, number, acknowledged)


def _worth(operations: list[Operation], number: int, opened: int) -> bool:
    """All of the work; of the making of three empty files, every fourth."""
    return number >= opened or number % 4 == 0 or number == len(operations)


def _check(place: Path, number: int, acknowledged: list[tuple[int, frozenset[int]]]) -> None:
    after = Store(place, reserve_bytes=1)
    after.open()
    found = kept(after)
    texts = {
        entry.seq: after.connection("journal")
        .execute("SELECT text FROM entry WHERE seq = ?", (entry.seq,))
        .fetchone()[0]
        for entry in found.entries
    }
    after.close()
    seen = frozenset(texts)
    before = max((known for known in acknowledged if known[0] <= number), default=(0, frozenset[int]()))
    following = next((known[1] for known in acknowledged if known[0] > number), before[1])
    assert after.healed == ()
    assert seen in (before[1], following), f"at operation {number}"
    assert all(text == put(seq, size=600).entry.text for seq, text in texts.items())
