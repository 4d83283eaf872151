"""Numbers as meters and their portals write them: 12.5 and 12,5, and with thousands set apart 1.234,5 and 1,234.5."""

import re
from collections.abc import Iterable
from typing import Final

POINT, COMMA = ".", ","
SIGNS: Final = (POINT, COMMA)
APART: Final = str.maketrans(
    "", "", " \u00a0\u202f\u2009'\u2019"
)  # no-break and thin spaces, and the Swiss apostrophes
MINUS: Final = str.maketrans("\u2212", "-")
NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
EITHER: Final = re.compile(r"[-+]?[1-9][0-9]{0,2}[.,][0-9]{3}")  # 1.234: a thousand, or one and a bit
NO_VALUE: Final = frozenset({"", "-", "--", "---", "n/a", "na", "nan", "null", "none", "unavailable", "unknown", "#nv"})


class UnclearNumber(ValueError):
    """Its text is that of a number which may be read in two ways."""


def has_value(text: str) -> bool:
    """Whether there is anything: no empty cell, and none of the words for one without a value."""
    return text.strip().casefold() not in NO_VALUE


def decimal_sign(texts: Iterable[str], *, apart_by: str) -> str:
    """Which of the two signs begins the decimals of all these numbers; the other one sets thousands apart. Where cells
    are apart by semicolons it is for the sake of decimal commas.

    Raises UnclearNumber, with the number, where each of them may be meant both ways, or they contradict each other.
    """
    sure: dict[str, str] = {}
    unclear: str | None = None
    for text in texts:
        digits = text.translate(APART)
        there = [sign for sign in SIGNS if sign in digits]
        if not there:
            continue
        if len(there) == 2:
            sure.setdefault(max(SIGNS, key=digits.rindex), text)
        elif digits.count(there[0]) > 1:
            sure.setdefault(COMMA if there[0] == POINT else POINT, text)
        elif EITHER.fullmatch(digits) and (apart_by, there[0]) != (";", COMMA):
            unclear = unclear or text
        else:
            sure.setdefault(there[0], text)
    if len(sure) > 1:
        raise UnclearNumber(f"has {sure[POINT]!r} and {sure[COMMA]!r}: the decimals must begin alike")
    if not sure and unclear is not None:
        digits = unclear.translate(APART)
        most, least = digits.replace(COMMA, "").replace(POINT, ""), digits.replace(COMMA, POINT)
        sign = COMMA if COMMA in digits else POINT
        other = POINT if sign == COMMA else COMMA
        raise UnclearNumber(
            f"may mean {least} or {most} by {unclear!r}: say so by decimal = {sign!r}, or decimal = {other!r}"
        )
    return next(iter(sure), POINT)


def number(text: str, sign: str) -> float:
    """Raises ValueError for what is no number, or has its thousands apart elsewhere than after each three digits."""
    digits = text.strip().translate(APART).translate(MINUS)
    apart = COMMA if sign == POINT else POINT
    whole, point, decimals = digits.partition(sign)
    if apart in whole:
        first, *groups = whole.split(apart)
        if not first.lstrip("+-") or len(first.lstrip("+-")) > 3 or any(len(each) != 3 for each in groups):
            raise ValueError(text)
        whole = whole.replace(apart, "")
    digits = f"{whole}.{decimals}" if point else whole
    if NUMBER.fullmatch(digits) is None:
        raise ValueError(text)
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value
