"""The table of points as text: for the terminal, a spreadsheet, a program, the manual."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import orjson

from edge.bms.point import SHAPES, Point, V
from edge.bms.points import (
    CIRCUIT_BASE,
    CIRCUIT_POINTS,
    CIRCUIT_STRIDE,
    CONTROL_POINTS,
    EVSE_BASE,
    EVSE_POINTS,
    EVSE_STRIDE,
    SITE_POINTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One point, as it is told."""

    name: str
    unit: str
    scale: str
    topic: str
    table: str  # the Modbus table
    register: str  # ``10-11``; ``100+20n`` in the block of the n-th, from 0
    type: str
    access: str
    meaning: str


def rows() -> tuple[Row, ...]:
    """Every point, in the order of the map."""
    return (
        *_rows(SITE_POINTS),
        *_rows(EVSE_POINTS, base=EVSE_BASE, stride=EVSE_STRIDE),
        *_rows(CIRCUIT_POINTS, base=CIRCUIT_BASE, stride=CIRCUIT_STRIDE),
        *_rows(CONTROL_POINTS),
    )


def _rows(points: Sequence[Point[V]], *, base: int = 0, stride: int = 0) -> Iterator[Row]:
    for point in points:
        first = base + point.register
        suffix = f"+{stride}n" if stride else ""
        last = first + SHAPES[point.kind].words - 1
        codes = ", ".join(f"{code} {text}" for text, code in point.codes.items()) if point.codes is not None else ""
        yield Row(
            name=point.name,
            unit=point.unit,
            scale=f"{point.scale:g}",
            topic=point.topic,
            table=point.bank.value,
            register=f"{first}{suffix}" if last == first else f"{first}-{last}{suffix}",
            type=point.kind.value,
            access=point.access,
            meaning=f"{point.meaning} ({codes})" if codes else point.meaning,
        )


COLUMNS = tuple(field.name for field in fields(Row))


def _cells(row: Row) -> tuple[str, ...]:
    return tuple(getattr(row, column) for column in COLUMNS)


def table(listed: Sequence[Row]) -> str:
    """Columns in line, for a terminal."""
    lines = [COLUMNS, *map(_cells, listed)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def comma_separated(listed: Sequence[Row]) -> str:
    """RFC 4180, with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([COLUMNS, *map(_cells, listed)])
    return text.getvalue().removesuffix("\r\n")


def json_text(listed: Sequence[Row]) -> str:
    """A list of objects."""
    body = [dict(zip(COLUMNS, _cells(row), strict=True)) for row in listed]
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()


def markdown(listed: Sequence[Row]) -> str:
    """A table of the manual."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS)]
    lines += [tuple(cell.replace("|", "\\|").replace("<", "&lt;") for cell in _cells(row)) for row in listed]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Format(StrEnum):
    """What the table can be printed as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


FORMATS: dict[Format, Callable[[Sequence[Row]], str]] = {
    Format.TABLE: table,
    Format.CSV: comma_separated,
    Format.JSON: json_text,
    Format.MARKDOWN: markdown,
}
