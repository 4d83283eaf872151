"""A message whose bytes have changed on the card, and are JSON all the same, is never sent for what was said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from edge.domain.journal import DropEntry, Entry, EntryState, PutEntry, PutTransaction, Transaction
from edge.errors import EntryDamaged
from edge.storage import sums
from edge.storage.database import Schema, open_database, schemas
from edge.storage.entry_file import EntryFile
from edge.storage.reading import entries, entry, kept
from edge.storage.store import Store
from tests.unit.storage.storage_bench import NOON, put, put_sample

SIGNED = '[2,"m3","MeterValues",{"signedMeterValue":"MEQCIA7Zr3","value":"4711"}]'


def opened(folder: Path) -> Store:
    """The store in a folder."""
    store = Store(folder, reserve_bytes=1)
    store.open()
    return store


def signed(seq: int) -> Entry:
    """A message with signed meter values; nothing is there once more of it."""
    return replace(put_sample(seq).entry, text=SIGNED)


def changed(store: Store, name: str, before: bytes, after: bytes) -> Path:
    """The folder, closed, after these bytes were changed in a file's rows, each time that they are there."""
    assert len(before) == len(after)
    store.close()
    path = store.path(name)
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    return path.parent


def as_kept(store: Store) -> dict[int, tuple[str, str | None]]:
    """State and reason of each message."""
    return {each.seq: (each.state.value, each.reason) for each in entries(store)}


def test_signed_bytes_that_changed_are_set_aside_and_told(tmp_path: Path) -> None:
    """A character of the signature, and it is valid JSON. Whose it is, is told; the others go on, and the next start
    finds nothing new."""
    store = opened(tmp_path)
    assert store.commit([[PutEntry(entry=signed(3)), put(4), put_sample(5)]]) == [None]
    folder = changed(store, "journal", b"MEQCIA7Zr3", b"MEQCIA7Zs3")
    with structlog.testing.capture_logs() as logs:
        store = opened(folder)
    assert as_kept(store) == {3: ("set aside", sums.DAMAGED), 4: ("pending", None), 5: ("pending", None)}
    [told] = [each for each in logs if each["log_level"] == "error" and "number" in each]
    assert (told["event"], told["number"], told["station"], told["action"]) == (
        "a message isn't what its station said: it is set aside", 3, "CP-3", "MeterValues",
    )  # fmt: skip
    assert store.healed == ("journal",)
    assert (folder / "journal.db.damaged-1").exists(), "what was there stays for a person to look at"
    store.close()
    store = opened(folder)
    assert store.healed == ()
    assert as_kept(store)[3] == ("set aside", sums.DAMAGED)
    store.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"CP-3", b"CP-5"),
        (b"MeterValues2", b"meterValues2"),
        (b"m32026", b"m22026"),
        (b"meter-key", b"metes-key"),
        (b"2026-06-01T12", b"2026-06-01T13"),
        (b'"4711"', b'"4712"'),
    ],
)
def test_each_part_of_a_message_is_summed(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Whose it is, what, when, and of which transaction."""
    store = opened(tmp_path)
    message = replace(signed(3), action="MeterValues2", message_id="m32026", transaction="meter-key")
    store.commit([[PutEntry(entry=message)]])
    store = opened(changed(store, "journal", before, after))
    assert as_kept(store) == {3: ("set aside", sums.DAMAGED)}
    store.close()


def test_a_begin_that_changed_is_taken_from_its_copy(tmp_path: Path) -> None:
    """It is there twice, and is delivered as it was said; of one that was changed twice neither is."""
    store = opened(tmp_path)
    store.commit([[put(4711), put(4999)]])
    folder = changed(store, "journal", b'"meterStart":4', b'"meterStart":5')
    registry = (folder / "registry.db").read_bytes()
    assert registry.count(b'"meterStart":4999') == 1
    (folder / "registry.db").write_bytes(registry.replace(b'"meterStart":4999', b'"meterStart":3999'))
    store = opened(folder)
    assert as_kept(store) == {4711: ("pending", None), 4999: ("set aside", sums.DAMAGED)}
    assert next(entries(store)) == put(4711).entry
    store.close()
    store = opened(folder)  # nor is one of the two taken for the other's proof
    assert as_kept(store) == {4711: ("pending", None), 4999: ("set aside", sums.DAMAGED)}
    store.close()


def test_a_copy_that_changed_is_made_anew(tmp_path: Path) -> None:
    """The journal is sound: it is what counts."""
    store = opened(tmp_path)
    store.commit([[put(4711)]])
    store = opened(changed(store, "registry", b'"meterStart":4', b'"meterStart":5'))
    assert store.healed == ()
    assert store.connection("registry").execute("SELECT text FROM entry_copy").fetchone()[0] == put(4711).entry.text
    assert list(entries(store)) == [put(4711).entry]
    store.close()


def test_what_its_station_says_again_is_left_out(tmp_path: Path) -> None:
    """A begin that nobody had answered: nor is its transaction taken to be told."""
    store = opened(tmp_path)
    begin = replace(put(4711).entry, answered=False)
    charge = Transaction(station=begin.station, key="4711", connector=1, began="mark", touched_at=NOON)
    store.commit([[PutEntry(entry=begin), PutTransaction(transaction=charge)]])
    store = opened(changed(store, "journal", b'"meterStart":4', b'"meterStart":5'))
    assert (kept(store).entries, kept(store).transactions) == ((), ())
    store.close()


def test_a_message_that_changes_while_the_program_runs_is_not_sent(tmp_path: Path) -> None:
    """Of a begin the copy is, unless that has changed, too."""
    store = opened(tmp_path)
    store.commit([[PutEntry(entry=signed(3)), put(4)]])
    change = "UPDATE {} SET text = replace(replace(text, '4711', '4712'), ':4', ':5')"
    store.connection("journal").execute(change.format("entry"))
    with pytest.raises(EntryDamaged, match=r"message 3 can't be read any more \(its bytes have changed on the disk"):
        entry(store, 3)
    assert entry(store, 4) == put(4).entry
    store.connection("registry").execute(change.format("entry_copy"))
    with pytest.raises(EntryDamaged, match="message 4 "):
        entry(store, 4)
    store.close()
    assert [(each.seq, each.reason) for each in EntryFile(tmp_path).set_aside()] == [
        (3, sums.DAMAGED),
        (4, sums.DAMAGED),
    ]


def test_a_damaged_message_is_not_sent_again(tmp_path: Path) -> None:
    """Nor by a person's mistake: what it was nobody knows."""
    store = opened(tmp_path)
    store.commit([[PutEntry(entry=signed(3)), PutEntry(entry=replace(signed(4), state=EntryState.SET_ASIDE))]])
    store.close()
    store = opened(changed(store, "journal", b"MEQCIA7Zr3", b"MEQCIA7Zs3"))
    store.close()
    for number in (3, 4):
        with pytest.raises(EntryDamaged, match=f"message {number} isn't what its station said"):
            EntryFile(tmp_path).resend([number])
    assert EntryFile(tmp_path).pending() == 0


def test_messages_on_a_page_that_cant_be_read_are_told_by_their_numbers(tmp_path: Path) -> None:
    """Their sums are elsewhere."""
    store = opened(tmp_path)
    store.commit([[PutEntry(entry=replace(put_sample(seq, size=900).entry)) for seq in range(1, 60)]])
    store.close()
    content = bytearray((tmp_path / "journal.db").read_bytes())
    at = content.index(b'"m30"') // 4096 * 4096
    content[at : at + 4096] = b"\x5a" * 4096
    (tmp_path / "journal.db").write_bytes(content)
    with structlog.testing.capture_logs() as logs:
        store = opened(tmp_path)
    there = {each.seq for each in entries(store)}
    [told] = [each for each in logs if each["event"] == "messages can't be read out of a damaged journal"]
    assert 0 < told["count"] < 10
    assert sorted([*told["numbers"], *there]) == list(range(1, 60))
    store.close()
    with structlog.testing.capture_logs() as logs:
        opened(tmp_path).close()
    assert not [each for each in logs if each["log_level"] in ("warning", "error")]


PUT = "INSERT OR REPLACE INTO entry VALUES (?, 'CP', 'meter', 'MeterValues', 'm', NULL, NULL, ?, ?, 1, 0, ?, NULL)"


@pytest.mark.parametrize("write", [
    lambda older: older.execute(PUT, (3, "[5]", NOON.isoformat(), "pending")),
    lambda older: older.execute("UPDATE entry SET state = 'set aside', reason = 'refused' WHERE seq = 3"),
    lambda older: older.execute("DELETE FROM entry WHERE seq = 3"),
    lambda older: older.execute(PUT, (9, "[9]", NOON.isoformat(), "pending")),
])  # fmt: skip
def test_the_release_before_goes_on_with_the_file(tmp_path: Path, write: Callable[..., object]) -> None:
    """An update that is taken back, and made again: what it writes, changes and deletes is as true as ours, and is
    summed from then on."""
    before = Schema(name="journal", steps=schemas()["journal"].steps[:1])
    older = open_database(tmp_path / "journal.db", before).connection
    older.execute(PUT, (1, "[1]", NOON.isoformat(), "pending"))
    older.close()
    store = opened(tmp_path)
    store.commit([[PutEntry(entry=signed(3)), put_sample(4)], [DropEntry(seq=4)]])
    store.close()
    older = open_database(tmp_path / "journal.db", before).connection
    write(older)
    expected = [tuple(row) for row in older.execute("SELECT seq, text, state FROM entry ORDER BY seq")]
    older.close()
    store = opened(tmp_path)
    assert store.healed == ()
    assert [(each.seq, each.text, each.state.value) for each in entries(store)] == expected
    summed = store.connection("journal").execute("SELECT seq FROM entry_sum ORDER BY seq").fetchall()
    assert [row["seq"] for row in summed] == [seq for seq, _, _ in expected]
    store.close()


def test_a_damaged_file_of_the_release_before_is_read_as_before(tmp_path: Path) -> None:
    """It has no sums; nothing else is taken for them."""
    before = Schema(name="journal", steps=schemas()["journal"].steps[:1])
    older = open_database(tmp_path / "journal.db", before).connection
    for seq in range(1, 100):
        older.execute(PUT, (seq, f'["{"x" * 600}"]', NOON.isoformat(), "pending"))
    older.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    older.execute("DELETE FROM entry WHERE seq = 1")
    log = (tmp_path / "journal.db-wal").read_bytes()
    content = (tmp_path / "journal.db").read_bytes()
    older.close()
    (tmp_path / "journal.db-wal").write_bytes(log)
    (tmp_path / "journal.db").write_bytes(b"\xa5" * 4096 + content[4096:])
    store = opened(tmp_path)
    assert store.healed == ("journal",)
    assert as_kept(store) == dict.fromkeys(range(2, 100), ("pending", None))
    store.close()


@pytest.mark.parametrize("name", ["journal", "registry"])
def test_the_form_of_a_file_fits_its_first_page(tmp_path: Path, name: str) -> None:
    """One whose first page is gone is read through that of a new one (:mod:`edge.storage.graft`)."""
    store = opened(tmp_path)
    store.close()
    assert store.path(name).read_bytes()[100] == 0x0D, "a leaf: https://www.sqlite.org/fileformat2.html §1.6"
