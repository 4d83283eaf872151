"""A fault found in the site file, before it has its line: how the schema and the rules tell what they see."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.config.locate import Path
from edge.errors import Finding, Severity

_LONGEST_SHOWN = 60  # characters of a value: enough to recognise it, short enough for one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with the key at ``path`` and what would be right.

    ``problem`` begins with a verb ("is 0, not above 0"), ``remedy`` is an instruction ("give 63").
    """

    path: Path
    problem: str
    remedy: str
    severity: Severity = Severity.ERROR


def dotted(path: Path) -> str:
    """The path as the file writes it: ``station[2].evse[0].max_a``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=True)
            text += f".{name}" if text else name
    return text


def shown(value: object) -> str:
    """A value as the file writes it, shortened to fit in a sentence."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return shorten(str(value))
        case float():
            text = f"{value:.12g}"
            return f"{text}.0" if text.removeprefix("-").isdigit() else text
        case str():
            return shorten(json.dumps(value, ensure_ascii=False))
        case Mapping():
            return "a table"
        case Sequence() if all(isinstance(element, str | int | float) for element in value):
            return shorten("[" + ", ".join(shown(element) for element in value) + "]")
        case Sequence():
            return "a list"
        case _:
            return f"the date or time {value}"


def shorten(text: str) -> str:
    """At most ``_LONGEST_SHOWN`` characters."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _printable(text: str) -> str:
    """One line that can't steer a terminal, whatever names the file gives."""
    return "".join(character if character.isprintable() else "?" for character in text)


def one_of(names: Iterable[str], wanted: str, *, kind: str, none: str) -> str:
    """A remedy: the nearest of ``names``, then all of them; ``none`` where there are no names."""
    known = list(names)
    if not known:
        return none
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}{kind}: {', '.join(known)}"


def finding(fault: Fault, *, lines: Mapping[Path, int], document: Mapping[str, Any]) -> Finding:
    """The fault with its line, and with the name of the element that it is about."""
    owner = _owner(fault.path, document)
    return Finding(
        severity=fault.severity,
        line=_line(fault.path, lines),
        key=dotted(fault.path),
        problem=_printable(f"of {owner} {fault.problem}" if owner else fault.problem),
        remedy=_printable(fault.remedy),
    )


def _line(path: Path, lines: Mapping[Path, int]) -> int | None:
    """The line of the key, or of the nearest table around it; None where not even a table is there."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


# What the elements of each list are called, innermost first where they are named together.
_ELEMENTS = {"circuit": "circuit", "meter": "meter", "class": "class", "station": "station", "evse": "EVSE"}


def _owner(path: Path, document: Mapping[str, Any]) -> str:
    """``EVSE 1 of station 'CP-01'`` for a key inside that EVSE; empty where no element with an id is around it."""
    names: list[str] = []
    value: Any = document
    for depth, part in enumerate(path[:-1]):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            break
        list_name = path[depth - 1] if depth else None
        if not isinstance(part, int) or list_name not in _ELEMENTS or not isinstance(value, Mapping):
            continue
        name = value.get("id")
        if isinstance(name, bool) or not isinstance(name, str | int) or path[depth + 1] == "id":
            continue
        quoted = f"'{shorten(name)}'" if isinstance(name, str) else str(name)
        names.insert(0, f"{_ELEMENTS[str(list_name)]} {quoted}")
    return " of ".join(names)
