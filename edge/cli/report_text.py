"""Rows as a table for people, and as CSV that a spreadsheet takes for what it is."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

# What begins so is a formula to a spreadsheet (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBERS = ("_kwh", "_kg", "_percent")  # names of columns that hold numbers of ours


def as_csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """With a head line of these names (RFC 4180), also where there is no row: who reads it by names finds them. A text
    that a spreadsheet would take for a formula has an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in names])
    return out.getvalue()


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns side by side, numbers to the right."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [[_shown(row[name]) for name in names] for row in rows]
    heads = [name.replace("_", " ") for name in names]
    widths = [max(len(line[column]) for line in [heads, *cells]) for column in range(len(names))]
    lines = []
    for line in [heads, *cells]:
        parts = [
            text.rjust(width) if _is_number(name) else text.ljust(width)
            for name, text, width in zip(names, line, widths, strict=True)
        ]
        lines.append("  ".join(parts).rstrip() + "\n")
    return "".join(lines)


def _is_number(name: str) -> bool:
    return name.endswith(_NUMBERS) or name in ("sessions", "session")


def _shown(value: Any) -> str:
    """Without what would move a terminal's cursor."""
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else "?" for character in text)


def _cell(name: str, value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if not _is_number(name) and text.startswith(_FORMULA) else text
