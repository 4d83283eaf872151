"""A CSV file of many tokens, as spreadsheets write it: with commas, semicolons or tabs, a byte order mark, any case."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.cli.token_text import Rules, need, token
from edge.domain.token import SiteToken
from edge.errors import TokenUnusable

COLUMNS = ("token", "name", "class", "cost_centre", "from", "until", "hours", "energy_kwh", "ready_by", "blocked")
MOST_CHARACTERS = 16_000_000  # a hundred thousand tokens with all that is said of them; /dev/zero has no end
_DELIMITERS = ",;\t"  # a spreadsheet takes the semicolon where the comma is for decimals
_YES, _NO = ("yes", "true", "1"), ("", "no", "false", "0")
# What a spreadsheet makes of a long card number in a cell that isn't text: 4.71193E+13.
_NUMBER = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE | re.ASCII)
# Two decimals at most, after a comma or a point: what follows with three digits may as well be thousands.
_KWH = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?", re.ASCII)


def read_csv(path: Path, rules: Rules) -> list[SiteToken]:
    """The tokens of a CSV file with a head line; only ``token`` must be there.

    :raises TokenUnusable: with file and line; then none of them is to be used.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(MOST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror or exc if isinstance(exc, OSError) else exc
        raise TokenUnusable(f"{path} can't be read ({why})", remedy="give a CSV file in UTF-8") from exc
    if len(text) > MOST_CHARACTERS:
        raise TokenUnusable(f"{path} is longer than any list of tokens", remedy="give a CSV file")
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    seen: dict[str, int] = {}
    found: list[SiteToken] = []
    try:
        columns = _columns(path, next(reader, []))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            own = _row(f"{path}:{reader.line_num}", columns, cells, rules)
            if own.hash in seen:
                raise TokenUnusable(
                    f"{path}:{reader.line_num}: the token is in line {seen[own.hash]} already",
                    remedy="have each token once",
                )
            seen[own.hash] = reader.line_num
            found.append(own)
    except csv.Error as exc:
        raise TokenUnusable(f"{path}:{reader.line_num} can't be read ({exc})", remedy="give a CSV file") from exc
    return found


def _columns(path: Path, heads: Sequence[str]) -> list[str]:
    columns = [head.strip().lower().replace(" ", "_") for head in heads]
    unknown = next((head for head, name in zip(heads, columns, strict=True) if name not in COLUMNS), None)
    double = next((name for name in columns if columns.count(name) > 1), None)
    wrong = ""
    if unknown is not None:
        wrong = f"has a column {unknown!r}"
    elif "token" not in columns:
        wrong = "has no column 'token'"
    elif double is not None:
        wrong = f"has the column {double!r} twice"
    if wrong:
        raise TokenUnusable(f"{path}: {wrong}", remedy=f"the columns are: {', '.join(COLUMNS)}")
    return columns


def _row(place: str, columns: Sequence[str], cells: Sequence[str], rules: Rules) -> SiteToken:
    if len(cells) > len(columns):
        raise TokenUnusable(
            f"{place}: {len(cells)} cells in {len(columns)} columns", remedy="quote what has the separator in it"
        )
    try:
        return _token(dict(zip(columns, (cell.strip() for cell in cells), strict=False)), rules)
    except TokenUnusable as exc:
        raise TokenUnusable(f"{place}: {exc.what}", remedy=exc.remedy) from exc


def _token(row: Mapping[str, str], rules: Rules) -> SiteToken:
    text = row.get("token", "")
    if _NUMBER.fullmatch(text):
        raise TokenUnusable(
            f"{text} is what a spreadsheet makes of a long number", remedy="have the column as text, and enter it anew"
        )
    blocked = row.get("blocked", "").lower()
    if blocked not in _YES + _NO:
        raise TokenUnusable(f"blocked is {blocked!r}", remedy="write yes or no")
    return token(
        rules.card(text),
        rules,
        name=row.get("name", ""),
        blocked=blocked in _YES,
        since=("from", row.get("from")),
        until=("until", row.get("until")),
        hours=row.get("hours"),
        class_id=row.get("class") or None,
        cost_centre=row.get("cost_centre") or None,
        need=need(("energy_kwh", _energy(row.get("energy_kwh", ""))), ("ready_by", row.get("ready_by"))),
    )


def _energy(cell: str) -> str | None:
    """With its unit."""
    if not cell:
        return None
    found = _KWH.fullmatch(cell)
    if found is None:
        raise TokenUnusable(f"energy_kwh is {cell!r}, no number of kWh", remedy="write it alone, like 180 or 62.5")
    return f"{found[1]}.{found[2] or 0}kWh"
