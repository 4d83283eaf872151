"""Which transactions are the site's alone: kept beside them, as long as they are, and through what befalls the file."""

from dataclasses import replace
from pathlib import Path

from edge.domain.journal import DropTransaction, PutTransaction, Transaction
from edge.storage.database import Schema, open_database, schemas
from edge.storage.reading import kept
from edge.storage.rows import put_charge_into
from edge.storage.store import Store
from tests.unit.storage.storage_bench import NOON

ALONE = Transaction(station="CP", key="7", connector=1, began="b", answer="{}", touched_at=NOON, alone=True)
CLOUDS = replace(ALONE, key="8", alone=False)


def opened(folder: Path) -> Store:
    """The store in a folder."""
    store = Store(folder, reserve_bytes=1)
    store.open()
    return store


def found(store: Store) -> dict[str, bool]:
    """Of each transaction whether it is the site's alone."""
    return {each.key: each.alone for each in kept(store).transactions}


def marks(store: Store) -> int:
    """How many marks there are."""
    (count,) = store.connection("journal").execute("SELECT count(*) FROM charge_alone").fetchone()
    return int(count)


def test_it_lasts_as_long_as_the_transaction(tmp_path: Path) -> None:
    """Written again it stays, unless it is said to be none; removed it leaves nothing."""
    store = opened(tmp_path)
    store.commit([[PutTransaction(transaction=ALONE), PutTransaction(transaction=CLOUDS)]])
    store.commit([[PutTransaction(transaction=replace(ALONE, ended="e"))]])
    store.close()
    store = opened(tmp_path)
    assert found(store) == {"7": True, "8": False}
    store.commit([[PutTransaction(transaction=replace(ALONE, alone=False))]])
    assert (found(store), marks(store)) == ({"7": False, "8": False}, 0)
    store.commit([[PutTransaction(transaction=ALONE)], [DropTransaction(station="CP", key="7")]])
    assert (found(store), marks(store)) == ({"8": False}, 0)
    store.close()


def test_the_release_before_goes_on_with_the_file(tmp_path: Path) -> None:
    """It knows no marks: what it writes has none, and what it leaves alone keeps its own."""
    other = replace(ALONE, key="9")
    store = opened(tmp_path)
    store.commit([[PutTransaction(transaction=each) for each in (ALONE, other)]])
    store.close()
    before = Schema(name="journal", steps=schemas()["journal"].steps[:3])
    older = open_database(tmp_path / "journal.db", before).connection
    row = ("CP", "7", 1, "b", None, "{}", None, "[]", None, None, NOON.isoformat())
    older.execute(put_charge_into("charge"), row)
    older.close()
    store = opened(tmp_path)
    assert (store.healed, found(store)) == ((), {"7": False, "9": True})
    store.close()


def test_a_damaged_file_keeps_the_marks_that_can_be_read(tmp_path: Path) -> None:
    """Else a cloud that comes later would be told the end of a session that it never had."""
    store = opened(tmp_path)
    store.commit([[PutTransaction(transaction=ALONE), PutTransaction(transaction=CLOUDS)]])
    store.close()
    path = tmp_path / "journal.db"
    content = path.read_bytes()
    at = content.rindex(b"CREATE TRIGGER charge_put")
    path.write_bytes(content[:at] + b"CREATE TRIGGER charge_pux" + content[at + 25 :])
    store = opened(tmp_path)
    assert store.healed == ("journal",)
    assert found(store) == {"7": True, "8": False}
    store.close()
