"""Rows as a table for people, and as CSV that a spreadsheet takes for what it is."""

import csv
import io
import textwrap
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


def as_table(rows: Sequence[Mapping[str, Any]], room: int | None = None) -> str:
    """Columns side by side, numbers to the right; where a terminal has ``room`` for fewer characters in a line, of each
    row what there is, behind its first column. None: as wide as it is.
    """
    if not rows:
        return ""
    wide = _side_by_side(rows)
    if room is None or max(map(len, wide.splitlines())) <= room:
        return wide
    return "".join(_in_lines(row, room) for row in rows)


def _in_lines(row: Mapping[str, Any], room: int) -> str:
    (first, name), *others = [(_head(key), _shown(value)) for key, value in row.items()]
    told = ", ".join(text if text.startswith(f"{head} ") else f"{head} {text}" for head, text in others if text)
    return (
        textwrap.fill(
            f"{first} {name}: {told}", room, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        + "\n"
    )


def _head(name: str) -> str:
    return name.replace("_", " ")


def _side_by_side(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    cells = [[_shown(row[name]) for name in names] for row in rows]
    heads = [_head(name) for name in names]
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
