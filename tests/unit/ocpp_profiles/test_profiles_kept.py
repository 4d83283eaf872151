"""The stores on the disk."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from edge.errors import ShelfUnusable
from edge.ocpp.profiles import archive
from edge.ocpp.profiles.parse import parse
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.station_files import MOST_BYTES, StationFiles, StationFilesBeside
from edge.whole_file import SystemFiles
from tests.unit.ocpp_profiles.profile_bench import V16, V21, V201, installed, moment, period, profile


def full() -> ProfileStore:
    """A store with something of everything."""
    odd = profile(V16, "tx", period(0, 0.1 + 0.2), number=2, start="2026-06-01T12:00:00.123456+05:30", level=3)
    valid: dict[str, Any] = {"validFrom": "2026-06-01", "validTo": "2027-01-01T00:00:00.5Z"}
    placed = ((0, profile(V16, "max", period(0, 20), **valid)), (1, odd))
    store = installed(V16, *placed, running={1: "10:00:00.25", 2: "11:00:00"})
    custom = {"vendorId": "é", "n": 2**60}
    newer = parse(profile(V21, "default", period(0, 10, limit_L2=8), number=7, customData=custom), V21)
    store = store.with_profile(0, newer, moment("12:00:00.5")).began(3, None, 5.5)
    waits = parse(profile(V201, "tx", period(0, 6), number=9), V201)
    return store.awaiting(None, "tag", waits, moment("12:00:00")).with_priority(2, True).offline(moment("12:00:00.75"))


def test_a_store_comes_back_as_it_was() -> None:
    """To the bit: fractions of a second and of an ampere, transactions, what waits."""
    store = full()
    assert archive.from_text(archive.to_text(store)) == store


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"format": 2}',
        archive.to_text(full())[:-20],
        archive.to_text(full()).replace('"since": ', '"since": "x'),
        archive.to_text(full()).replace("ocpp1.6", "ocpp9"),
        archive.to_text(full()).replace('\\"stackLevel\\":3', '\\"stackLevel\\":-3'),
        archive.to_text(full()).replace('\\"limit\\"', '\\"limitt\\"'),
    ],
    ids=range(10),
)
def test_what_was_not_written_so_is_refused(text: str) -> None:
    """A damaged file is an error that is told, never one that ends the program."""
    with pytest.raises(ShelfUnusable):
        archive.from_text(text)


def keep(files: StationFiles, station: str, text: str) -> str | None:
    """Save it now; what goes wrong."""
    heard: list[str | None] = []
    files.save(station, text, heard.append)
    (problem,) = heard
    return problem


@pytest.mark.parametrize("station", ["CP-01", "..", ".", "a/b", "ä ö%", "x" * 48])
def test_a_text_comes_back_from_its_file(tmp_path: Path, station: str) -> None:
    """Whatever the station calls itself, and nothing is written elsewhere."""
    files = StationFiles(tmp_path / "profiles")
    assert files.load(station) is None
    keep(files, station, "one")
    keep(files, station, "two é")
    assert files.load(station) == "two é"
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "profiles"]
    assert not list(tmp_path.rglob("*.new"))


def test_stations_have_a_file_each(tmp_path: Path) -> None:
    """Also where their names differ by a dot or a sign only."""
    files = StationFiles(tmp_path)
    names = ["a", "a.b", "a%2Eb", "A"]
    for name in names:
        keep(files, name, name)
    assert [files.load(name) for name in names] == names


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    """For people to look at; the next one starts anew."""
    files = StationFiles(tmp_path)
    keep(files, "CP-01", "rubbish")
    files.set_aside("CP-01")
    assert files.load("CP-01") is None
    assert [path.read_text() for path in tmp_path.glob("*.damaged")] == ["rubbish"]


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    """What can't be written, read or moved raises one error of ours, with the file's name."""
    (tmp_path / "file").write_text("no folder")
    files = StationFiles(tmp_path / "file")
    problem = keep(files, "CP-01", "text")
    assert problem is not None
    assert "station-CP-01.json can't be written" in problem
    with pytest.raises(ShelfUnusable, match="station-CP-01"):
        files.load("CP-01")
    with pytest.raises(ShelfUnusable, match="station-CP-01"):
        files.set_aside("CP-01")


def test_a_file_that_is_no_text_or_endless_is_told(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a file larger than any of ours."""
    files = StationFiles(tmp_path)
    keep(files, "CP-01", "x")
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ShelfUnusable):
        files.load("CP-01")
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ShelfUnusable):
        files.load("CP-01")


class SlowDisk(SystemFiles):
    """A card on which nothing gets before it goes on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def sync(self, place: Path) -> None:
        assert self.goes_on.wait(10.0)
        super().sync(place)


async def test_a_card_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    """The loop goes on; whoever saved hears of it when the file is on the disk, and the end of the program waits."""
    disk, heard = SlowDisk(), list[str | None]()
    files = StationFilesBeside(tmp_path, disk)
    files.save("CP-01", "one", heard.append)
    await asyncio.sleep(0.01)
    assert (heard, files.load("CP-01")) == ([], None)
    disk.goes_on.set()
    await files.settled()
    assert (heard, files.load("CP-01")) == ([None], "one")


async def test_a_card_that_refuses_beside_the_loop(tmp_path: Path) -> None:
    """Is told in the same words."""
    (tmp_path / "file").write_text("no folder")
    heard: list[str | None] = []
    files = StationFilesBeside(tmp_path / "file")
    files.save("CP-01", "one", heard.append)
    await files.settled()
    assert heard == [keep(StationFiles(tmp_path / "file"), "CP-01", "one")]
