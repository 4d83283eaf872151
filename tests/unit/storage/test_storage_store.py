"""The store: forms of files, damage, a full disk, batches."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from edge.domain.journal import (
    Boot,
    ClearCached,
    ConnectorStatus,
    DropEntry,
    EntryState,
    ListVersion,
    PutBoot,
    PutCached,
    PutEntry,
    PutSiteToken,
    PutStatus,
    PutTransaction,
    RemoveSiteToken,
    ReplaceList,
    Transaction,
    Write,
)
from edge.domain.token import CachedToken, ListedToken, SiteToken, TokenInfo, TokenNeed, TokenStatus
from edge.errors import EntryDamaged, StorageFailed, StorageFull, StorageTooNew
from edge.storage.condition import Health
from edge.storage.damage import numbered
from edge.storage.database import Schema, connect, open_database, refuse_later, schemas
from edge.storage.entry_file import EntryFile
from edge.storage.history import HistoryRow
from edge.storage.key import token_key
from edge.storage.reading import altered, entries, entry, kept, kept_tokens
from edge.storage.snapshot import snapshot
from edge.storage.store import Store
from edge.storage.token_file import TokenFile
from tests.unit.storage.sqlite_layer import FULL, IOERR_WRITE, OK, RecordingLayer
from tests.unit.storage.storage_bench import NOON, put, put_sample

LAYER = RecordingLayer("refusing")
NEED = TokenNeed(energy_wanted_wh=180_000.0, ready_by=time(5, 30))
INFO = TokenInfo(
    status=TokenStatus.ACCEPTED,
    group="G",
    language="da",
    message='{"content":"Hej"}',
    language2="de",
    priority=4,
    evses=(1, 2),
    evses_of="CP",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store on a disk that does as it is told."""
    made = Store(tmp_path / "store", vfs=LAYER.name, reserve_bytes=4096, history_bytes=400_000)
    made.open()
    yield made
    LAYER.refuse = lambda _path, _end: 0
    made.close()


def health(store: Store) -> Health:
    """How it fares now."""
    return store.health


def again(store: Store) -> Store:
    """The same folder, opened anew."""
    store.close()
    found = Store(store.path("journal").parent, reserve_bytes=4096)
    found.open()
    return found


def test_who_looks_at_a_file_in_the_same_process_leaves_its_locks(tmp_path: Path) -> None:
    """A descriptor that is closed takes all locks of its process along; then whoever comes next takes himself for the
    last to close the file, and deletes the log that is written to."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.commit([[put(1)]]) == [None]
    assert EntryFile(tmp_path).pending() == 1
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM entry').fetchall(); c.close()"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "journal.db"], check=True)
    assert (tmp_path / "journal.db-wal").exists()
    store.close()


def test_everything_that_is_written_is_read(store: Store) -> None:
    """Each kind of write, through a restart."""
    transaction = Transaction(
        station="CP", key="7", connector=1, began="b", cloud_id=9, answer="{}", ended=None, seen=((0, 3), (5, 5)),
        meter_start_wh=12, token="h", touched_at=NOON,
    )  # fmt: skip
    boot = Boot(station="CP", text="[]", owed=True, status="Accepted", interval_s=60)
    status = ConnectorStatus(station="CP", connector="1", text="[]", owed=True)
    cached = CachedToken(hash="h", info=INFO, learned_at=NOON)
    listed = ListedToken(station="CP", hash="h", info=INFO)
    own = SiteToken(hash="h", hint="01", name="N", valid_from=NOON, class_id="staff", need=NEED)
    version = ListVersion(station="CP", version=3)
    writes: list[Write] = [
        put(5), PutTransaction(transaction=transaction), PutBoot(boot=boot), PutStatus(status=status),
        PutCached(token=cached), ReplaceList(version=version, tokens=(listed,)), PutSiteToken(token=own),
        PutSiteToken(token=SiteToken(hash="x", hint="", need=NEED)), RemoveSiteToken(hash="x"),
    ]  # fmt: skip
    assert store.commit([writes]) == [None]
    found = again(store)
    journal, tokens = kept(found), kept_tokens(found)
    assert (journal.transactions, journal.boots, journal.statuses) == ((transaction,), (boot,), (status,))
    assert (tokens.cached, tokens.listed, tokens.versions, tokens.own) == ((cached,), (listed,), (version,), (own,))
    assert [entry.text for entry in entries(found)] == [put(5).entry.text]
    assert journal.sizes == {5: len(put(5).entry.text)}
    needs = found.connection("registry").execute("SELECT hash FROM site_token_need").fetchall()
    assert [row["hash"] for row in needs] == ["h"], "one that is removed leaves none"
    found.close()


def test_a_number_is_never_given_twice(store: Store) -> None:
    """The greatest number stays when its message goes."""
    store.commit([[put(41)], [DropEntry(seq=41)]])
    found = again(store)
    assert kept(found).highest == 41
    found.close()


def test_a_batch_that_cant_be_written_fails_alone(store: Store) -> None:
    """A number beyond 64 bits: the others of the same commit are kept, of its own nothing is."""
    results = store.commit([[put(1)], [put(2), put(2**70)], [put(3)]])
    assert [type(result) for result in results] == [type(None), OverflowError, type(None)]
    assert [entry.seq for entry in entries(store)] == [1, 3]


def test_a_damaged_journal_is_set_aside_and_what_can_be_read_of_it_is_kept(tmp_path: Path) -> None:
    """Fault 49: a page in the middle is rubbish; the rows before and behind it are there, new ones can be written."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[put(seq, size=900) for seq in range(1, 200)]])
    store.commit([[PutSiteToken(token=SiteToken(hash="h", hint="01"))]])
    store.close()
    for name in ("journal.db", "registry.db"):
        content = bytearray((tmp_path / name).read_bytes())
        middle = len(content) // 8192 * 4096 if name == "journal.db" else 0
        content[middle : middle + 4096] = b"\x5a" * 4096
        (tmp_path / name).write_bytes(content)
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.healed == ("journal", "registry")
    found = kept(store)
    assert len(found.entries) == 199  # begins are there twice
    assert found.highest > 1_000_000
    assert store.commit([[put(found.highest + 1)]]) == [None]
    assert len(numbered(tmp_path / "journal.db")) == 1
    store.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"2026-06-01T12", b"2026-06-91T12"),
        (b"2026-06-01T12", b"20\xff6-06-01T12"),
        (b"StartTransaction", b"StartTransacti\xc3n"),
        (b"begin", b"bogin"),
        (b'"meterStart":', b'"meterStart";'),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_a_row_that_cannot_be_read_any_more_is_left_out(
    tmp_path: Path, before: bytes, after: bytes, *, answered: bool
) -> None:
    """Fault 49: SQLite's check passes one changed byte within a row; the program must start all the same. A begin that
    was answered is taken from its copy."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    messages = [replace(put(seq, size=600).entry, answered=answered) for seq in range(1, 40)]
    store.commit([[PutEntry(entry=each) for each in messages]])
    store.close()
    content = (tmp_path / "journal.db").read_bytes()
    at = content.index(before, content.index(b'"m20"') - 200)
    (tmp_path / "journal.db").write_bytes(content[:at] + after + content[at + len(after) :])
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.healed == ("journal",)
    found = kept(store)
    expected = messages if answered else [replace(each, answered=True) for each in messages if each.seq != 20]
    assert list(entries(store)) == expected  # who waited for the cloud is answered by us when it asks again
    assert store.commit([[put(found.highest + 1)]]) == [None]
    store = again(store)
    assert store.healed == ()
    store.close()


@pytest.mark.parametrize("name", ["journal", "registry", "history"])
def test_a_form_whose_names_are_no_text_any_more_is_a_damaged_file(tmp_path: Path, name: str) -> None:
    """SQLite names what it can't read, and Python can't read that: an error that is none of SQLite's ended the program
    at each start."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[put(1), PutSiteToken(token=SiteToken(hash="h", hint="01"))]])
    again(store).close()
    content = (tmp_path / f"{name}.db").read_bytes()
    for at in (content.index(each) for each in (b"REATE TABLE form", b"formform", b"STRICT")):
        (tmp_path / f"{name}.db").write_bytes(content[:at] + bytes([content[at] | 0x80]) + content[at + 1 :])
        with pytest.raises(StorageFailed):
            snapshot(tmp_path / f"{name}.db")
        refuse_later((tmp_path / f"{name}.db").read_bytes(), tmp_path / f"{name}.db")
        store = Store(tmp_path, reserve_bytes=1)
        store.open()
        assert store.healed == (name,)
        assert list(entries(store)) == [put(1).entry]
        assert [token.hash for token in kept_tokens(store).own] == ["h"]
        store.close()


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("journal", b"entry_sum WHERE seq = NEW", b"entry_sum WHERE sdq = NEW"),
        ("registry", b"site_token_need WHERE hash = NEW", b"site_token_need WHERE hasl = NEW"),
    ],
)
def test_a_form_that_is_another_is_a_damaged_file(tmp_path: Path, name: str, before: bytes, after: bytes) -> None:
    """All of it can be read, and nothing written: each message was refused, and each start found the file sound."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    own = PutSiteToken(token=SiteToken(hash="h", hint="01"))
    store.commit([[put_sample(1), own]])
    again(store).close()
    content = (tmp_path / f"{name}.db").read_bytes()
    (tmp_path / f"{name}.db").write_bytes(content.replace(before, after))
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.healed == (name,)
    assert list(entries(store)) == [put_sample(1).entry]
    assert store.commit([[put_sample(kept(store).highest + 1), own]]) == [None]
    store = again(store)
    assert store.healed == ()
    store.close()


@pytest.mark.parametrize("size", [0, 1, 31, 33])
def test_a_damaged_key_costs_the_sites_tokens_and_nothing_else(tmp_path: Path, size: int) -> None:
    """With it all that is kept for clouds that are away was refused. The command line leaves it to the controller,
    which may have the good one in memory; the new one stays, and it is told."""
    (tmp_path / "token.key").write_bytes(b"x" * size)
    with pytest.raises(StorageFailed, match=rf"token\.key has {size} bytes, not 32; restore a backup"):
        token_key(tmp_path)
    key = token_key(tmp_path, heal=True)
    assert (len(key), token_key(tmp_path)) == (32, key)
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.condition().set_aside == ("token.key.damaged-1",)
    store.close()


def test_a_history_that_cannot_be_opened_costs_nothing_but_itself(tmp_path: Path) -> None:
    """It may be lost; the journal may not be refused for its sake."""
    (tmp_path / "history.db").mkdir(parents=True)
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert store.commit([[put(1)]]) == [None]
    assert store.condition().set_aside == ("history.db.damaged-1",)
    store.close()


def test_a_message_that_got_damaged_meanwhile_is_told_apart_from_a_disk_that_refuses(store: Store) -> None:
    """The one never comes back, so that those behind it go on; the other may."""
    store.commit([[put_sample(1), put(2)]])
    store.connection("journal").execute("UPDATE entry SET taken_at = 'rubbish' WHERE seq = 1")
    with pytest.raises(EntryDamaged, match="message 1 can't be read any more"):
        entry(store, 1)
    assert entry(store, 2) == put(2).entry
    assert entry(store, 3) is None


def test_a_registry_that_is_no_database_is_restored_from_its_good_copy(tmp_path: Path) -> None:
    """The last good copy is from the start before."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[PutSiteToken(token=SiteToken(hash="h", hint="01"))]])
    again(store).close()
    (tmp_path / "registry.db").write_bytes(b"rubbish" * 1000)
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert [token.hash for token in kept_tokens(store).own] == ["h"]
    store.close()


def test_a_card_that_was_removed_stays_so_when_the_registry_is_healed(tmp_path: Path) -> None:
    """The good copy, which is of the last start, still has it: where the table of the cards is whole, that counts."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[PutSiteToken(token=SiteToken(hash=each, hint="01")) for each in "ab"]])
    store.commit([[PutCached(token=CachedToken(hash=each, info=INFO, learned_at=NOON)) for each in "cd"]])
    store = again(store)
    store.commit([[RemoveSiteToken(hash="a"), ClearCached(hash="d")]])
    store.connection("registry").execute("UPDATE cached_token SET info = 'rubbish' WHERE hash = 'c'")
    store = again(store)
    assert store.healed == ("registry",)
    found = kept_tokens(store)
    assert [token.hash for token in found.own] == ["b"]
    assert [token.hash for token in found.cached] == ["c", "d"]  # nobody knows which of these were removed
    store.close()


def test_what_the_command_line_changes_is_in_the_good_copy(tmp_path: Path) -> None:
    """A registry of which nothing is left is that: a lost card doesn't let in again who found it."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[PutSiteToken(token=SiteToken(hash=each, hint="01")) for each in "abc"]])
    again(store).close()
    file = TokenFile(tmp_path)
    file.remove("a")
    file.put([SiteToken(hash="b", hint="01", blocked=True)])
    (tmp_path / "registry.db").write_bytes(b"rubbish" * 1000)
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    assert [(token.hash, token.blocked) for token in kept_tokens(store).own] == [("b", True), ("c", False)]
    store.close()


def test_a_full_disk_takes_the_reserve_and_history_goes_first(store: Store) -> None:
    """Fault 50: transactions go on in the reserve; when that is used up the batch is refused, and nothing else."""
    room = store.path("journal").parent / "reserve"
    LAYER.refuse = lambda _path, _end: FULL if room.stat().st_size == 4096 else 0
    assert store.commit([[put(1)]]) == [None]
    assert health(store) is Health.RESERVE
    store.add_history([HistoryRow(at=NOON, topic="t", body="{}")])
    assert store.connection("history").execute("SELECT count(*) FROM history").fetchone()[0] == 0
    LAYER.refuse = lambda _path, _end: FULL
    results = store.commit([[put(2)], [put(3)]])
    assert [type(result) for result in results] == [StorageFull, StorageFull]
    assert health(store) is Health.FULL
    LAYER.refuse = lambda _path, _end: 0
    store.maintain()
    assert health(store) is Health.GOOD
    assert store.commit([[put(2)]]) == [None]
    assert [entry.seq for entry in entries(store)] == [1, 2]


def test_what_was_learned_is_in_the_files_themselves_soon(store: Store, tmp_path: Path) -> None:
    """On a quiet site SQLite would leave it in the log for months, and without its log a file knows nothing of it."""
    store.commit([[put(1), PutSiteToken(token=SiteToken(hash="h", hint="01"))]])
    store.maintain()
    for name, table in (("journal", "entry"), ("registry", "site_token")):
        alone = tmp_path / f"{name}-alone.db"
        shutil.copyfile(store.path(name), alone)
        with contextlib.closing(connect(alone)) as connection:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 1  # noqa: S608 - ours


def test_samples_leave_room_for_begins_and_ends(tmp_path: Path) -> None:
    """Fault 50, telemetry goes first: what meter values have filled up has still room for sessions, and for what they
    are billed by; together with a begin a sample is refused alone, and deleting goes on as before."""
    store = Store(tmp_path / "store", vfs=LAYER.name)
    store.open()
    try:
        LAYER.refuse = quota(store)
        samples = 0
        while store.commit([[put_sample(samples + 1, size=150_000)]]) == [None]:
            samples += 1
        assert samples > 20
        assert health(store) is Health.RESERVE
        mixed = store.commit([[put_sample(500)], [put(501)], [put_sample(502, more="SignedData")]])
        assert [type(result) for result in mixed] == [StorageFull, type(None), type(None)]
        begins = 0
        while store.commit([[put(600 + begins, size=150_000)]]) == [None]:
            begins += 1
        assert begins > 18
        assert health(store) is Health.FULL
        assert store.commit([[DropEntry(seq=1)]]) == [None]
    finally:
        LAYER.refuse = lambda _path, _end: 0
    store.maintain()
    assert health(store) is Health.GOOD
    assert store.commit([[put_sample(900)]]) == [None]
    store.close()


@pytest.mark.parametrize("word", ["SignedData", "signedMeterValue", "Transaction.Begin", "Transaction.End", "OCMF|"])
def test_what_is_billed_by_is_known_after_a_restart(store: Store, word: str) -> None:
    """It isn't thinned out then, either."""
    store.commit([[put_sample(1), put_sample(2, more=word)]])
    assert kept(store).precious == {2}


def quota(store: Store) -> Callable[[str, int], int]:
    """A disk that has 100 kB left besides what the store has taken."""
    folder = store.path("journal").parent
    full_at = sum(file.stat().st_size for file in folder.iterdir()) + 100_000

    def refuse(path: str, end: int) -> int:
        sizes = {str(file): file.stat().st_size for file in folder.iterdir()}
        sizes[path] = max(sizes.get(path, 0), end)
        return FULL if sum(sizes.values()) > full_at else 0

    return refuse


def test_a_disk_that_stays_full_is_emptied_by_a_cloud_that_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 50: deleting needs room, too. Without the last of the reserve what was delivered could never go, and no
    station would ever be answered again; with it the room of what went takes new messages, and so it is told."""
    store = Store(tmp_path / "store", vfs=LAYER.name)
    store.open()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=0))
    try:
        LAYER.refuse = quota(store)
        number = 0
        while store.commit([[put(number + 1, size=150_000)]]) == [None]:
            number += 1
        assert number > 40
        assert health(store) is Health.FULL
        mixed = store.commit([[put(900)], [DropEntry(seq=1)]])
        assert [type(result) for result in mixed] == [StorageFull, type(None)]
        for seq in range(2, number):
            assert store.commit([[DropEntry(seq=seq)]]) == [None]
        assert store.commit([[put(seq, size=150_000)] for seq in range(901, 911)]) == [None] * 10
        assert health(store) is Health.RESERVE  # it isn't told any more that stations get no answers
        assert [entry.seq for entry in entries(store)] == [number, *range(901, 911)]
        taken = 0
        while store.commit([[put(920 + taken, size=150_000)]]) == [None]:
            taken += 1
        assert taken > 10
        assert health(store) is Health.FULL
        assert store.commit([[DropEntry(seq=901)]]) == [None]
        assert [type(each) for each in store.commit([[put(990)]])] == [StorageFull]
        assert health(store) is Health.FULL
    finally:
        LAYER.refuse = lambda _path, _end: 0
    monkeypatch.undo()
    store.maintain()
    assert health(store) is Health.GOOD
    store.close()


def test_a_disk_that_refuses_is_told_and_used_again_when_it_takes(store: Store) -> None:
    """An I/O error is no full disk: the reserve stays."""
    LAYER.refuse = lambda _path, _end: IOERR_WRITE
    (result,) = store.commit([[put(1)]])
    assert isinstance(result, StorageFailed)
    assert health(store) is Health.FAILED
    LAYER.refuse = lambda _path, _end: 0
    assert store.commit([[put(1)]]) == [None]
    assert health(store) is Health.GOOD


def test_history_stays_within_its_size(store: Store) -> None:
    """The oldest goes."""
    for number in range(40):
        store.add_history([HistoryRow(at=NOON, topic="t", body=f"{number} " + "x" * 20_000)])
    connection = store.connection("history")
    count, first = connection.execute("SELECT count(*), min(id) FROM history").fetchone()
    assert count <= 20
    assert first > 20


def test_a_change_of_another_process_is_seen(store: Store) -> None:
    """The command line blocks a token; our own writes don't count."""
    store.commit([[put(1)]])
    assert store.changed_by_others() is False
    other = connect(store.path("registry"))
    other.execute("DELETE FROM site_token")
    other.execute("INSERT INTO site_token VALUES ('h', '', '', 1, NULL, NULL, '[]', NULL, NULL)")
    other.close()
    assert [store.changed_by_others(), store.changed_by_others()] == [True, False]


def test_of_what_waits_only_that_is_read_again_which_a_person_may_have_altered(store: Store) -> None:
    """After days without a cloud there are hundreds of thousands of messages: whoever blocks a card doesn't wait until
    they are read."""
    store.commit([[put(seq) for seq in range(1, 9)]])
    aside = replace(put(4).entry, state=EntryState.SET_ASIDE, reason="refused")
    known = Transaction(station="CP-01", key="1", connector=1, began=None, token="t" * 64, touched_at=NOON)
    store.commit([[PutEntry(entry=aside), PutTransaction(transaction=known)]])
    store.commit([[PutTransaction(transaction=replace(known, key="2", token=None))]])
    found = altered(store, {4, 6, 99})
    assert [(each.seq, each.state) for each in found.entries] == [(4, EntryState.SET_ASIDE), (6, EntryState.PENDING)]
    assert found.sizes.keys() == {4, 6}
    assert [each.key for each in found.transactions] == ["2"]
    assert altered(store, ()).entries == ()


ONE = "CREATE TABLE t (a INTEGER) STRICT;\nINSERT INTO t VALUES (1);"
TWO = "ALTER TABLE t ADD COLUMN b TEXT;"


def test_a_file_is_brought_up_step_by_step_and_read_by_the_release_before(tmp_path: Path) -> None:
    """Additions alone: the older release reads and writes a newer file."""
    path = tmp_path / "f.db"
    old, new = Schema(name="f", steps=[ONE]), Schema(name="f", steps=[ONE, TWO])
    open_database(path, old).connection.close()
    newer = open_database(path, new).connection
    assert [tuple(row) for row in newer.execute("SELECT a, b FROM t")] == [(1, None)]
    newer.close()
    older = open_database(path, old).connection
    older.execute("INSERT INTO t (a) VALUES (2)")
    assert older.execute("PRAGMA user_version").fetchone()[0] == 2
    older.close()


def test_a_token_s_need_is_a_table_of_its_own(tmp_path: Path) -> None:
    """The release before had forms 1 and 2, and writes rows of nine values: what it changes or removes has no need any
    more, what it leaves alone keeps it; and its own tokens are ours."""
    path = tmp_path / "registry.db"
    before = Schema(name="registry", steps=schemas()["registry"].steps[:2])
    put_row = "INSERT OR REPLACE INTO site_token VALUES (?, '', ?, 0, NULL, NULL, '[]', NULL, NULL)"
    older = open_database(path, before).connection
    older.execute(put_row, ("old", "a"))
    older.close()
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[PutSiteToken(token=SiteToken(hash=each, hint="", name="b", need=NEED)) for each in "kcd"]])
    store.close()
    older = open_database(path, before).connection
    older.execute(put_row, ("c", "c"))
    older.execute("DELETE FROM site_token WHERE hash = 'd'")
    older.execute(put_row, ("d", "d"))
    older.close()
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    found = kept_tokens(store).own
    assert [(own.hash, own.need) for own in found] == [("old", None), ("k", NEED), ("c", None), ("d", None)]
    store.commit([[PutSiteToken(token=SiteToken(hash="k", hint=""))]])
    assert all(own.need is None for own in kept_tokens(store).own), "what isn't given is gone"
    store.close()


@pytest.mark.parametrize("change", ["ready_by = 'soon'", "energy_wanted_wh = 0.0", "energy_wanted_wh = -9e999"])
def test_a_need_that_can_t_be_read_costs_itself(tmp_path: Path, change: str) -> None:
    """Its token stays, and so do the others' needs; what the good copy has of it is as good as the token there."""
    store = Store(tmp_path, reserve_bytes=1)
    store.open()
    store.commit([[PutSiteToken(token=SiteToken(hash=each, hint="", need=NEED)) for each in "ab"]])
    store.connection("registry").execute(f"UPDATE site_token_need SET {change} WHERE hash = 'a'")  # noqa: S608 - ours
    found = again(store)
    assert found.healed == ("registry",)
    assert [(own.hash, own.need) for own in kept_tokens(found).own] == [("a", None), ("b", NEED)]
    found.close()
    with (tmp_path / "registry.db").open("r+b") as stream:
        stream.write(b"\x5a" * 4096)
    found = Store(tmp_path, reserve_bytes=1)
    found.open()
    assert found.healed == ("registry",)
    assert [(own.hash, own.need) for own in kept_tokens(found).own] == [("a", None), ("b", NEED)]
    found.connection("registry").execute("UPDATE site_token_need SET ready_by = 'soon'")
    found = again(found)
    assert [(own.hash, own.need) for own in kept_tokens(found).own] == [("a", None), ("b", NEED)], "the good copy's"
    found.commit([[PutSiteToken(token=SiteToken(hash="b", hint=""))]])
    assert kept_tokens(found).own[1].need is None, "as in any other file"
    found.close()


def test_a_file_that_this_release_cant_read_is_left_alone(tmp_path: Path) -> None:
    """Not set aside: it is sound, and the later release will want it."""
    path = tmp_path / "f.db"
    open_database(path, Schema(name="f", steps=[ONE, TWO], readable_from=2)).connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageTooNew, match="has form 2, this release reads up to 1"):
        open_database(path, Schema(name="f", steps=[ONE]))
    assert path.read_bytes() == before


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """One transaction for each step."""
    path = tmp_path / "f.db"
    open_database(path, Schema(name="f", steps=[ONE])).connection.close()
    with pytest.raises(StorageFailed):
        open_database(path, Schema(name="f", steps=[ONE, "ALTER TABLE t ADD COLUMN b TEXT;\nDELETE FROM nothing;"]))
    connection = sqlite3.connect(path)
    assert [row[1] for row in connection.execute("PRAGMA table_info(t)")] == ["a"]
    connection.close()


def test_the_forms_come_with_the_program() -> None:
    """The three files."""
    assert set(schemas()) == {"journal", "registry", "history"}


def test_a_folder_that_cant_be_made_is_one_sentence(tmp_path: Path) -> None:
    """Where, why, and what to look at."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match=r"registry\.db can't be opened \([^:']*\); is the folder there"):
        Store(tmp_path / "file").open()


def test_a_disk_that_is_full_at_the_start_is_told_as_that(tmp_path: Path) -> None:
    """Not as a folder that isn't ours."""
    LAYER.refuse = lambda _path, _end: FULL
    try:
        with pytest.raises(StorageFailed, match=r"journal\.db can't be opened .*full.*; make room on its disk first"):
            open_database(tmp_path / "journal.db", schemas()["journal"], vfs=LAYER.name)
    finally:
        LAYER.refuse = lambda _path, _end: OK
