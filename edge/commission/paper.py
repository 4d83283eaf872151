"""The hand-over document on paper: the same facts as the JSON, as the trade files them."""

from collections.abc import Mapping, Sequence
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from edge.setup.language import Speaker

_FONT = "Helvetica"  # a core font: nothing to embed, and it has every letter of the four languages


def pdf(paper: Mapping[str, Any], speaker: Speaker) -> bytes:
    """The document as PDF, with its signature if it has one."""
    say, site = speaker.say, {"site": paper["site"]["id"]}
    sheet = FPDF(format="A4")
    sheet.set_auto_page_break(True, margin=15)
    sheet.add_page()
    sheet.set_title(say("paper.title", site))
    _heading(sheet, say("paper.title", site), size=16)
    software = f"{paper['software']['name']} {paper['software']['version']}"
    _line(sheet, say("paper.made", {"at": paper["made_at"], "software": software}))
    _line(sheet, say("paper.site_file", {"digest": paper["site_file_sha256"]}))
    _heading(sheet, say("paper.all_passed" if paper["passed"] else "paper.not_proven"))
    passed, failed = say("proof.passed"), say("proof.failed")
    _table(
        sheet,
        _columns(speaker, "proof", "result", "finding", "figures"),
        [
            (each["name"], passed if each["passed"] else failed, each["finding"], _figures(each["figures"]))
            for each in paper["proofs"]
        ],
        (38, 17, 75, 60),
    )
    _what_was_built(sheet, paper, speaker)
    signature = paper.get("signature")
    if signature is not None:
        _heading(sheet, say("paper.signature"))
        _line(sheet, f"{signature['name']}, {signature['signed_at']}")
        _line(sheet, say("paper.key", {"key": signature["public_key"]}))
        _line(sheet, say("paper.signed", {"signature": signature["signature"]}))
    return bytes(sheet.output())


def _columns(speaker: Speaker, *names: str) -> tuple[str, ...]:
    return tuple(speaker.say(f"column.{name}") for name in names)


def _what_was_built(sheet: FPDF, paper: Mapping[str, Any], speaker: Speaker) -> None:
    _heading(sheet, speaker.say("paper.circuits"))
    _table(
        sheet,
        _columns(speaker, "circuit", "fed_by", "fuse", "rating", "reserve", "meter"),
        [
            (each["id"], each["fed_by"], each["fuse_a"], each["rating_a"], each["background_reserve_a"], each["meter"])
            for each in paper["circuits"]
        ],
    )
    _heading(sheet, speaker.say("paper.meters"))
    _table(
        sheet,
        _columns(speaker, "meter", "model", "connection", "unit"),
        [(each["id"], each["model"], each["connection"], each["unit"]) for each in paper["meters"]],
    )
    _heading(sheet, speaker.say("paper.stations"))
    _table(
        sheet,
        _columns(speaker, "station", "vendor_model", "serial", "mac", "place", "circuit", "phases", "max", "safe"),
        [
            (
                f"{each['id']}/{evse['id']}",
                " ".join(part for part in (each["vendor"], each["model"]) if part),
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
    )
    _heading(sheet, speaker.say("paper.settings"))
    _line(sheet, ", ".join(f"{key} {value}" for key, value in paper["settings"].items()))


def _heading(sheet: FPDF, text: str, *, size: int = 12) -> None:
    sheet.ln(3)
    sheet.set_font(_FONT, style="B", size=size)
    sheet.multi_cell(0, 7, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _line(sheet: FPDF, text: str) -> None:
    sheet.set_font(_FONT, size=9)
    sheet.multi_cell(0, 5, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(
    sheet: FPDF, head: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[int] | None = None
) -> None:
    sheet.set_font(_FONT, size=8)
    with sheet.table(col_widths=tuple(widths) if widths is not None else None, text_align="LEFT") as table:
        for cells in (head, *rows):
            row = table.row()
            for cell in cells:
                row.cell(_latin("-" if cell in (None, "") else f"{cell:g}" if isinstance(cell, float) else str(cell)))


def _figures(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in figures.items())


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return "/".join(_number(each) for each in value)
    return str(value)


def _latin(text: str) -> str:
    """What the core fonts can show; other characters as question marks."""
    return text.encode("cp1252", "replace").decode("cp1252")
