"""Recorded loads, as meters and their portals export them."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.errors import ScenarioError
from simulators.world.building import Recorded
from simulators.world.recording import read_recording
from simulators.world.scenario import load_world
from tests.world.worlds import SMALL

BERLIN = ZoneInfo("Europe/Berlin")


def read(
    tmp_path: Path, text: str | bytes, *columns: str, scale_a: float = 1.0, time: tuple[str, ...] = ("Zeit",)
) -> Recorded:
    file = tmp_path / "load.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_recording(file, "main", columns or ("L1", "L2", "L3"), time=time, scale_a=scale_a, zone=BERLIN)


ROWS = ((0.0, (4.5, 5.0, 6.25)), (900.0, (5.5, 6.0, 1234.5)))
EXPORTS: dict[str, str | bytes] = {
    "ISO, commas": "Zeit,L1,L2,L3\n2026-03-01 00:00,4.5,5,6.25\n2026-03-01 00:15,5.5,6,1234.5\n",
    "German": "Zeit;L1;L2;L3\n01.03.2026 00:00;4,5;5;6,25\n01.03.2026 00:15:00;5,5;6;1.234,5\n",
    "of a spreadsheet": "\ufeffZeit\tL1\tL2\tL3\r\n2026/03/01 00:00\t4,5\t5\t6,25\r\n2026/03/01 00:15\t5,5\t6\t1234,5",
    "UTF-16": "Zeit;L1;L2;L3\n1000;4,5;5;6,25\n1900;5,5;6;1'234,5\n".encode("utf-16"),
    "of Windows, with lines before": "Zähler;4711\n\nZeit;L1;L2;L3\n0;4,5;5;6,25\n900;5,5;6;1234,5\n".encode("cp1252"),
    "newest first": "Zeit;L3;L2;L1\n2026-03-01T00:15Z;1234.5;6;5.5\n2026-03-01T00:00Z;6.25;5;4.5\n",
    "with gaps": "Zeit;L1;L2;L3\n0;4.5;5;6.25\n300;;5;6\n600;;;\n;;;\n900;5.5;6;1234.5\n",
    "quoted": '"Zeit","L1","L2","L3"\n"0","4,5","5","6,25"\n"900","5,5","6","1,234.5"\n',
}


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_is_read_as_it_is_meant(tmp_path: Path, export: str) -> None:
    """Whatever its delimiter, its decimal sign, its letters, and the order of its rows."""
    recorded = read(tmp_path, EXPORTS[export])
    assert recorded.rows == ROWS
    assert recorded.lasts_s == 1800.0


def test_power_of_all_phases_becomes_current(tmp_path: Path) -> None:
    """One column of W, and the scale that makes A of each phase of it."""
    recorded = read(tmp_path, "Zeit;P\n0;6900\n900;3450\n", "P", scale_a=1 / 690)
    assert recorded.rows[1][1] == pytest.approx((5.0, 5.0, 5.0))


@pytest.mark.parametrize("date", ["01.03.2026", "01.03.26", "2026-03-01", "2026/03/01"])
def test_date_and_time_may_stand_apart(tmp_path: Path, date: str) -> None:
    """As many German portals export them; the end of a day is written as 24:00 of it."""
    day_after = date.replace("01.", "02.", 1) if "." in date else date[:-1] + "2"
    rows = f"{date};23:45;4,5\n{date};24:00;5,5\n{day_after};00:15:00;6\n"
    recorded = read(tmp_path, "Zähler;4711\nDatum;Uhrzeit;Wert\n" + rows, "Wert", time=("Datum", "Uhrzeit"))
    assert recorded.rows == ((0.0, (4.5,) * 3), (900.0, (5.5,) * 3), (1800.0, (6.0,) * 3))


@pytest.mark.parametrize(
    ("times", "ends_s"),
    [
        ("2026-03-29 01:45 2026-03-29 03:00 2026-03-29 03:15", 1800.0),
        ("2026-03-29 01:45 2026-03-29 02:00 2026-03-29 03:00", 4500.0),  # a clock without summer time
        ("2026-10-25 01:45 2026-10-25 02:45 2026-10-25 02:00", 4500.0),
        ("2026-10-25 02:15 2026-10-25 03:00 2026-10-25 03:15", 3600.0 + 3600.0),
    ],
)
def test_the_change_of_summer_time_is_no_gap(tmp_path: Path, times: str, ends_s: float) -> None:
    """The hour that is left out, and the one that comes twice, of local times without an offset."""
    words = times.split()
    rows = "".join(f"{day} {hour};1;2;3\n" for day, hour in zip(words[::2], words[1::2], strict=True))
    assert read(tmp_path, "Zeit;L1;L2;L3\n" + rows).rows[-1][0] == ends_s


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no column 'Zeit'; it has nothing"),
        ("Time;L1;L2\n0;1;2\n", "has no column 'Zeit'; it has 'Time', 'L1', 'L2'"),
        ("Zeit;L1;L2;L3\n0;1;2;3\n", "at least two rows"),
        ("Zeit;L1;L2;L3\n0;1;2;3\n0;1;2;3\n", "two rows of the same time"),
        ("Zeit;L1;L2;L3\n0;1;2;nan\n9;1;2;3\n", "line 2: must have numbers"),
        ("Zeit;L1;L2;L3\n0;1;2;3\ninf;1;2;3\n", "line 3: must have numbers"),
        ("Zeit;L1;L2;L3\n0;1;2;3\n2026-03-01;1;2;3\n", "others seconds"),
        ("Zeit;L1;L2;L3\n0;1;2;3\nMonday;1;2;3\n", "line 3: must have numbers"),
    ],
)
def test_what_is_no_load_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """What is wrong, and where; nothing that isn't a number counts as one."""
    with pytest.raises(ScenarioError, match=sentence):
        read(tmp_path, text)


def test_three_columns_are_no_time(tmp_path: Path) -> None:
    """One, or a date and a time of day; and none is no time at all."""
    for time in ((), ("Datum", "von", "bis")):
        with pytest.raises(ScenarioError, match="time must name one column, or that of the date and"):
            read(tmp_path, "Datum;von;bis;L1;L2;L3\n", time=time)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ('"Datum"', None),
        ('["Datum", "Uhrzeit"]', (0.0, 900.0)),
        ("3", "recording 1: time: must be a text in quotes, not 3"),
        ("[3]", "recording 1: time: must be a list of texts in quotes"),
    ],
)
def test_a_scenario_names_one_column_or_two(tmp_path: Path, time: str, said: tuple[float, ...] | str | None) -> None:
    """One that has the date alone has two rows of the same time."""
    (tmp_path / "load.csv").write_text("Datum;Uhrzeit;Wert\n01.03.2026;00:00;4,5\n01.03.2026;00:15;5,5\n")
    recording = f'\n[[recording]]\ncircuit = "main"\nfile = "load.csv"\ntime = {time}\ncolumns = ["Wert"]\n'
    file = tmp_path / "day.toml"
    file.write_text(SMALL.read_text(encoding="utf-8") + recording, encoding="utf-8")
    if isinstance(said, tuple):
        recorded = load_world(str(file)).loads[-1]
        assert isinstance(recorded, Recorded)
        assert tuple(at_s for at_s, _ in recorded.rows) == said
    else:
        with pytest.raises(ScenarioError, match=said or "line 2: must have numbers and a time"):
            load_world(str(file))


def test_two_columns_are_no_phases(tmp_path: Path) -> None:
    """One for all phases, or three."""
    with pytest.raises(ScenarioError, match="one column for all phases, or three, not 2"):
        read(tmp_path, "Zeit;L1;L2\n0;1;2\n9;1;2\n", "L1", "L2")
