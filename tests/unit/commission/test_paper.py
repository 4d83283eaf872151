"""The hand-over document on paper: whole for a large site, and legible for who signs it."""

import re
import zlib
from typing import Any

from edge.commission.paper import pdf
from edge.language import Speaker

ENGLISH = Speaker("en")
CIRCUIT = {"id": "main", "fed_by": None, "fuse_a": 63.0, "rating_a": 62.5, "background_reserve_a": 20.0, "meter": "m"}


def station(identity: str) -> dict[str, Any]:
    """One EVSE of 16 A."""
    evse = {"id": 1, "circuit": "main", "phases": ["L1", "L2", "L3"], "max_a": 16.0, "safe_current_a": 6.0}
    told = {"vendor": "Alfen BV", "model": "ICU Eve Mini", "firmware": "4.9"}
    return {"id": identity, **told, **dict.fromkeys(("serial", "mac", "location")), "evses": [evse]}


def paper(*stations: str, signer: str = "Anna") -> dict[str, Any]:
    """What `edge commission` has of these stations."""
    there = {"stations": {each: ["Alfen BV", None] for each in stations}}
    went_down = f"every car that charged went down to its safe current: {', '.join(f'{each}/1' for each in stations)}"
    return {
        "site": {"id": "proof", "timezone": "Europe/Copenhagen"},
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
        "signature": {"name": signer, "signed_at": "2026-11-21T13:30:00+00:00", "public_key": "k", "signature": "s"},
    }


def pages_of(document: bytes) -> list[str]:
    """What is printed, page by page."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)
    streams = (zlib.decompressobj().decompress(each) for each in found)
    shown = (re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", each) for each in streams)
    return ["\n".join(line.decode("cp1252") for line in page) for page in shown]


def words(document: bytes) -> str:
    """What is printed, line by line."""
    return "\n".join(pages_of(document))


def test_a_site_of_many_stations_has_its_paper() -> None:
    """A row that lists all of them goes on in the next: none is too high for a page, and none is left out."""
    names = [f"DEPOT-NORTH-ROW-{number:03d}" for number in range(100)]
    printed = words(pdf(paper(*names), ENGLISH))
    in_finding = set(re.findall(r"DEPOT-NORTH-ROW-\d{3}(?=/1,)", printed))
    assert len(in_finding) == len(names) - 1  # the last one has no comma


def test_the_paper_has_no_words_of_a_program() -> None:
    """What the stations call themselves is in their table, and not among the figures as this program has it."""
    printed = words(pdf(paper("CP-01"), ENGLISH))
    assert "until safe 3.0 s" in printed
    assert "None" not in printed
    assert "{" not in printed


def test_the_paper_is_in_the_language_of_the_site() -> None:
    """Figures with their names and a decimal comma, what runs in the stations, and the times of the site's clock."""
    written = paper("CP-01") | {"circuits": [CIRCUIT]}
    written["proofs"][0]["figures"] |= {"limit_a": 6.0, "meter_a": [0.0, 10.25, 0.0]}
    printed = words(pdf(written, Speaker("de")))
    for shown in ("Grenze 6,0 A; am Zähler 0,0 / 10,2 / 0,0 A", "62,5", "4.9", "Anna, 2026-11-21 14:30:00+01:00"):
        assert shown in printed
    assert "Erstellt 2026-11-21 13:00:00+01:00" in printed


def test_the_signature_is_on_one_page_with_the_name() -> None:
    """Wherever the tables end: what was signed stood alone on a page of its own."""
    for count in range(8, 28):
        pages = [page for page in pages_of(pdf(paper(*map(str, range(count))), ENGLISH)) if "Anna, " in page]
        assert ["Signature of the JSON document" in page for page in pages] == [True]


def test_who_signs_is_named_by_letters() -> None:
    """A letter that the font hasn't loses its mark; only what is no Latin letter can't be shown."""
    printed = words(pdf(paper("CP-01", signer="Łukasz Ødegård, İbrahim Şahin\x1b[2J \N{EN DASH} Živa „Đ”. Ω"), ENGLISH))
    assert "Lukasz Ødegård, Ibrahim Sahin?[2J \N{EN DASH} Živa „D”. ?" in printed
