"""Moments as meters and their portals write them: dates in any order, seconds, milliseconds, day numbers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

Moment = float | datetime

PLAIN: Final = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?")
COMPACT: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
YEARS: Final = range(1990, 2101)
EPOCH_S: Final = 1e9  # from 2001 on; nobody counts so many seconds from anything else
EPOCHS: Final = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))  # since 1970: so many are no seconds any more
SHEET_DAYS: Final = (20_000.0, 80_000.0)  # day numbers of a spreadsheet: 1954 to 2119
SHEET_BEGINS: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - the zone is the site's
CENTURY: Final = 2000
DATE: Final = re.compile(
    r"(?P<a>[0-9]{1,4})(?P<sep>[-./])(?P<b>[0-9]{1,2})(?P=sep)(?P<c>[0-9]{4}|[0-9]{2}|[0-9])"
    r"(?:(?:[ T]|, ?)(?P<hour>[0-9]{1,2})[:.h](?P<minute>[0-9]{2})"
    r"(?:[:.](?P<second>[0-9]{2})(?:[.,](?P<rest>[0-9]+))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
    r" ?\(?(?P<zone>[A-Za-z]{1,4}|[-+][0-9]{2}(?::?[0-9]{2})?)?\)?"
)
ZONES: Final = {
    **dict.fromkeys(("", "z", "utc", "gmt", "wet"), 0),
    **dict.fromkeys(("cet", "mez", "bst", "west"), 1),
    **dict.fromkeys(("cest", "mesz", "eet"), 2),
    "eest": 3,
}
SPAN: Final = re.compile(r"\s+(to|bis|-|\u2013|\u2014)\s+")  # "06:00 to 06:15": the row's moment is where it begins
UNTIL: Final = re.compile(r"(?<=:[0-9]{2})\s?[-\u2013]\s?[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$")  # "06:00-06:15", no offset
NO_TIME: Final = re.compile(r"[ T]0?0:00(:00)?(?= [0-9])")  # of a date that has its time of day in another column
# By their first three letters, in English, German, Dutch and Danish.
MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *("jan", "feb", "mar mär mrt maa", "apr", "may mai mei maj", "jun"),
            *("jul", "aug", "sep", "oct okt", "nov", "dec dez"),
        ),
        start=1,
    )
    for name in names.split()
}
WEEKDAY: Final = re.compile(r"^[^\W\d]{2,10}[.,]* (?=[0-9])")  # "So., 22.11.2026"
NAMED_MONTH: Final = re.compile(
    r"(?<![0-9])(?P<d>[0-9]{1,2})[-./ ]{1,2}(?P<m>[^\W\d]{3,10})[-./, ]{1,2}(?P<y>[0-9]{4}|[0-9]{2})(?![0-9:])"
)
MONTH_FIRST: Final = re.compile(r"(?P<m>[^\W\d]{3,10})\.? (?P<d>[0-9]{1,2}),? (?P<y>[0-9]{4})(?![0-9:])")
SOME_OFFSETS: Final = 2  # winter's and summer's
ORDERS: Final = ("dmy", "mdy", "ymd")


class UnclearMoment(ValueError):
    """`number` of the texts is no moment; None: together they may be read in two ways."""

    def __init__(self, number: int | None) -> None:
        super().__init__(number)
        self.number = number


def moments(texts: Sequence[str]) -> list[Moment]:
    """Seconds, or dates: with their offset where one is written, else without. All are read in one way.

    Raises UnclearMoment.
    """
    cleaned = [SPAN.split(NO_TIME.sub("", _in_figures(" ".join(text.split()))), maxsplit=1)[0] for text in texts]
    if len({found.group() for text in cleaned if (found := UNTIL.search(text))}) > SOME_OFFSETS:
        cleaned = [UNTIL.sub("", text) for text in cleaned]
    plain = [PLAIN.fullmatch(text) is not None for text in cleaned]
    if any(plain):
        return _of_numbers(cleaned) if all(plain) else [_either(text, each) for each, text in enumerate(cleaned)]
    return _dates(cleaned)


def _in_figures(text: str) -> str:
    """Without its day of the week, and a month that is named as 22.11.2026."""
    for form in (NAMED_MONTH, MONTH_FIRST):
        found = form.search(text)
        month = None if found is None else MONTHS.get(found["m"][:3].casefold())
        if found is not None and month is not None:
            year = found["y"] if len(found["y"]) == 4 else CENTURY + int(found["y"])
            date = f"{found['d']}.{month}.{year}{text[found.end() :].removeprefix(',')}"
            return WEEKDAY.sub("", text[: found.start()] + date)
    return WEEKDAY.sub("", text)


def _either(text: str, number: int) -> Moment:
    """Of a file that has both, which somebody else has to judge."""
    return float(text.replace(",", ".")) if PLAIN.fullmatch(text) else _dates([text], first=number)[0]


def _of_numbers(texts: Sequence[str]) -> list[Moment]:
    lengths = {len(text) for text in texts}
    if len(lengths) == 1 and (form := COMPACT.get(lengths.pop())) is not None:
        try:
            dates = [datetime.strptime(text, form) for text in texts]  # noqa: DTZ007 - the zone is the site's
        except ValueError:
            pass
        else:
            if all(each.year in YEARS for each in dates):
                return list(dates)
    values = [float(text.replace(",", ".")) for text in texts]
    for number, value in enumerate(values):
        if abs(value) > 1e300:
            raise UnclearMoment(number)
    most = max(values)
    least_day, last_day = SHEET_DAYS
    are_days = least_day <= min(values) and most <= last_day and most - min(values) < 0.5 * len(values)
    if are_days and any(not value.is_integer() for value in values):
        return [SHEET_BEGINS + timedelta(seconds=round(value * 86_400.0)) for value in values]
    scale = next((scale for from_on, scale in EPOCHS if most >= from_on), 1.0)
    seconds = [value * scale for value in values]
    if not all(EPOCH_S <= each < EPOCHS[-1][0] for each in seconds):
        return list(seconds)
    return [datetime.fromtimestamp(each, UTC) for each in seconds]


def _dates(texts: Sequence[str], *, first: int = 0) -> list[Moment]:
    """By the one order of day, month and year which suits all; of two, that by which they lie closer together."""
    found: list[tuple[timedelta, list[timedelta], list[datetime]]] = []
    failed = 0
    for order in ORDERS:
        dates: list[datetime] = []
        try:
            dates.extend(_date(text, order) for text in texts)
        except (ValueError, OverflowError):  # those before it stay
            failed = max(failed, len(dates))
            continue
        bare = [each.replace(tzinfo=None) for each in dates]
        found.append((max(bare) - min(bare), [each - bare[0] for each in bare], dates))
    if not found:
        raise UnclearMoment(first + failed)
    span, apart, dates = min(found, key=lambda each: each[0])
    if any(other_span == span and other_apart != apart for other_span, other_apart, _ in found):
        raise UnclearMoment(None)
    return list(dates)


def _date(text: str, order: str) -> datetime:
    found = DATE.fullmatch(text)
    if found is None:
        date = datetime.fromisoformat(text)
        if date.year not in YEARS:
            raise ValueError(text)
        return date
    day, month, year = _ordered(found, order)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    days = 1 if (hour, minute, second) == (24, 0, 0) else 0  # as the end of a day is written
    if year not in YEARS:
        raise ValueError(text)
    micros = int(f"{found['rest'] or '':0<6.6}")
    date = datetime(year, month, day, 0 if days else hour, minute, second, micros, tzinfo=_zone(found["zone"]))
    return date + timedelta(days=days)


def _ordered(found: "re.Match[str]", order: str) -> tuple[int, int, int]:
    a, b, c = found["a"], found["b"], found["c"]
    if len(a) == 4:
        if order != "ymd" or len(c) == 4:
            raise ValueError(found.group())
        return int(c), int(b), int(a)
    if len(a) == 3 or len(c) == 1 or (order == "ymd" and len(c) == 4) or (order == "mdy" and found["sep"] == "."):
        raise ValueError(found.group())
    places = dict(zip(order, (a, b, c), strict=True))
    year = int(places["y"])
    return int(places["d"]), int(places["m"]), year if len(places["y"]) == 4 else CENTURY + year


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text[0] in "+-":
        minutes = int(text[1:3]) * 60 + int(text[3:].strip(":") or 0)
        return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
    if text.casefold() not in ZONES:
        raise ValueError(text)
    hours = ZONES[text.casefold()]
    return timezone(timedelta(hours=hours)) if hours else UTC
