"""The hand-over document on paper: the same facts as the JSON, as the trade files them."""

from collections.abc import Mapping, Sequence
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

_FONT = "Helvetica"  # a core font: nothing to embed, and it has every letter of the four languages


def pdf(paper: Mapping[str, Any]) -> bytes:
    """The document as PDF, with its signature if it has one."""
    sheet = FPDF(format="A4")
    sheet.set_auto_page_break(True, margin=15)
    sheet.add_page()
    sheet.set_title(f"Hand-over {paper['site']['id']}")
    _heading(sheet, f"Hand-over of the charging site {paper['site']['id']}", size=16)
    _line(sheet, f"Made {paper['made_at']} by {paper['software']['name']} {paper['software']['version']}")
    _line(sheet, f"Site file, SHA-256: {paper['site_file_sha256']}")
    _heading(sheet, "Result: " + ("all proofs passed" if paper["passed"] else "NOT PROVEN"))
    _table(
        sheet,
        ("Proof", "Result", "Finding", "Figures"),
        [
            (each["name"], "passed" if each["passed"] else "FAILED", each["finding"], _figures(each["figures"]))
            for each in paper["proofs"]
        ],
        (38, 17, 75, 60),
    )
    _what_was_built(sheet, paper)
    signature = paper.get("signature")
    if signature is not None:
        _heading(sheet, "Signature")
        _line(sheet, f"{signature['name']}, {signature['signed_at']}")
        _line(sheet, f"Ed25519 key {signature['public_key']}")
        _line(sheet, f"Signature of the JSON document {signature['signature']}")
    return bytes(sheet.output())


def _what_was_built(sheet: FPDF, paper: Mapping[str, Any]) -> None:
    _heading(sheet, "Circuits")
    _table(
        sheet,
        ("Circuit", "Fed by", "Fuse A", "Rating A", "Reserve A", "Meter"),
        [
            (each["id"], each["fed_by"], each["fuse_a"], each["rating_a"], each["background_reserve_a"], each["meter"])
            for each in paper["circuits"]
        ],
    )
    _heading(sheet, "Meters")
    _table(
        sheet,
        ("Meter", "Model", "Connection", "Unit"),
        [(each["id"], each["model"], each["connection"], each["unit"]) for each in paper["meters"]],
    )
    _heading(sheet, "Stations")
    _table(
        sheet,
        ("Station", "Vendor, model", "Serial", "MAC", "Place", "Circuit", "Phases", "Max A", "Safe A"),
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
    _heading(sheet, "Settings")
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
