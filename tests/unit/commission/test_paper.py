"""The hand-over document on paper: whole for a large site, and legible for who signs it."""

import re
import zlib
from typing import Any

from edge.commission.paper import pdf
from edge.setup.language import Speaker

ENGLISH = Speaker("en")


def station(identity: str) -> dict[str, Any]:
    """One EVSE of 16 A."""
    evse = {"id": 1, "circuit": "main", "phases": ["L1", "L2", "L3"], "max_a": 16.0, "safe_current_a": 6.0}
    told = {"vendor": "Alfen BV", "model": "ICU Eve Mini", "serial": None, "mac": None, "location": None}
    return {"id": identity, **told, "evses": [evse]}


def paper(*stations: str, signer: str = "Anna") -> dict[str, Any]:
    """What `edge commission` has of these stations."""
    there = {"stations": {each: ["Alfen BV", None] for each in stations}}
    went_down = f"every car that charged went down to its safe current: {', '.join(f'{each}/1' for each in stations)}"
    return {
        "site": {"id": "proof"},
        "made_at": "2026-11-21T12:00:00+00:00",
        "software": {"name": "edge-controller", "version": "1"},
        "site_file_sha256": "0" * 64,
        "passed": True,
        "proofs": [
            {"name": "stations and meter are there", "passed": True, "finding": "all connected", "figures": there},
            {"name": "meter lost", "passed": True, "finding": went_down, "figures": {"seconds_to_fallback": 3.0}},
        ],
        "circuits": [],
        "meters": [],
        "stations": [station(each) for each in stations],
        "settings": {},
        "signature": {"name": signer, "signed_at": "now", "public_key": "k", "signature": "s"},
    }


def words(document: bytes) -> str:
    """What is printed, line by line."""
    streams = (zlib.decompress(each) for each in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL))
    shown = (line for each in streams for line in re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", each))
    return "\n".join(line.decode("cp1252") for line in shown)


def test_a_site_of_many_stations_has_its_paper() -> None:
    """A row that lists all of them goes on in the next: none is too high for a page, and none is left out."""
    names = [f"DEPOT-NORTH-ROW-{number:03d}" for number in range(100)]
    printed = words(pdf(paper(*names), ENGLISH))
    in_finding = set(re.findall(r"DEPOT-NORTH-ROW-\d{3}(?=/1,)", printed))
    assert len(in_finding) == len(names) - 1  # the last one has no comma


def test_the_paper_has_no_words_of_a_program() -> None:
    """What the stations call themselves is in their table, and not among the figures as this program has it."""
    printed = words(pdf(paper("CP-01"), ENGLISH))
    assert "seconds_to_fallback 3.0" in printed
    assert "None" not in printed
    assert "{" not in printed


def test_who_signs_is_named_by_letters() -> None:
    """A letter that the font hasn't loses its mark; only what is no Latin letter can't be shown."""
    printed = words(pdf(paper("CP-01", signer="Łukasz Ødegård, İbrahim Şahin\x1b[2J \N{EN DASH} Živa „Đ”. Ω"), ENGLISH))
    assert "Lukasz Ødegård, Ibrahim Sahin?[2J \N{EN DASH} Živa „D”. ?" in printed
