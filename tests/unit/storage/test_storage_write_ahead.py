"""A changed byte in a log: SQLite reads it up to there, and says nothing."""

import shutil
from pathlib import Path

import pytest
import structlog

from edge.domain.journal import PutSiteToken
from edge.domain.token import SiteToken
from edge.storage import sums
from edge.storage.reading import entries, kept_tokens
from edge.storage.store import Store
from tests.unit.storage.storage_bench import put_sample

COMMITS = 12
FRAME = 24 + 4096


def opened(folder: Path) -> Store:
    """The store in a folder."""
    store = Store(folder, reserve_bytes=1)
    store.open()
    return store


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The files of a gateway that was killed with twelve messages in the log, and some of another log behind them."""
    store = opened(tmp_path / "a")
    for seq in range(101, 160):
        store.commit([[put_sample(seq, size=200)]])
    store.connection("journal").execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    store.connection("journal").execute("DELETE FROM entry")
    store.connection("journal").execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    for seq in range(1, COMMITS + 1):
        own = PutSiteToken(token=SiteToken(hash=f"h{seq}", hint="01"))
        assert store.commit([[put_sample(seq, size=200), own]]) == [None]
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    return tmp_path / "b"


def flipped(path: Path, at: int) -> None:
    """One bit of this byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def frames(folder: Path) -> int:
    """How many the journal's newest log has."""
    content = (folder / "journal.db-wal").read_bytes()
    salts = content[16:24]
    found = [content[at + 8 : at + 16] == salts for at in range(32, len(content) - FRAME + 1, FRAME)]
    assert not all(found)
    return found.index(False)


@pytest.mark.parametrize("at", [0, 9, 12, 17, 22, 26])
@pytest.mark.parametrize("part", ["head", "frame", "page"])
def test_what_is_behind_a_changed_byte_is_there(killed: Path, part: str, at: int) -> None:
    """In the log's head it was all, in a frame what is behind it: confirmed, answered and gone. A message that has
    changed itself is set aside; the log is, too, and it is told."""
    number = frames(killed) // 2
    offset = {"head": 0, "frame": 32 + number * FRAME, "page": 32 + number * FRAME + 24 + 4000}[part]
    flipped(killed / "journal.db-wal", offset + at)
    with structlog.testing.capture_logs() as logs:
        store = opened(killed)
    assert store.healed == ("journal",)
    assert [each.seq for each in entries(store)] == list(range(1, COMMITS + 1))
    assert all(each.reason in (None, sums.DAMAGED) for each in entries(store))
    assert any("set aside" in each["event"] for each in logs if each["log_level"] == "error")
    assert (killed / "journal.db.damaged-1-wal").exists()
    assert not list(killed.glob("*replayed*"))
    store.close()
    store = opened(killed)
    assert store.healed == ()
    store.close()


def test_a_registrys_log_is_as_good(killed: Path) -> None:
    """Cards that were entered last."""
    flipped(killed / "registry.db-wal", 32 + 2 * FRAME + 2000)
    store = opened(killed)
    assert store.healed == ("registry",)
    assert len(kept_tokens(store).own) == COMMITS
    store.close()


def test_a_torn_end_is_a_power_cuts(killed: Path) -> None:
    """The last commit was never confirmed: nothing is damaged."""
    flipped(killed / "journal.db-wal", 32 + (frames(killed) - 1) * FRAME + 2000)
    store = opened(killed)
    assert store.healed == ()
    assert [each.seq for each in entries(store)] == list(range(1, COMMITS))
    store.close()
