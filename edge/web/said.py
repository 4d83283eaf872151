"""What is said of a report: sentences and figures, each with how much it wants to be looked at. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from edge.units import Seconds

_LONG_S: Seconds = 120.0  # and minutes: from here on the next unit says enough
_LONG_H = 48.0

Report: TypeAlias = Mapping[str, Any]


class Level(StrEnum):
    """How much something wants to be looked at."""

    PLAIN = "plain"
    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    OLD = "old"  # true once


class Said(NamedTuple):
    """A sentence or a figure. It may hold what a station calls itself: see :func:`edge.language.printable`."""

    text: str
    level: Level = Level.PLAIN


NONE = Said("-")  # in a table, where there is nothing to say


def age(age_s: Seconds) -> str:
    """``42 s``, ``7 min``, ``3 h``, ``5 d``: the same in each language (SI brochure, table 8)."""
    if age_s < _LONG_S:
        return f"{age_s:.0f} s"
    minutes = age_s / 60
    if minutes < _LONG_S:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < _LONG_H else f"{hours / 24:.0f} d"
