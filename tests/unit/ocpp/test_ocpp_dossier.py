"""What is known of a station after a restart of the gateway."""

from pathlib import Path

import pytest

from edge.ocpp.dossier import Description, Dossier
from edge.ocpp.shelf import Done
from edge.ocpp.station_files import StationFiles
from edge.ocpp.versions import Version

ACME = Description(vendor="ACME", model="One", firmware=None)
INTERVAL = ("", "metervaluesampleinterval")


def test_it_outlives_the_program(tmp_path: Path) -> None:
    """What the station is, and what its cloud has written; each station's own."""
    before = Dossier("CP-01", StationFiles(tmp_path))
    before.describe(ACME)
    before.cloud_wrote[INTERVAL] = "60"
    before.counts_from_1970 = True
    before.chosen(Version.V201)
    after = Dossier("CP-01", StationFiles(tmp_path))
    assert after.counts_from_1970
    assert after.edition is Version.V201
    assert Dossier("CP-02", StationFiles(tmp_path)).edition is None
    assert not Dossier("CP-02", StationFiles(tmp_path)).counts_from_1970
    assert (after.description, after.cloud_wrote, after.problem) == (ACME, {INTERVAL: "60"}, None)
    assert Dossier("CP-02", StationFiles(tmp_path)).description is None


def test_it_is_written_only_when_it_changes(tmp_path: Path) -> None:
    """A station that boots every minute wears out no flash."""
    dossier = Dossier("CP-01", StationFiles(tmp_path))
    dossier.describe(ACME)
    (file,) = tmp_path.iterdir()
    file.unlink()
    dossier.describe(Description(vendor="ACME", model="One", firmware=None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"description":7,"cloud_wrote":7}', '{"description":{"vendor":1},"cloud_wrote":[[1]]}'],
)
def test_a_damaged_file_is_no_harm(tmp_path: Path, text: str) -> None:
    """What can't be used is learned anew."""
    files = StationFiles(tmp_path)
    files.save("CP-01", text, lambda _problem: None)
    dossier = Dossier("CP-01", files)
    assert (dossier.description, dossier.cloud_wrote) == (None, {})
    dossier.describe(ACME)
    assert Dossier("CP-01", files).description == ACME


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """And what is known is known for as long as the program runs."""
    (tmp_path / "file").touch()
    dossier = Dossier("CP-01", StationFiles(tmp_path / "file"))
    dossier.describe(ACME)
    assert dossier.problem is not None
    assert "can't be" in dossier.problem or "lost" in dossier.problem
    assert dossier.description == ACME


def test_what_comes_while_the_disk_takes_its_time_is_written_next(tmp_path: Path) -> None:
    """One file at a time, and the last word is on the disk in the end."""
    shelf = SlowShelf(tmp_path)
    dossier = Dossier("CP-01", shelf)
    dossier.describe(ACME)
    dossier.cloud_wrote[INTERVAL] = "60"
    dossier.keep()
    assert len(shelf.waits) == 1
    shelf.write()
    shelf.write()
    assert shelf.waits == []
    assert Dossier("CP-01", StationFiles(tmp_path)).cloud_wrote == {INTERVAL: "60"}


class SlowShelf(StationFiles):
    """A text is written when :meth:`write` is called."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.waits: list[tuple[str, Done]] = []

    def save(self, station: str, text: str, done: Done) -> None:  # noqa: ARG002 - there is one
        self.waits.append((text, done))

    def write(self) -> None:
        super().save("CP-01", *self.waits.pop(0))
