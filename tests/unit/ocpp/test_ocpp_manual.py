"""The manual's table of habits: complete, and true to the records and the tests."""

import re
from pathlib import Path

from edge.ocpp.quirk_records import records

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (\d+) \| .+ \| .+ \| (.+) \|$", re.MULTILINE)


def rows() -> dict[int, str]:
    """How each habit is handled, by its number."""
    text = (ROOT / "docs" / "ocpp.md").read_text(encoding="utf-8")
    return {int(number): handled for number, handled in ROW.findall(text)}


def test_every_habit_has_a_line() -> None:
    """All 35, each handled or with the reason why not."""
    found = rows()
    assert sorted(found) == list(range(1, 36))
    for handled in found.values():
        assert re.match(r"by rule|record `|see \[|not: ", handled)


def test_records_are_where_the_table_says() -> None:
    """A record for each line that names one, and no other."""
    assert {record.number for record in records()} == {
        number for number, handled in rows().items() if handled.startswith("record")
    }


def test_every_handled_habit_has_its_test() -> None:
    """Named by its number, in the room that handles it."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/**/test_ocpp_*.py"))
    tested = {int(number) for number in re.findall(r"def test_quirk_(\d+)_", sources)}
    handled = {number for number, how in rows().items() if not how.startswith("not")}
    assert handled == tested
