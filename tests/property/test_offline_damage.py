"""Whenever the journal is destroyed: the cloud has each begin and end once in effect, under its own id."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.domain.journal import Write
from edge.offline.edition import Edition
from edge.storage.reading import entries, kept
from edge.storage.store import Store
from tests.property.test_offline_crashes import Story
from tests.unit.offline.offline_bench import Disk

# What becomes of the file: its first page, or another one, is overwritten, it is cut off behind a page, or it is gone.
DAMAGES = ("damage", "damage 1", "damage 2", "damage 3", "cut 1", "cut 3", "gone")
OPERATIONS = ("station", "cloud", "cloud loses answer", "commit all", "up", "down", "late", "tick", *DAMAGES)
DELIVERED = ("station", "commit all", "cloud", "commit all")
PAGE = 4096


class RealDisk(Disk):
    """The bench's disk, with a store behind it that can be damaged."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._open()

    def keep(self, writes: tuple[Write, ...]) -> None:
        super().keep(writes)
        assert self._store.commit([writes]) == [None]

    def damage(self, how: str) -> None:
        """The journal's log is gone, and one of :data:`DAMAGES` is done to it; then the program starts."""
        self.close()
        journal, (what, _, number) = self._folder / "journal.db", how.partition(" ")
        page = int(number or 0)
        with journal.open("r+b") as stream:
            if what == "cut":
                stream.truncate(page * PAGE)
            else:
                stream.seek(page * PAGE)
                stream.write(b"\xa5" * PAGE)
        if what == "gone":
            journal.unlink()
        self._open()
        assert (self._store.healed == ("journal",)) is (what != "gone")
        found = kept(self._store)
        self.entries = {each.seq: each for each in entries(self._store)}
        self.transactions = {(each.station, each.key): each for each in found.transactions}
        self.highest = found.highest

    def close(self) -> None:
        self._store.close()

    def _open(self) -> None:
        self._store = Store(self._folder, reserve_bytes=1)
        self._store.open()
        for name in ("journal", "registry"):
            connection: sqlite3.Connection = self._store.connection(name)
            connection.execute("PRAGMA synchronous=OFF")


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@settings(max_examples=15, deadline=None)
@given(operations=st.lists(st.sampled_from(OPERATIONS), max_size=50), sessions=st.integers(1, 3))
@example(operations=["up", "station", "commit all", "damage"], sessions=1)  # its begin has no answer yet
@example(operations=["up", "station", "commit all", "damage 2"], sessions=1)
@example(operations=["up", "station", "commit all", "damage", "station", "commit all", "gone"], sessions=1)
@example(operations=["up", *DELIVERED * 3, "station", "commit all", "damage"], sessions=1)  # its end
def test_a_destroyed_journal_costs_no_begin_and_no_end(edition: Edition, operations: list[str], sessions: int) -> None:
    """Fault 49, at any moment, again and again. Meter values on their way are lost, and nothing else."""
    with TemporaryDirectory() as folder:
        story = Story(edition, sessions)
        story.bench.disk = disk = RealDisk(Path(folder))
        for operation in operations:
            if operation in DAMAGES:
                disk.damage(operation)
                story.do("kill")
            else:
                story.do(operation)
        story.settle()
        disk.close()
    names = {n: f"tx-{n}" if edition.is_v2 else n + 1 for n in range(sessions)}
    expected = [(step, names[session]) for session, step, _ in story.station.script if step != "meter"]
    assert [each[:2] for each in story.cloud.account if each[0] != "meter"] == expected
    assert not disk.set_aside
