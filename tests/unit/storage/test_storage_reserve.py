"""When the room that is kept for transactions is taken, and taken again."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from edge.domain.journal import DropEntry
from edge.storage.condition import Health
from edge.storage.database import Schema, open_database, schemas
from edge.storage.reading import entries
from edge.storage.reserve import Reserve
from edge.storage.store import Store
from tests.unit.storage.sqlite_layer import FULL, RecordingLayer
from tests.unit.storage.storage_bench import put

LAYER = RecordingLayer("reserve")

SIZE = 16_000
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("total", "free", "is_taken"),
    [
        (10_000_000, 4 * SIZE, True),
        (10_000_000, 4 * SIZE - 1, False),
        (24_000, 23_000, True),  # there never is four times its size on it
        (24_000, 21_000, False),
    ],
)
def test_it_is_taken_where_plenty_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, *, is_taken: bool
) -> None:
    """Three times its size, or a quarter of a small disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))
    reserve = Reserve(tmp_path / "reserve", SIZE)
    assert (reserve.take(), reserve.held) == (is_taken, is_taken)


@pytest.mark.parametrize(("free", "is_taken"), [(12_001, True), (11_999, False)])
def test_what_was_given_up_of_it_is_taken_again_on_a_small_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, *, is_taken: bool
) -> None:
    """Else a disk that was full once passed for full for ever: no history, no copies of begins and ends. What is still
    held of it needs no room."""
    reserve = Reserve(tmp_path / "reserve", SIZE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(24_000, 1_000, 23_000))
    assert reserve.take()
    assert reserve.give_up()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(24_000, 24_000 - free, free))
    assert reserve.take() is is_taken


def test_a_journal_that_was_emptied_gives_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had grown to on a small disk was never free for the reserve again."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 10**9))
    store = Store(tmp_path / "store", vfs=LAYER.name, reserve_bytes=4096)
    store.open()
    try:
        assert store.commit([[put(seq, size=150_000) for seq in range(1, 41)]]) == [None]
        LAYER.refuse = lambda _path, _end: FULL if (tmp_path / "store" / "reserve").stat().st_size == 4096 else 0
        assert store.commit([[put(99)]]) == [None]
        assert store.commit([[DropEntry(seq=seq) for seq in range(1, 41)]]) == [None]
        store.maintain()
    finally:
        LAYER.refuse = lambda _path, _end: 0
    assert store.path("journal").stat().st_size < 500_000
    assert [each.seq for each in entries(store)] == [99]
    store.close()


def test_a_full_disk_at_the_start_takes_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update whose files have a new form, or a log that wants its index: nothing was kept until the next start, with
    16 MB in reserve."""
    folder = tmp_path / "store"
    before = Schema(name="journal", steps=schemas()["journal"].steps[:1])
    open_database(folder / "journal.db", before).connection.close()
    (folder / "reserve").write_bytes(bytes(4096))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 0))
    LAYER.refuse = lambda _path, _end: FULL if (folder / "reserve").stat().st_size == 4096 else 0
    store = Store(folder, vfs=LAYER.name, reserve_bytes=4096)
    try:
        store.open()
        assert store.health is Health.RESERVE
        assert store.commit([[put(1)]]) == [None]
    finally:
        LAYER.refuse = lambda _path, _end: 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 10**9))
    store.maintain()
    assert Health(store.health) is Health.GOOD
    store.close()
