"""CSV files of tokens, as people and spreadsheets write them."""

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.cli.token_csv import read_csv
from edge.cli.token_text import Rules, hours_text, need, parts
from edge.domain.token import TokenNeed
from edge.errors import TokenUnusable
from edge.offline.hashing import TokenHasher

RULES = Rules(hasher=TokenHasher(bytes(32)), zone=ZoneInfo("Europe/Copenhagen"), classes=("staff", "visitor"))


@pytest.mark.parametrize(
    "content",
    [
        b"token,name,class\n04A1B2,Jane,staff\n04A1B3,Joe,visitor\n",
        b"\xef\xbb\xbftoken;name;class\r\n04A1B2;Jane;staff\r\n04A1B3;Joe;visitor\r\n",
        b"Token\tName\tClass\n 04A1B2 \tJane\tstaff\n\n04A1B3\tJoe\tvisitor\n\t\t\n",
        b'NAME,class,"token"\n"Jane",staff,04A1B2\nJoe,visitor,04A1B3',
    ],
    ids=["plain", "mark and semicolons", "tabs and blanks", "quoted, another order"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: bytes) -> None:
    """Separator, byte order mark, case, blank lines and the order of the columns don't matter."""
    (tmp_path / "t.csv").write_bytes(content)
    found = read_csv(tmp_path / "t.csv", RULES)
    assert [(own.name, own.class_id, own.hint) for own in found] == [("Jane", "staff", "B2"), ("Joe", "visitor", "B3")]
    assert [own.hash for own in found] == [RULES.hasher.hash("04A1B2"), RULES.hasher.hash("04A1B3")]


def test_every_column_has_its_meaning(tmp_path: Path) -> None:
    """Days are the site's; a cell that is left out at the end of a line is empty."""
    (tmp_path / "t.csv").write_text(
        "token;cost centre;from;until;blocked;hours\n04A1B2;4711;2026-06-01;2026-07-01;yes;\n"
        '04A1B3;;;;;"Mon-Fri 07:00-19:00; Sat 08:00-12:00"\n04A1B4\n'
    )
    first, second, third = read_csv(tmp_path / "t.csv", RULES)
    assert (first.cost_centre, first.blocked, first.valid_from, first.valid_until) == (
        "4711",
        True,
        datetime(2026, 5, 31, 22, tzinfo=UTC),
        datetime(2026, 6, 30, 22, tzinfo=UTC),
    )
    assert (len(second.hours), second.blocked) == (2, False)
    assert (third.cost_centre, third.valid_from, third.hours) == (None, None, ())


@pytest.mark.parametrize(
    ("energy_kwh", "energy_wh"), [("180", 180_000.0), ("62,5", 62_500.0), ("62.5", 62_500.0), ("0.25", 250.0)]
)
def test_a_car_s_need_has_two_columns(tmp_path: Path, energy_kwh: str, energy_wh: float) -> None:
    """Kilowatt-hours with the spreadsheet's decimal comma, too; a row may be without."""
    (tmp_path / "t.csv").write_text(f"token;Energy kWh;Ready by\n04A1B2;{energy_kwh};5:30\n04A1B3;;\n")
    first, second = read_csv(tmp_path / "t.csv", RULES)
    assert first.need == TokenNeed(energy_wanted_wh=energy_wh, ready_by=time(5, 30))
    assert second.need is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("token,name\n04C1,Jane\n04C2,Joe\n04c1 ,Jim\n", ":4: the token is in line 2 already; have each token once"),
        ("token,class\n04C1,direktor\n", ":2: the site has no class 'direktor'; its classes are: staff, visitor"),
        (
            "token,from,until\n04C1,2027-01-01,2020-01-01\n",
            ":2: valid from 2027-01-01 and before 2020-01-01 is never; have until after from",
        ),
        ("token,name\n04C1,Jane,extra\n", ":2: 3 cells in 2 columns; quote what has the separator in it"),
        ("token\n4,71193E+13\n", ":2: 2 cells in 1 columns; quote what has the separator in it"),
        (
            "token;name\n4,71193E+13;Jane\n",
            ":2: 4,71193E+13 is what a spreadsheet makes of a long number; have the column as text, and enter it anew",
        ),
        ("token,hours\n04C1,Sat 08:00-08:00\n", ":2: the hours 'Sat 08:00-08:00' have no length; 00:00-24:00 is the"),
        ("token,blocked\n04C1,perhaps\n", ":2: blocked is 'perhaps'; write yes or no"),
        (
            "token,energy_kwh,ready_by\n04C1,12kWh,05:30\n",
            ":2: energy_kwh is '12kWh', no number of kWh; write it alone, like 180 or 62.5",
        ),
        ('token,energy_kwh,ready_by\n04C1,"1,234",05:30\n', ":2: energy_kwh is '1,234', no number of kWh; write it"),
        ("token,energy_kwh,ready_by\n04C1,2000.01,05:30\n", ":2: energy_kwh is 2000.01 kWh; give more than 0, up to"),
        ("token,energy_kwh,ready_by\n04C1,180,24:00\n", ":2: ready_by is '24:00', no time of day; write 05:30, by the"),
        (
            "token,energy_kwh,ready_by\n04C1,180,\n",
            ":2: energy_kwh is given, and ready_by isn't; give both, or neither",
        ),
        ("token,ready_by\n04C1,05:30\n", ":2: ready_by is given, and energy_kwh isn't; give both, or neither"),
        ("token,name\n,Jane\n", ":2: a token of 0 characters can't be one; give 1 to 255 printable ones"),
        ("uid,name\n04C1,Jane\n", ": has a column 'uid'; the columns are: token, name, class, "),
        ("token,token\n04C1,04C2\n", ": has the column 'token' twice; the columns are: "),
        ("name\nJane\n", ": has no column 'token'; the columns are: "),
        ("", ": has no column 'token'; the columns are: "),
        ('token,name\n04C1,"Jane\n', ":2 can't be read (unexpected end of data); give a CSV file"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_with_its_line(tmp_path: Path, content: str, sentence: str) -> None:
    """A wrong class or a token twice would be found out by the driver who stands before the post."""
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(TokenUnusable) as raised:
        read_csv(path, RULES)
    assert str(raised.value).startswith(f"{path}{sentence}")


@pytest.mark.parametrize(
    "text",
    [
        "Mon-Fri 07:00-19:00; Sat 08:00-24:00",
        "Fri-Mon 22:00-06:00",
        "Sun 00:00-24:00",
        "07:30-08:15",
        "Sun-Mon 05:00-07:00",
    ],
)
def test_hours_are_told_as_they_are_given(text: str) -> None:
    """Who copies them from the list for another card gives what can be read: it said Mon,Tue,Wed,Thu,Fri."""
    assert hours_text(parts(text)) == text


def test_another_encoding_is_told(tmp_path: Path) -> None:
    """As it was saved by a spreadsheet of a Western machine."""
    (tmp_path / "t.csv").write_bytes(b"token,name\n04C1,Bj\xf8rn\n")
    with pytest.raises(TokenUnusable, match=r"t\.csv can't be read .*; give a CSV file in UTF-8"):
        read_csv(tmp_path / "t.csv", RULES)


@pytest.mark.parametrize(
    ("energy", "ready_by", "sentence"),
    [
        ("180", "05:30", "--energy is '180', no energy; give it with its unit, like 180kWh"),
        ("0kWh", "05:30", "--energy is 0 kWh; give more than 0, up to 2000 kWh"),
        ("2001kWh", "05:30", "--energy is 2001 kWh; give more than 0, up to 2000 kWh"),
        (
            "180kWh",
            "half past five",
            "--ready-by is 'half past five', no time of day; write 05:30, by the site's clock",
        ),
        ("180kWh", None, "--energy is given, and --ready-by isn't; give both, or neither"),
        (None, "05:30", "--ready-by is given, and --energy isn't; give both, or neither"),
    ],
)
def test_half_a_need_is_none(energy: str | None, ready_by: str | None, sentence: str) -> None:
    """Named as it is called where it was written."""
    with pytest.raises(TokenUnusable) as raised:
        need(("--energy", energy), ("--ready-by", ready_by))
    assert str(raised.value).startswith(sentence)


def test_a_file_without_end_is_refused() -> None:
    """It was read until the memory was full."""
    with pytest.raises(TokenUnusable, match="/dev/zero is longer than any list of tokens"):
        read_csv(Path("/dev/zero"), RULES)
