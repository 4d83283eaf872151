"""The hand-over document on paper: the same facts as the JSON, as the trade files them."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, cast
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos

from edge.language import Speaker

_FONT = "Helvetica"  # a core font: nothing to embed, and it has every letter of the four languages
_LETTERS = "cp1252"  # what the core fonts have: PDF's WinAnsiEncoding (ISO 32000-1, annex D)
# Letters of people's names that it hasn't, and that are no letter with a mark on it (those lose the mark).
_PLAIN = str.maketrans(
    {"Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "Ħ": "H", "ħ": "h", "ẞ": "SS"}
)
_SIGNATURE_MM = 40  # its heading and its lines: on one page, with the name
_MOST_LINES = 15  # of a row; what has more goes on in the next, as a row must fit on a page


def pdf(paper: Mapping[str, Any], speaker: Speaker) -> bytes:
    """The document as PDF, with its signature if it has one."""
    say, site = speaker.say, {"site": paper["site"]["id"]}
    sheet = FPDF(format="A4")
    sheet.set_auto_page_break(True, margin=15)
    sheet.add_page()
    sheet.set_title(say("paper.title", site))
    _heading(sheet, say("paper.title", site), size=16)
    software = f"{paper['software']['name']} {paper['software']['version']}"
    zone = ZoneInfo(paper["site"]["timezone"])
    _line(sheet, say("paper.made", {"at": _local(paper["made_at"], zone), "software": software}))
    _line(sheet, say("paper.site_file", {"digest": paper["site_file_sha256"]}))
    _heading(sheet, say("paper.all_passed" if paper["passed"] else "paper.not_proven"))
    passed, failed = say("proof.passed"), say("proof.failed")
    _table(
        sheet,
        speaker,
        ("proof", "result", "finding", "figures"),
        [
            (each["name"], passed if each["passed"] else failed, each["finding"], _figures(each["figures"], speaker))
            for each in paper["proofs"]
        ],
        (38, 22, 72, 58),
    )
    _what_was_built(sheet, paper, speaker)
    signature = paper.get("signature")
    if signature is not None:
        if sheet.will_page_break(_SIGNATURE_MM):
            sheet.add_page()
        _heading(sheet, say("paper.signature"))
        _line(sheet, f"{signature['name']}, {_local(signature['signed_at'], zone)}")
        _line(sheet, say("paper.key", {"key": signature["public_key"]}))
        _line(sheet, say("paper.signed", {"signature": signature["signature"]}))
    return bytes(sheet.output())


def _what_was_built(sheet: FPDF, paper: Mapping[str, Any], speaker: Speaker) -> None:
    _heading(sheet, speaker.say("paper.circuits"))
    _table(
        sheet,
        speaker,
        ("circuit", "fed_by", "fuse", "rating", "reserve", "meter"),
        [
            (each["id"], each["fed_by"], each["fuse_a"], each["rating_a"], each["background_reserve_a"], each["meter"])
            for each in paper["circuits"]
        ],
    )
    _heading(sheet, speaker.say("paper.meters"))
    _table(
        sheet,
        speaker,
        ("meter", "model", "connection", "unit"),
        [(each["id"], each["model"], each["connection"], each["unit"]) for each in paper["meters"]],
    )
    _heading(sheet, speaker.say("paper.stations"))
    _table(
        sheet,
        speaker,
        ("station", "vendor_model", "serial", "mac", "place", "circuit", "phases", "max", "safe"),
        [
            (
                f"{each['id']}/{evse['id']}",
                " ".join(part for part in (each["vendor"], each["model"], each["firmware"]) if part),
                each["serial"],
                each["mac"],
                each["location"],
                evse["circuit"],
                " ".join(evse["phases"]),
                evse["max_a"],
                evse["safe_current_a"],
            )
            for each in paper["stations"]
            for evse in each["evses"]
        ],
        (26, 23, 23, 27, 25, 19, 16, 18, 13),
    )
    _heading(sheet, speaker.say("paper.settings"))
    _line(sheet, ", ".join(f"{key} {value}" for key, value in paper["settings"].items()))


def _heading(sheet: FPDF, text: str, *, size: int = 12) -> None:
    sheet.ln(3)
    sheet.set_font(_FONT, style="B", size=size)
    sheet.multi_cell(0, 7, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _line(sheet: FPDF, text: str) -> None:
    sheet.set_font(_FONT, size=9)
    sheet.multi_cell(0, 5, _latin(text), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(
    sheet: FPDF,
    speaker: Speaker,
    names: Sequence[str],
    rows: Sequence[Sequence[object]],
    widths: Sequence[int] | None = None,
) -> None:
    """``names`` are those of the columns among the texts."""
    head = [speaker.say(f"column.{name}") for name in names]
    sheet.set_font(_FONT, size=8)
    shares = tuple(widths) if widths is not None else (1,) * len(head)
    with sheet.table(col_widths=shares, text_align="LEFT") as table:
        table.row([_latin(cell) for cell in head])
        for cells in rows:
            columns = [
                _parts(sheet, _cell(cell, speaker), sheet.epw * share / sum(shares))
                for cell, share in zip(cells, shares, strict=True)
            ]
            for parts in zip_longest(*columns, fillvalue=""):
                table.row(parts)


def _parts(sheet: FPDF, text: str, width: float) -> list[str]:
    """The text of a cell of this width, in as many parts as it takes rows."""
    # The library's type has all that it could give; with LINES alone it is a list.
    lines = cast(list[str], sheet.multi_cell(width, text=text, dry_run=True, output=MethodReturnValue.LINES))
    return ["\n".join(lines[start : start + _MOST_LINES]) for start in range(0, len(lines), _MOST_LINES)]


def _cell(value: object, speaker: Speaker) -> str:
    if isinstance(value, float):
        return speaker.number(value, "g")
    return _latin("-" if value in (None, "") else str(value))


def _local(moment: str, zone: ZoneInfo) -> str:
    """``2026-11-21 13:00:00+01:00``: the JSON has it in UTC, the papers as the site's clock shows it."""
    return datetime.fromisoformat(moment).astimezone(zone).isoformat(" ", "seconds")


def _figures(figures: Mapping[str, Any], speaker: Speaker) -> str:
    """What was measured; what the stations call themselves is in their own table."""
    return "; ".join(
        speaker.say(f"figure.{key}", {"value": _number(value, speaker)})
        for key, value in figures.items()
        if not isinstance(value, Mapping)
    )


def _number(value: object, speaker: Speaker) -> str:
    if isinstance(value, float):
        return speaker.number(value, ".1f")
    if isinstance(value, list | tuple):
        return " / ".join(_number(each, speaker) for each in value)
    return str(value)


def _latin(text: str) -> str:
    """What the core fonts can show: other letters without their marks, what is no Latin letter as question marks.

    One character for each byte of theirs, as the library wants it: by itself it would take Latin-1 alone.
    """
    return "".join(map(_shown, unicodedata.normalize("NFC", text))).encode(_LETTERS).decode("latin-1")


def _shown(letter: str) -> str:
    if not letter.isprintable():  # what a station calls itself may have anything in it
        return " " if letter.isspace() else "?"
    for form in (letter, letter.translate(_PLAIN), unicodedata.normalize("NFKD", letter)[0]):
        if form.encode(_LETTERS, "ignore"):
            return form
    return "?"
