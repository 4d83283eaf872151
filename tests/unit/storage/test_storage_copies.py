"""Begins, ends and ids are on the disk twice: what is left of them when the journal can't be read any more."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from edge.domain.journal import (
    LOST,
    DropEntry,
    DropTransaction,
    Entry,
    EntryKind,
    EntryState,
    PutEntry,
    PutSession,
    PutSiteToken,
    PutTransaction,
    Transaction,
    Write,
)
from edge.domain.session import Session
from edge.domain.token import SiteToken, TokenNeed
from edge.errors import StorageError
from edge.storage.condition import Health
from edge.storage.database import connect
from edge.storage.reading import entries, kept, kept_tokens
from edge.storage.store import Store
from edge.storage.token_file import TokenFile
from tests.unit.storage.sqlite_layer import FULL, IOERR_WRITE, OK, RecordingLayer
from tests.unit.storage.storage_bench import NOON, put

LAYER = RecordingLayer("copies")


def opened(folder: Path) -> Store:
    """The store in a folder."""
    store = Store(folder, vfs=LAYER.name, reserve_bytes=4096)
    store.open()
    return store


def damaged(store: Store, *names: str) -> Store:
    """Opened again after the beginning of its files was overwritten, and their logs lost."""
    folder = store.path("journal").parent
    store.close()
    for name in names or ("journal",):
        with (folder / f"{name}.db").open("r+b") as stream:
            stream.write(b"\xa5" * 4096)
    return opened(folder)


def health(store: Store) -> Health:
    """How it fares now."""
    return store.health


def charge(key: str, cloud_id: int | None = None, **changes: object) -> Transaction:
    """A transaction of CP-1."""
    made = Transaction(station="CP-1", key=key, connector=1, began="mark", cloud_id=cloud_id, touched_at=NOON)
    return replace(made, **changes)  # type: ignore[arg-type]


def message(seq: int, kind: EntryKind, key: str, *, answered: bool = True) -> Entry:
    """A message of such a transaction."""
    made = put(seq).entry
    action = {EntryKind.BEGIN: "StartTransaction", EntryKind.END: "StopTransaction"}.get(kind, "MeterValues")
    return replace(made, station="CP-1", kind=kind, transaction=key, action=action, answered=answered)


def record_of(charge: Transaction) -> Session:
    """The record of such a transaction, which runs."""
    return Session(
        id=100 + int(charge.key), station="CP-1", evse=1, transaction=charge.key, token=None, began_at=NOON
    )  # fmt: skip


def commit(store: Store, *batches: list[Write]) -> None:
    """Each by itself."""
    for batch in batches:
        assert store.commit([batch]) == [None]


def begun(store: Store, *, told: bool) -> Transaction:
    """A session that began without the cloud; ``told``: the cloud has heard of it, and gave it the number 17."""
    record, begin = charge("2000000000"), message(5, EntryKind.BEGIN, "2000000000")
    commit(store, [PutEntry(entry=begin), PutTransaction(transaction=record)])
    if told:
        record = replace(record, cloud_id=17)
        commit(store, [DropEntry(seq=5), PutTransaction(transaction=record)])
    return record


@pytest.mark.parametrize("told", [True, False])
def test_a_journal_that_is_lost_keeps_the_clouds_number_of_a_session(tmp_path: Path, *, told: bool) -> None:
    """Fault 49: it is known under which number the cloud has the session, or its begin still is to be delivered."""
    store = opened(tmp_path)
    record = begun(store, told=told)
    store = damaged(store)
    assert store.healed == ("journal",)
    assert kept(store).transactions == (record,)
    assert [entry.seq for entry in entries(store)] == ([] if told else [5])
    assert kept(store).highest > 1_000_000
    store.close()


def test_an_end_that_waits_for_the_cloud_is_there_once_more(tmp_path: Path) -> None:
    """Of a session that began with the cloud, too; what was set aside stays so; meter values are lost."""
    store = opened(tmp_path)
    end = message(8, EntryKind.END, "17")
    aside = replace(message(9, EntryKind.BEGIN, "18"), order=0)
    meter = message(7, EntryKind.METER, "17")
    commit(store, [PutEntry(entry=each) for each in (meter, end, aside)])
    aside = replace(aside, state=EntryState.SET_ASIDE, reason="refused", attempts=3)
    commit(store, [PutEntry(entry=aside)])
    store = damaged(store)
    assert list(entries(store)) == [end, aside]
    store.close()


def test_what_the_cloud_has_had_does_not_come_back(tmp_path: Path) -> None:
    """Nor does a session run on whose end it has; should its station tell that again, it is another."""
    store = opened(tmp_path)
    record = begun(store, told=True)
    over = replace(record, ended="end")
    commit(store, [PutEntry(entry=message(9, EntryKind.END, record.key)), PutTransaction(transaction=over)])
    commit(store, [DropEntry(seq=9)])
    commit(store, [PutTransaction(transaction=over)])  # the station says it again, and is answered again
    store = damaged(store)
    assert kept(store).entries == ()
    assert [each.ended for each in kept(store).transactions] == [LOST]
    store.close()


@pytest.mark.parametrize("order", [None, 0], ids=["1.6", "2.x"])
def test_what_is_left_of_a_transaction_does_not_say_that_its_lost_begin_was_taken(
    tmp_path: Path, order: int | None
) -> None:
    """Its station hasn't been answered, and tells it again. What has its begin there, or was answered, is as it was."""
    store = opened(tmp_path)
    seen = ((0, 0),) if order is not None else ()
    lost, there, told = (charge(key, seen=seen) for key in ("1", "2", "3"))
    told = replace(told, answer="{}", cloud_id=3) if order is None else replace(told, seen=((0, 4),), ended="end")
    for seq, each in enumerate((lost, there, told), start=5):
        begin = replace(message(seq, EntryKind.BEGIN, each.key, answered=False), order=order)
        commit(store, [PutEntry(entry=begin), PutTransaction(transaction=each), PutSession(session=record_of(each))])
    commit(store, [DropEntry(seq=7)])
    journal = store.connection("journal")
    journal.execute("DELETE FROM entry WHERE seq = 5")  # as if its page were gone
    journal.execute("UPDATE counter SET highest = -1")
    store.close()
    store = opened(tmp_path)
    found = {each.key: each for each in kept(store).transactions}
    if order is None:
        assert found == {"2": there, "3": told}
        assert {each.transaction for each in kept(store).sessions} == {"2", "3"}
    else:
        assert found == {"1": replace(lost, seen=()), "2": there, "3": replace(told, seen=(), ended=LOST)}
        assert {each.transaction for each in kept(store).sessions} == {"1", "2", "3"}
    store.close()


def test_a_begin_that_the_cloud_was_asked_about_is_there_once_more_after_a_restart(tmp_path: Path) -> None:
    """Its station is answered here when it tells it again."""
    store = opened(tmp_path)
    begin = message(5, EntryKind.BEGIN, "1", answered=False)
    commit(store, [PutEntry(entry=begin), PutTransaction(transaction=charge("1"))])
    store.close()
    store = opened(tmp_path)
    store = damaged(store)
    assert list(entries(store)) == [replace(begin, answered=True)]
    store.close()


def test_an_end_that_the_cloud_refuses_leaves_the_session_known(tmp_path: Path) -> None:
    """It is the station's again, which says it under our number once more."""
    store = opened(tmp_path)
    record = begun(store, told=True)
    ended = PutTransaction(transaction=replace(record, ended="end"))
    commit(store, [PutEntry(entry=message(9, EntryKind.END, record.key, answered=False)), ended])
    commit(store, [DropEntry(seq=9), PutTransaction(transaction=record)])
    store = damaged(store)
    assert kept(store).transactions == (record,)
    store.close()


def test_a_forgotten_transaction_has_no_copy(tmp_path: Path) -> None:
    """Retention."""
    store = opened(tmp_path)
    record = begun(store, told=True)
    commit(store, [DropTransaction(station="CP-1", key=record.key)])
    store = damaged(store)
    assert kept(store).transactions == ()
    store.close()


def test_a_session_that_the_cloud_numbers_at_once_costs_the_registry_nothing(tmp_path: Path) -> None:
    """For the SD card's sake: begin, readings and end are written once; so are readings of one that began here."""
    store = opened(tmp_path)
    begin, end = message(1, EntryKind.BEGIN, "77", answered=False), message(3, EntryKind.END, "77", answered=False)
    local = begun(store, told=True)
    LAYER.operations.clear()
    commit(
        store,
        [PutEntry(entry=begin), PutTransaction(transaction=charge("1999999999"))],
        [
            DropEntry(seq=1),
            DropTransaction(station="CP-1", key="1999999999"),
            PutTransaction(transaction=charge("77", 77)),
        ],
        [PutEntry(entry=message(2, EntryKind.METER, "77")), PutTransaction(transaction=charge("77", 77))],
        [DropEntry(seq=2)],
        [PutEntry(entry=end), PutTransaction(transaction=charge("77", 77, ended="e"))],
        [DropEntry(seq=3)],
        [PutEntry(entry=message(4, EntryKind.METER, local.key)), PutTransaction(transaction=replace(local))],
    )
    assert LAYER.operations
    assert not [each for each in LAYER.operations if "registry" in each.path]
    store.close()


def test_a_full_disk_keeps_no_copies_and_loses_no_original(tmp_path: Path) -> None:
    """Fault 50: the reserve is for the messages themselves; when there is room again the copies are made."""
    store = opened(tmp_path)
    try:
        LAYER.refuse = lambda path, _end: FULL if "registry.db" in path else 0
        record = begun(store, told=False)
        assert health(store) is Health.FULL
        commit(store, [PutEntry(entry=message(6, EntryKind.BEGIN, "2000000001"))])
        assert health(store) is Health.RESERVE  # the journal takes messages
    finally:
        LAYER.refuse = lambda _path, _end: 0
    store.maintain()
    assert health(store) is Health.GOOD
    store = damaged(store)
    assert kept(store).transactions == (record,)
    assert [entry.seq for entry in entries(store)] == [5, 6]
    store.close()


def test_a_registry_that_refuses_for_a_moment_loses_no_copy(tmp_path: Path) -> None:
    """What was to be copied, and what was to go, is put right within a minute."""
    store = opened(tmp_path)
    commit(store, [PutEntry(entry=message(1, EntryKind.END, "7"))])
    try:
        LAYER.refuse = lambda path, _end: IOERR_WRITE if "registry.db" in path else 0
        record = begun(store, told=False)
        commit(store, [DropEntry(seq=1)])
        store.maintain()
    finally:
        LAYER.refuse = lambda _path, _end: 0
    commit(store, [PutSiteToken(token=SiteToken(hash="h", hint="01"))])
    store.maintain()
    store = damaged(store)
    assert kept(store).transactions == (record,)
    assert [entry.seq for entry in entries(store)] == [5]
    store.close()


def test_copies_are_made_anew_of_a_sound_journal(tmp_path: Path) -> None:
    """A folder of the release before has none; what a crash has left between the two files is put right."""
    store = opened(tmp_path)
    record = begun(store, told=False)
    store.connection("registry").execute("DELETE FROM charge_copy")
    store.connection("registry").execute("UPDATE entry_copy SET seq = 3")
    store.close()
    store = damaged(opened(tmp_path))
    assert kept(store).transactions == (record,)
    assert [entry.seq for entry in entries(store)] == [5]
    store.close()


@pytest.mark.parametrize("lost", ["the end", "the begin, too"])
def test_what_a_journal_without_its_log_has_lost_is_taken_from_the_copies(tmp_path: Path, lost: str) -> None:
    """Each page of it is sound, and it is what it was a while ago: a card that wrote out of order, a file system's
    repair. The end is delivered, and is known to be told."""
    store = opened(tmp_path / "a")
    commit(store, [PutEntry(entry=replace(message(4, EntryKind.BEGIN, "9"), answered=False))])
    log = tmp_path / "a" / "journal.db-wal"
    store.connection("journal").execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    record = begun(store, told=False)
    if lost == "the end":
        store.connection("journal").execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    record = replace(record, ended="mark of the end")
    commit(store, [PutEntry(entry=message(6, EntryKind.END, record.key)), PutTransaction(transaction=record)])
    assert log.stat().st_size > 0
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("*-shm", "journal.db-wal"))
    store.close()
    store = opened(tmp_path / "b")
    assert store.healed == ()
    assert [each.seq for each in entries(store)] == [4, 5, 6]
    assert kept(store).transactions == (record,)
    assert kept(store).highest > 1_000_000
    store.close()


@pytest.mark.parametrize("since", ["told", "told, and its end", "both"])
def test_what_a_journal_without_its_log_had_told_is_not_told_again(tmp_path: Path, since: str) -> None:
    """Each page of it is sound, and the begin is in it as it was before the cloud had it: a second session, billed
    twice. The copies know what of it still waits."""
    store = opened(tmp_path / "a")
    record = begun(store, told=False)
    other = message(6, EntryKind.BEGIN, "2000000007")
    commit(store, [PutEntry(entry=other), PutTransaction(transaction=charge("2000000007"))])
    if since == "both":
        end = message(7, EntryKind.END, record.key)
        commit(store, [PutEntry(entry=end), PutTransaction(transaction=replace(record, ended="mark of the end"))])
    store.connection("journal").execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    told = replace(record, cloud_id=17, ended="mark of the end" if since == "both" else None)
    commit(store, [DropEntry(seq=5), PutTransaction(transaction=told)])
    if since == "told, and its end":
        told = replace(told, ended="mark of the end")
        commit(store, [PutEntry(entry=message(7, EntryKind.END, record.key)), PutTransaction(transaction=told)])
    if since != "told":
        commit(store, [DropEntry(seq=7)])
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("*-shm", "journal.db-wal"))
    store.close()
    store = opened(tmp_path / "b")
    assert [each.seq for each in entries(store)] == [6], "what waits still does"
    found = {each.key: each for each in kept(store).transactions}
    assert found["2000000007"] == charge("2000000007")
    assert found[record.key] == (told if since == "told" else replace(record, ended=LOST))
    assert kept(store).highest > 1_000_000
    before = kept(store)
    store.close()
    store = opened(tmp_path / "b")
    assert kept(store) == before, "once is enough"
    store.close()


def test_a_begin_without_a_copy_is_not_taken_to_be_told(tmp_path: Path) -> None:
    """A crash between the two files, a full disk that has no room for copies, a registry that was healed, a journal of
    the release before: the journal is as new as it was, and its begin is delivered."""
    store = opened(tmp_path)
    begun(store, told=False)
    try:
        LAYER.refuse = lambda path, _end: IOERR_WRITE if "registry.db" in path else 0
        commit(store, [PutEntry(entry=message(6, EntryKind.BEGIN, "2000000001"))], [DropEntry(seq=5)])
    finally:
        LAYER.refuse = lambda _path, _end: 0
    store.close()
    store = opened(tmp_path)
    assert [each.seq for each in entries(store)] == [6]
    store = damaged(store, "registry")
    assert [each.seq for each in entries(store)] == [6]
    store.close()


def test_a_begin_that_was_told_is_not_brought_back(tmp_path: Path) -> None:
    """A crash between the two files: what is left of the journal knows the cloud's number."""
    store = opened(tmp_path)
    record = begun(store, told=False)
    record = replace(record, cloud_id=17)
    journal = store.connection("journal")
    journal.execute("DELETE FROM entry")
    journal.execute("UPDATE charge SET cloud_id = 17")
    journal.execute("UPDATE counter SET highest = -1")  # a row that can't be
    store.close()
    store = opened(tmp_path)
    assert store.healed == ("journal",)
    assert (kept(store).transactions, kept(store).entries) == ((record,), ())
    store.close()


def test_both_files_damaged_bring_nothing_back_that_was_told(tmp_path: Path) -> None:
    """The registry's last good copy is of an earlier time: its tokens count, its copies of the journal don't."""
    store = opened(tmp_path)
    commit(store, [PutSiteToken(token=SiteToken(hash="h", hint="01"))])
    record = begun(store, told=False)
    store.close()
    store = opened(tmp_path)
    commit(store, [DropEntry(seq=5), PutTransaction(transaction=replace(record, cloud_id=17))])
    store = damaged(store, "journal", "registry")
    assert kept(store).entries == ()
    assert [token.hash for token in kept_tokens(store).own] == ["h"]
    store.close()


def test_an_erased_token_is_erased_from_the_copies(tmp_path: Path) -> None:
    """A person's data."""
    store = opened(tmp_path)
    record = charge("2000000000", 17, token="h", answer='{"idTagInfo":{"parentIdTag":"P"}}')
    need = TokenNeed(energy_wanted_wh=12_000.0, ready_by=time(5, 30))
    commit(store, [PutTransaction(transaction=record), PutSiteToken(token=SiteToken(hash="h", hint="01", need=need))])
    store.close()
    TokenFile(tmp_path).erase("h", "CARD")
    for name in ("registry.db", "registry.good.db"):
        with contextlib.closing(connect(tmp_path / name)) as registry:
            assert registry.execute("SELECT hash FROM site_token_need").fetchall() == []
            (found,) = registry.execute("SELECT token, answer FROM charge_copy").fetchall()
        assert tuple(found) == (None, record.answer)  # the station may ask for it again


def filled(folder: Path) -> Store:
    """A journal with a session's record, and a hundred messages of which the last is still in the log."""
    store = opened(folder)
    session = Session(
        id=1, station="CP-1", evse=1, transaction="7", token=None, began_at=NOON, ended_at=NOON, energy_wh=Decimal(5000)
    )
    commit(store, [PutSession(session=session)])
    commit(store, [PutEntry(entry=message(seq, EntryKind.METER, "7")) for seq in range(2, 100)])
    store.connection("journal").execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    commit(store, [DropEntry(seq=2), PutEntry(entry=message(100, EntryKind.METER, "7"))])
    return store


def destroyed(store: Store, folder: Path, *, log: bool) -> Store:
    """The first page of its journal is rubbish when the program starts after a kill; ``log``: that is left."""
    shutil.copytree(store.path("journal").parent, folder, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    with (folder / "journal.db").open("r+b") as stream:
        stream.write(b"\xa5" * 4096)
    if not log:
        (folder / "journal.db-wal").unlink()
    return opened(folder)


def test_a_journal_without_its_first_page_loses_nothing_but_that(tmp_path: Path) -> None:
    """All else is read through the first page of a new file; the damaged one stays as it is."""
    store = destroyed(filled(tmp_path / "a"), tmp_path / "b", log=True)
    assert store.healed == ("journal",)
    assert [each.seq for each in entries(store)] == list(range(3, 101))
    assert store.connection("journal").execute("SELECT energy_wh FROM session").fetchall()[0][0] == "5000"
    assert (tmp_path / "b" / "journal.db.damaged-1").read_bytes().startswith(b"\xa5" * 4096)
    assert not list((tmp_path / "b").glob("*grafted*"))
    store.close()


def test_without_its_log_too_no_message_comes_back_that_may_have_been_delivered(tmp_path: Path) -> None:
    """The second message was; session records are what they were."""
    store = destroyed(filled(tmp_path / "a"), tmp_path / "b", log=False)
    assert store.healed == ("journal",)
    assert list(entries(store)) == []
    assert store.connection("journal").execute("SELECT energy_wh FROM session").fetchall()[0][0] == "5000"
    store.close()


@pytest.mark.parametrize("how", ["emptied", "emptied, with its log", "gone", "gone, with its log"])
def test_a_journal_that_is_empty_or_gone_is_made_of_its_copies(tmp_path: Path, how: str) -> None:
    """A file system's repair, or a person: SQLite takes it for a new one and throws its log away. What it had isn't
    forgotten for that."""
    store = opened(tmp_path / "a")
    record = begun(store, told=False)
    folder = tmp_path / "b"
    shutil.copytree(tmp_path / "a", folder, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    (folder / "journal.db").write_bytes(b"")
    if how.startswith("gone"):
        (folder / "journal.db").unlink()
    if not how.endswith("log"):
        (folder / "journal.db-wal").unlink()
    store = opened(folder)
    assert [each.seq for each in entries(store)] == [5]
    assert kept(store).transactions == (record,)
    assert kept(store).highest > 1_000_000
    store.close()


def test_a_file_of_another_form_gives_what_can_be_read_of_it(tmp_path: Path) -> None:
    """Its tables aren't where a new file has them: nothing is taken for what it isn't."""
    store = opened(tmp_path)
    commit(store, [PutEntry(entry=message(seq, EntryKind.METER, "7")) for seq in range(2, 100)])
    journal = store.connection("journal")
    journal.execute("CREATE TABLE other AS SELECT * FROM charge")
    journal.execute("DROP TABLE charge")
    journal.execute("CREATE TABLE more AS SELECT * FROM entry")
    journal.execute("CREATE TABLE charge AS SELECT * FROM other")
    store = damaged(store)
    assert store.healed == ("journal",)
    assert kept(store).transactions == ()
    assert store.commit([[put(kept(store).highest + 1)]]) == [None]
    store.close()


@pytest.mark.parametrize("told", [True, False])
def test_a_start_after_a_damage_that_is_cut_off_loses_nothing_either(tmp_path: Path, *, told: bool) -> None:
    """The disk refuses from any write of that start on, and the next start finds what was done until then."""
    store = opened(tmp_path / "sound")
    record = begun(store, told=told)
    store.close()
    with (tmp_path / "sound" / "journal.db").open("r+b") as stream:
        stream.write(b"\xa5" * 4096)
    for left, store in after_each_cut(tmp_path):
        assert kept(store).transactions == (record,), f"cut off at write {left}"
        assert [entry.seq for entry in entries(store)] == ([] if told else [5]), f"cut off at write {left}"


def after_each_cut(folder: Path) -> Iterator[tuple[int, Store]]:
    """What is ``sound`` in the folder, opened again after a start that was cut off at this write; the last wasn't."""
    left, has_cut = 0, True
    while has_cut:
        copy, cut = folder / str(left), Cut(left)
        shutil.copytree(folder / "sound", copy)
        store = started(copy, cut)
        yield left, store
        store.close()
        left, has_cut = left + 1, cut.has_cut
    assert left > 21


def started(folder: Path, cut: "Cut") -> Store:
    """Opened again after a start on such a disk."""
    LAYER.refuse = cut
    store = Store(folder, vfs=LAYER.name, reserve_bytes=4096)
    try:
        with contextlib.suppress(StorageError):
            store.open()
    finally:
        store.close()
        LAYER.refuse = lambda _path, _end: OK
    return opened(folder)


class Cut:
    """A disk that refuses all writes but the first ``left``."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.has_cut = False

    def __call__(self, _path: str, _end: int) -> int:
        self.has_cut |= self.left == 0
        self.left = max(self.left - 1, 0)
        return IOERR_WRITE if self.has_cut else OK


@pytest.mark.parametrize("gone", [False, True])
def test_a_start_without_the_registry_that_is_cut_off_loses_no_card(tmp_path: Path, *, gone: bool) -> None:
    """Damaged or gone, it is made of its good copy, and that isn't thrown away for an empty one."""
    store = opened(tmp_path / "sound")
    commit(store, [PutSiteToken(token=SiteToken(hash="h", hint="01"))])
    store.close()
    opened(tmp_path / "sound").close()  # keeps the good copy
    registry = tmp_path / "sound" / "registry.db"
    registry.unlink() if gone else registry.write_bytes(b"\xa5" * registry.stat().st_size)
    for left, store in after_each_cut(tmp_path):
        assert [token.hash for token in kept_tokens(store).own] == ["h"], f"cut off at write {left}"


def test_a_healed_file_that_was_not_put_in_its_place_yet(tmp_path: Path) -> None:
    """The power failed between the damaged one's removal and that; the damaged one's log is no log of the new one."""
    store = opened(tmp_path)
    record = begun(store, told=False)
    log = (tmp_path / "journal.db-wal").read_bytes()
    store.close()
    (tmp_path / "journal.db").rename(tmp_path / "journal.db.healed")
    (tmp_path / "journal.db-wal").write_bytes(log)
    store = opened(tmp_path)
    assert kept(store).transactions == (record,)
    assert (store.healed, list(tmp_path.glob("*.healed"))) == ((), [])
    store.close()


def test_what_is_left_of_a_healing_is_no_healing(tmp_path: Path) -> None:
    """The power failed while the new file was made: it is made anew."""
    store = opened(tmp_path)
    record = begun(store, told=False)
    (tmp_path / "journal.db.draft").write_bytes(b"half of it")
    (tmp_path / "journal.db.draft-wal").write_bytes(b"half of it")
    store = damaged(store)
    assert kept(store).transactions == (record,)
    assert list(tmp_path.glob("*.draft*")) == []
    store.close()
