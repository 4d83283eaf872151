"""Reads a recorded load out of the CSV that a meter, or its portal, exports."""

import codecs
import csv
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Final

from simulators.errors import ScenarioError
from simulators.phases import Amps3
from simulators.world.building import Recorded

DELIMITERS: Final = (";", "\t", ",")  # a decimal comma is no delimiter where there is another one
PHASES: Final = 3
DAY_FIRST: Final = ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%y %H:%M", "%d.%m.%y %H:%M:%S")
MIDNIGHT: Final = re.compile(r"(?<=[ T])24:00(?=$|:00)")  # as the end of a day is written


def read_recording(
    path: Path, circuit: str, columns: Sequence[str], *, time: tuple[str, ...], scale_a: float, zone: tzinfo
) -> Recorded:
    """A CSV of any meter's export: `columns` name the three phases (or one for all), `time` the one that has the moment
    of a row, or those of its date and its time of day; `scale_a` turns the numbers into amperes. A time without an
    offset is that of the `zone`, the hour that comes twice in autumn included. Lines before the heading are passed over
    like rows without a value: the load stays as it was.

    Raises ScenarioError.
    """
    if len(columns) not in (1, PHASES):
        raise ScenarioError(f"{path}: columns must name one column for all phases, or three, not {len(columns)}")
    if len(time) not in (1, 2):
        raise ScenarioError(f"{path}: time must name one column, or that of the date and that of the time of day")
    amps: list[Amps3] = []
    moments: list[float | datetime] = []
    for number, when, cells in _cells(path, columns, time):
        if not all(cells):
            continue
        try:
            values = [_number(cell) * scale_a for cell in cells]
            moments.append(_moment(when))
        except (ValueError, OverflowError):  # the latter: a day after the last one
            raise ScenarioError(
                f"{path}: line {number}: must have numbers and a time, as 2026-03-29 06:15, 29.03.2026 06:15 or "
                f"seconds, not {', '.join(map(repr, (when, *cells)))}"
            ) from None
        amps.append((values[0], values[len(values) // 2], values[-1]))
    if len({isinstance(moment, datetime) for moment in moments}) > 1:
        raise ScenarioError(f"{path}: some rows have a date, and others seconds")
    return _recorded(path, circuit, _seconds(moments, zone), amps)


def _recorded(path: Path, circuit: str, seconds: Sequence[float], amps: Sequence[Amps3]) -> Recorded:
    rows = sorted(zip(seconds, amps, strict=True), key=lambda row: row[0])
    if len(rows) < 2:
        raise ScenarioError(f"{path}: must have at least two rows with a time and values, and has {len(rows)}")
    if any(later[0] == earlier[0] for earlier, later in pairwise(rows)):
        raise ScenarioError(f"{path}: has two rows of the same time: one circuit must have one row a moment")
    first = rows[0][0]
    shifted = tuple((at - first, each) for at, each in rows)
    return Recorded(circuit=circuit, rows=shifted, lasts_s=shifted[-1][0] + (shifted[-1][0] - shifted[-2][0]))


def _cells(path: Path, columns: Sequence[str], time: Sequence[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Of each row below the heading: its line, its time, and its values."""
    lines = _text(path).splitlines()
    names = (*time, *columns)
    for number, line in enumerate(lines):
        for delimiter in DELIMITERS:
            heading = _split(line, delimiter)
            if all(name in heading for name in names):
                places = [heading.index(name) for name in names]
                for below, row in enumerate(lines[number + 1 :], start=number + 2):
                    if row.strip(" ;,\t"):
                        cells = _split(row, delimiter) + [""] * len(heading)
                        found = [cells[place] for place in places]
                        yield below, " ".join(found[: len(time)]), found[len(time) :]
                return
    most = max((_split(line, delimiter) for line in lines[:20] for delimiter in DELIMITERS), key=len, default=[])
    there = ", ".join(map(repr, most)) or "nothing"
    missing = next((name for name in names if name not in most), names[0])
    raise ScenarioError(f"{path}: has no column {missing!r}; it has {there}")


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _text(path: Path) -> str:
    """The text in whatever its maker writes: UTF-8, UTF-16 with its mark, else that of Western Europe's Windows."""
    try:
        raw = path.read_bytes()
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}: can't be read as CSV: {exc}") from exc
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _number(text: str) -> float:
    """12.5 and 12,5, and with thousands set apart: 1.234,5 and 1,234.5."""
    digits = text.replace("\u00a0", "").replace("'", "").replace(" ", "")
    if "," in digits and "." in digits:
        apart = "," if digits.rindex(".") > digits.rindex(",") else "."
        digits = digits.replace(apart, "")
    value = float(digits.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _moment(text: str) -> float | datetime:
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not math.isfinite(seconds):
            raise ValueError(text)
        return seconds
    text, days = MIDNIGHT.subn("00:00", text)
    for form in DAY_FIRST:
        try:
            return datetime.strptime(text, form) + timedelta(days=days)  # noqa: DTZ007 - the zone is the site's
        except ValueError:
            continue
    return datetime.fromisoformat(text.replace("/", "-")) + timedelta(days=days)


def _seconds(moments: Sequence[float | datetime], zone: tzinfo) -> list[float]:
    """On one scale, in the file's order. A clock that shows the hour which spring leaves out knows no summer time."""
    found = _in_zone(moments, zone)
    return found if len(set(found)) == len(found) else _in_zone(moments, UTC)


def _in_zone(moments: Sequence[float | datetime], zone: tzinfo) -> list[float]:
    """The newest may come first."""
    newest_first = len(moments) > 1 and _on_scale(moments[-1], zone, fold=0) < _on_scale(moments[0], zone, fold=0)
    found: list[float] = []
    for each in reversed(moments) if newest_first else moments:
        at = _on_scale(each, zone, fold=0)
        if found and at <= found[-1]:
            at = max(at, _on_scale(each, zone, fold=1))  # the second 02:15 of a night in autumn
        found.append(at)
    return found[::-1] if newest_first else found


def _on_scale(moment: float | datetime, zone: tzinfo, *, fold: int) -> float:
    if not isinstance(moment, datetime):
        return moment
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone, fold=fold)).timestamp()
