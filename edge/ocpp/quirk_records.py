"""What is known of certain stations beforehand: records by vendor, model and firmware, in ``quirks/*.toml``.

Each record has ``id``, ``number`` (the line of the table in docs/ocpp.md), ``vendor`` and, where they matter, ``model``
and ``firmware`` (lists of patterns with ``*``, whatever the case), ``source``, and one or more effects: the fields of
:class:`Quirks`.
"""

import importlib.resources
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import tomli

from edge.errors import StartError
from edge.ocpp.profiles.ladder import Rung
from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What is done otherwise for a station."""

    ping: bool = True  # False: it is never pinged, and lives as long as it talks
    silence_s: Seconds | None = None  # how long it may say nothing; None: as long as all others
    start_answer_delay_s: Seconds = 0.0  # how long the answer to StartTransaction is held back
    limits_by: Rung | None = None  # by which purposes it is told its first limit; in a record the name in small letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: whom it is about, where that is told, and its effects."""

    id: str
    number: int
    vendor: tuple[str, ...]
    model: tuple[str, ...]
    firmware: tuple[str, ...]
    source: str
    effects: Mapping[str, Any]

    def fits(self, vendor: str, model: str, firmware: str) -> bool:
        """Whether the station is one of those."""
        told = ((self.vendor, vendor), (self.model, model), (self.firmware, firmware))
        return all(
            any(fnmatchcase(word.strip().casefold(), pattern.casefold()) for pattern in patterns)
            for patterns, word in told
        )


_EFFECTS = {field.name: field for field in fields(Quirks)}
_LARGEST_S = 86_400.0
_RUNGS = {rung.name.lower(): rung for rung in Rung}


def parse(text: str, place: str) -> list[Record]:
    """The records of a file. Raises StartError with a sentence for whatever isn't as it should be."""
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError as exc:
        raise StartError(f"{place} is not valid TOML ({exc})") from exc
    if set(document) != {"quirk"}:
        raise StartError(f"{place} has something else than [[quirk]]")
    return [_record(table, f"{place}: quirk {number}") for number, table in enumerate(document["quirk"], 1)]


def _record(table: Mapping[str, Any], place: str) -> Record:
    effects = {key: value for key, value in table.items() if key in _EFFECTS}
    unknown = set(table) - set(_EFFECTS) - {"id", "number", "vendor", "model", "firmware", "source"}
    if unknown:
        raise StartError(f"{place} has the unknown key {min(unknown)}")
    for key in ("id", "source"):
        if not isinstance(table.get(key), str) or not table[key]:
            raise StartError(f"{place} has no {key}")
    if not isinstance(table.get("number"), int):
        raise StartError(f"{place} has no number")
    if not effects:
        raise StartError(f"{place} has no effect")
    for key, value in effects.items():
        if not _is_sound(key, value):
            raise StartError(f"{place} has {key} = {value!r}")
    if "limits_by" in effects:
        effects["limits_by"] = _RUNGS[effects["limits_by"]]
    patterns = {key: _patterns(table, key, place) for key in ("vendor", "model", "firmware")}
    return Record(id=table["id"], number=table["number"], source=table["source"], effects=effects, **patterns)


def _is_sound(key: str, value: object) -> bool:
    if key == "ping":
        return isinstance(value, bool)
    if key == "limits_by":
        return value in _RUNGS
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LARGEST_S


def _patterns(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    found = table.get(key, ["*"] if key != "vendor" else None)
    if not isinstance(found, list) or not found or not all(isinstance(each, str) and each for each in found):
        raise StartError(f"{place} has no list of patterns as its {key}")
    return tuple(found)


@lru_cache(maxsize=1)
def records() -> tuple[Record, ...]:
    """All records that the program brings along."""
    folder = importlib.resources.files("edge.ocpp") / "quirks"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    found = [record for file in files for record in parse(file.read_text(encoding="utf-8"), file.name)]
    names = [record.id for record in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise StartError(f"two quirks have the id {min(twice)}")
    return tuple(found)


def quirks_of(
    vendor: str, model: str, firmware: str | None, among: Iterable[Record] | None = None
) -> tuple[Quirks, tuple[str, ...]]:
    """What is done otherwise for a station that describes itself so, and by which records."""
    fitting = [
        record for record in (records() if among is None else among) if record.fits(vendor, model, firmware or "")
    ]
    quirks = Quirks()
    for record in fitting:
        quirks = replace(quirks, **record.effects)
    return quirks, tuple(record.id for record in fitting)
