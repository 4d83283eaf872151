"""Snapshots of files that others write to, and bringing them back."""

import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from edge.domain.journal import DropEntry
from edge.errors import StorageFailed
from edge.storage.database import connect
from edge.storage.reading import entries, kept
from edge.storage.snapshot import is_worth_keeping, put_back, snapshot
from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.unit.storage.storage_bench import put

ROUNDS = 8
BURST = 40  # batches under way while a snapshot is taken


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store."""
    made = Store(tmp_path / "store", reserve_bytes=1)
    made.open()
    yield made
    made.close()


def numbers_in(content: bytes, folder: Path) -> set[int]:
    """The numbers of a snapshot's entries, once it has been found sound."""
    (folder / "copy.db").write_bytes(content)
    copy = sqlite3.connect(folder / "copy.db")
    assert copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    found = {row[0] for row in copy.execute("SELECT seq FROM entry")}
    copy.close()
    return found


def test_a_snapshot_is_of_one_moment_while_the_writer_writes(store: Store, tmp_path: Path) -> None:
    """Sound, with all that was acknowledged before it; of each batch (one comes, one goes) all or nothing."""
    writer = Writer(store)
    writer.start()
    writer.submit([put(1)]).result(timeout=10)
    number, doing = 1, list[Future[None]]()
    for _ in range(ROUNDS):
        acknowledged = number
        for _ in range(BURST):
            number += 1
            doing.append(writer.submit([put(number, size=5000), DropEntry(seq=number - 1)]))
        (only,) = numbers_in(snapshot(store.path("journal")), tmp_path)
        assert acknowledged <= only <= number
        for each in doing:
            each.result(timeout=10)
        doing.clear()
    writer.stop()


def test_what_is_in_the_log_alone_is_in_the_snapshot(store: Store, tmp_path: Path) -> None:
    """The file itself doesn't have it yet."""
    store.commit([[put(7)]])
    assert store.path("journal").with_name("journal.db-wal").stat().st_size > 0
    assert numbers_in(snapshot(store.path("journal")), tmp_path) == {7}


def test_what_is_brought_back_is_what_was_taken_and_old_logs_do_not_matter(store: Store, tmp_path: Path) -> None:
    """A log of the file that was in its place would be written over it; numbers go on far behind, ids look new."""
    store.commit([[put(7)]])
    content, before = snapshot(store.path("journal")), kept(store)
    store.commit([[put(8)]])
    there = tmp_path / "there"
    there.mkdir()
    for name in ("journal.db", "journal.db-wal"):  # what a kill leaves
        (there / name).write_bytes(store.path("journal").with_name(name).read_bytes())
    put_back(there / "journal.db", content)
    again = Store(there, reserve_bytes=1)
    again.open()
    assert [entry.seq for entry in entries(again)] == [7]
    after = kept(again)
    assert after.highest > 1_000_000
    assert after.secret != before.secret
    assert again.healed == ()
    again.close()


def test_a_damaged_file_is_told_and_not_passed_off_as_a_copy(tmp_path: Path) -> None:
    """One sentence, with the file's name."""
    (tmp_path / "journal.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StorageFailed, match=r"journal\.db can't be read \(file is not a database\)"):
        snapshot(tmp_path / "journal.db")


def test_logs_room_and_lock_are_no_part_of_a_backup(store: Store) -> None:
    """What SQLite and the program make anew."""
    reader = connect(store.path("journal"))
    names = {path.name for path in store.path("journal").parent.iterdir()} | {"reserve", "lock"}
    reader.close()
    assert {"journal.db-wal", "journal.db-shm"} <= names
    folder = store.path("journal").parent
    worth = {name for name in names if is_worth_keeping(folder / name)}
    assert worth == {"journal.db", "registry.db", "registry.good.db", "history.db"}


def test_what_can_not_be_brought_back_leaves_what_was(store: Store, tmp_path: Path) -> None:
    """On a full disk the database that is there keeps its content, that of its log included."""
    store.commit([[put(1)]])
    content = snapshot(tmp_path / "store" / "journal.db")
    store.commit([[put(2)]])
    files = {path: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    there = tmp_path / "there"
    there.mkdir()
    for path, found in files.items():  # as a kill would have left them
        (there / path.name).write_bytes(found)
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) - 1, room[1]))
    try:
        with pytest.raises(StorageFailed, match="make room on its disk"):
            put_back(there / "journal.db", content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        path.name: found for path, found in files.items()
    }
