"""The records of known stations: their form, and that each is about somebody and from somewhere."""

import re

import pytest

from edge.errors import StartError
from edge.ocpp.quirk_records import Quirks, parse, quirks_of, records

SOUND = '[[quirk]]\nid = "a"\nnumber = 5\nvendor = ["ACME*"]\nmodel = ["X?"]\nsource = "x/y issue 1"\nping = false\n'


def test_every_record_names_its_source() -> None:
    """A thread or a pull request, and a line of the table in the manual."""
    for record in records():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+ (issue|pull) \d+", record.source)
        assert 1 <= record.number <= 34


@pytest.mark.parametrize(
    ("vendor", "model", "fits"),
    [
        ("ACME", "X1", True),
        ("acme inc.", "x2", True),
        (" Acme", "X1", True),
        ("ACME", "X10", False),
        ("AC", "X1", False),
    ],
)
def test_who_a_record_is_about(vendor: str, model: str, fits: bool) -> None:
    """Patterns for vendor and model, whatever the case."""
    quirks, names = quirks_of(vendor, model, None, parse(SOUND, "here"))
    assert quirks == Quirks(ping=not fits)
    assert names == (("a",) if fits else ())


def test_records_add_up() -> None:
    """A station may have several."""
    more = SOUND.replace('"a"', '"b"').replace("ping = false", "silence_s = 600")
    quirks, names = quirks_of("ACME", "X1", "1.0", parse(SOUND + more, "here"))
    assert quirks == Quirks(ping=False, silence_s=600)
    assert names == ("a", "b")


@pytest.mark.parametrize(
    ("change", "to", "problem"),
    [
        ('id = "a"\n', "", "has no id"),
        ('source = "x/y issue 1"\n', 'source = ""\n', "has no source"),
        ("number = 5\n", "", "has no number"),
        ("ping = false\n", "", "has no effect"),
        ("ping = false", "ping = 0", "has ping = 0"),
        ("ping = false", "silence_s = -1", "has silence_s = -1"),
        ("ping = false", "pong = false", "has the unknown key pong"),
        ("ping = false", 'limits_by = "TxProfile"', "has limits_by = 'TxProfile'"),
        ('vendor = ["ACME*"]\n', "", "has no list of patterns as its vendor"),
        ('model = ["X?"]', 'model = "X?"', "has no list of patterns as its model"),
        ("[[quirk]]", "[[quirks]]", "has something else than"),
        ("number = 5", "number = ", "is not valid TOML"),
    ],
)
def test_a_record_that_is_not_sound(change: str, to: str, problem: str) -> None:
    """One sentence that says what is wrong with it."""
    with pytest.raises(StartError, match=problem):
        parse(SOUND.replace(change, to), "here")
