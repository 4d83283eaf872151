"""The table in a CSV that a meter, or its portal, exports: its heading, what stands around it, and its rows."""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulators.errors import ScenarioError
from simulators.world.quantity import unit_of

DELIMITERS: Final = (";", "\t", ",")  # a decimal comma is no delimiter where there is another one
MOST_BYTES: Final = 256 * 1024 * 1024  # a year of seconds has more: an hour of them tells as much
WORKBOOK, GZIP = b"PK\x03\x04", b"\x1f\x8b"
UNIT_COLUMNS: Final = frozenset(
    (
        "unit",
        "units",
        "einheit",
        "messeinheit",
        "unite",
        "unité",
        "unidad",
        "eenheid",
        "enhed",
        "uom",
        "unit_of_measurement",
    )
)
SERIES_COLUMNS: Final = frozenset(  # which say what a row is of: one file has one of them, or it has several loads
    (
        "entity_id",
        "statistic_id",
        "_field",
        "_measurement",
        "channel",
        "kanal",
        "obis",
        "obis-code",
        "obis-kennzahl",
        "obis code",
        "meter",
        "meter number",
        "meter id",
        "zähler",
        "zählernummer",
        "zählpunkt",
        "zählpunktbezeichnung",
        "messpunkt",
        "messlokation",
        "marktlokation",
        "sensor",
        "device",
        "phase",
        "richtung",
        "energierichtung",
        "direction",
        "type",
    )
)
SHOWN: Final = 12  # of the names in a heading
HEAD_LINES: Final = 20  # within which one is


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Its line in the file, its time as text, and its values as texts."""

    line: int
    time: str
    cells: tuple[str, ...]

    @property
    def has_time(self) -> bool:
        return any(each.isdigit() for each in self.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Its rows that have a time, in the file's order, and for each column of values the words that may name its unit:
    its name first, then what stands below it, or in a column of units. Cells are apart by `delimiter`.
    """

    rows: tuple[Row, ...]
    unit_words: tuple[tuple[str, ...], ...]
    delimiter: str


def read_table(path: Path, time: Sequence[str], columns: Sequence[str]) -> Table:
    """The columns of that name. Lines before the heading, a row of units below it and sums at the end are passed over.

    Raises ScenarioError.
    """
    lines = _text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    names = (*time, *columns)
    for number, line in enumerate(lines):
        for delimiter in DELIMITERS:
            heading = _split(line, delimiter)
            if all(name in heading for name in names):
                for name in names:
                    if heading.count(name) > 1:
                        raise ScenarioError(
                            f"{path}: line {number + 1}: has {heading.count(name)} columns {name!r}: "
                            "give each its own name"
                        )
                return _Below(path, heading, delimiter, before=number, lines=lines).table(time, columns)
    headings = (_split(line, delimiter) for line in lines[:HEAD_LINES] for delimiter in DELIMITERS)
    # What of it is right tells which line it is, also below others with as many cells.
    most = max(headings, key=lambda each: (sum(name in each for name in names), len(each)), default=[])
    there = ", ".join(map(repr, most[:SHOWN])) + (", ..." if len(most) > SHOWN else "") or "nothing"
    missing = next((name for name in names if name not in most), names[0])
    raise ScenarioError(f"{path}: has no column {missing!r}; it has {there}")


class _Below:
    """What stands below a heading, and in lines before it."""

    def __init__(self, path: Path, heading: list[str], delimiter: str, *, before: int, lines: Sequence[str]) -> None:
        self._path, self._heading, self._delimiter = path, heading, delimiter
        self._above, self._first, self._lines = lines[:before], before + 2, lines[before + 1 :]

    def table(self, time: Sequence[str], columns: Sequence[str]) -> Table:
        times, values = ([self._heading.index(name) for name in names] for names in (time, columns))
        own = {*times, *values}
        said = {
            place: set[str]()
            for place, name in enumerate(self._heading)
            if place not in own and name.casefold() in SERIES_COLUMNS | UNIT_COLUMNS
        }
        unnamed = {place: "" for place in range(len(self._heading)) if place not in own and place not in said}
        rows: list[Row] = []
        for line, cells in self._cells():
            row = Row(
                line=line,
                time=" ".join(cells[place] for place in times).strip(),
                cells=tuple(cells[place] for place in values),
            )
            rows.append(row)
            if row.has_time and any(row.cells):
                for place, words in said.items():
                    words.update(filter(None, (cells[place],)))
                unnamed = {
                    place: cells[place]
                    for place, word in unnamed.items()
                    if word in ("", cells[place]) and _is_a_unit(cells[place])
                }
        units = [*self._units(said), *unnamed.values()]
        begins, ends = _where_times_are(rows)
        below = [row.cells for row in rows[:begins]]
        for row in rows[begins:ends]:
            if not row.has_time and any(row.cells):
                raise ScenarioError(f"{self._path}: line {row.line}: has no time, and rows below it have one")
        return Table(
            rows=tuple(row for row in rows[begins:ends] if row.has_time),
            unit_words=tuple(
                (name, *(cells[number] for cells in below), *units) for number, name in enumerate(columns)
            ),
            delimiter=self._delimiter,
        )

    def _cells(self) -> list[tuple[int, list[str]]]:
        found: list[tuple[int, list[str]]] = []
        for line, text in enumerate(self._lines, start=self._first):
            if not text.strip(" ;,\t"):
                continue
            cells = _split(text, self._delimiter)
            more = cells[len(self._heading) :]
            if any(more) or (more and self._delimiter == "," and not any("." in each for each in cells[1:])):
                raise ScenarioError(
                    f"{self._path}: line {line}: has {len(cells)} cells, and its heading {len(self._heading)}: "
                    "where numbers have a decimal comma, cells must be in quotes or apart by semicolons"
                )
            if cells != self._heading:  # which some repeat on each page
                found.append((line, cells + [""] * (len(self._heading) - len(cells))))
        return found

    def _units(self, said: "dict[int, set[str]]") -> list[str]:
        """What a column of units says, or one in the lines before; of what else tells rows apart there may be one."""
        units: list[str] = []
        for place, words in said.items():
            if len({word.casefold() for word in words}) > 1:
                shown = " and ".join(map(repr, sorted(words)[:2]))
                raise ScenarioError(
                    f"{self._path}: column {self._heading[place]!r} has rows of {shown}: leave those of one of them"
                )
            if self._heading[place].casefold() in UNIT_COLUMNS:
                units += words
        for upper, lower in zip(self._above, self._above[1:], strict=False):
            names, cells = _split(upper, self._delimiter), _split(lower, self._delimiter)
            units += [cell for name, cell in zip(names, cells, strict=False) if name.casefold() in UNIT_COLUMNS]
        return units


def _where_times_are(rows: Sequence[Row]) -> tuple[int, int]:
    """From the first row that has a time to behind the last one."""
    timed = [number for number, row in enumerate(rows) if row.has_time]
    return (timed[0], timed[-1] + 1) if timed else (0, 0)


def _is_a_unit(cell: str) -> bool:
    """Whether a column of nothing else is one of units, whatever its name; a letter alone marks rows in other ways."""
    unit = unit_of(cell) if len(cell) > 1 else None
    return unit is not None and unit.is_of_a_load


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.replace("\u00a0", " ").strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _text(path: Path) -> str:
    """The text in whatever its maker writes: UTF-8, UTF-16, else that of Western Europe's Windows."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16")
        if raw[1:2] == b"\0" or raw[:1] == b"\0":
            return raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be")
    except OSError as exc:
        raise ScenarioError(f"{path}: can't be read: {exc.strerror or exc}") from exc
    except (UnicodeDecodeError, ValueError) as exc:
        raise ScenarioError(f"{path}: can't be read as CSV: {exc}") from exc
    if len(raw) > MOST_BYTES:
        raise ScenarioError(f"{path}: must have {MOST_BYTES // 1024**2} MB at most")
    if raw.startswith((WORKBOOK, GZIP)):
        raise ScenarioError(f"{path}: is a workbook or an archive: save its table as CSV")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
