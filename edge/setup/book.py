"""The answers, by key: given in a file, or one by one; the same TOML for both, so that a half-done set-up is itself a
file of answers."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import tomli
import tomlkit

from edge.errors import SetupStopped
from edge.language import LANGUAGES
from edge.setup.steps import Key

DONE = "done"  # the lists that are complete
_LISTS = ("circuit", "station")
_TABLES = ("site", "grid", "meter", "ocpp", "bms")
_SCALARS = ("language",)
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "site": frozenset({"id", "timezone"}),
    "grid": frozenset({"fuse_a", "margin_a", "background_reserve_a"}),
    "circuit": frozenset({"id", "fuse_a", "parent"}),
    "meter": frozenset({"way", "connection", "model", "unit", "username", "password", "path_l1", "path_l2", "path_l3"}),
    "station": frozenset(
        {"id", "circuit", "max_a", "fallback_a", "location", "evses", "key_hash"}
        | {"phases", "phases_2", "phases_3", "phases_4"}
        | {"vendor", "model", "serial", "mac", "firmware", "version"}
    ),
    "ocpp": frozenset({"listen", "security", "upstream"}),
    "bms": frozenset({"broker", "username", "password", "modbus", "fallback_a"}),
}


class Book:
    """Answers by key; ``("circuit", 0, "id")`` is the id of the first ``[[circuit]]``."""

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self._answers: dict[Key, Any] = dict(_flat(document or {}, ()))
        self._done: set[str] = set((document or {}).get(DONE, ()))

    def get(self, *key: str | int) -> Any:
        """The answer; None while there is none."""
        return self._answers.get(key)

    def put(self, key: Key, value: Any) -> None:
        """Note an answer."""
        self._answers[key] = value

    def drop(self, *key: str | int) -> None:
        """Forget an answer and all that are below it."""
        for known in [each for each in self._answers if each[: len(key)] == key]:
            del self._answers[known]

    def take_out(self, name: str, index: int) -> None:
        """Forget an element of a list; those behind it move up."""
        self.drop(name, index)
        self._answers = {
            (name, int(key[1]) - 1, *key[2:]) if key[0] == name and int(key[1]) > index else key: value
            for key, value in self._answers.items()
        }

    def is_done(self, name: str) -> bool:
        """Whether a list is complete, or a part of the interview over."""
        return name in self._done

    def finish(self, name: str) -> None:
        """The list is complete."""
        self._done.add(name)

    def reopen(self, name: str) -> None:
        """The part is to be gone through again."""
        self._done.discard(name)

    def count(self, name: str) -> int:
        """How many elements a list has."""
        return 1 + max((int(key[1]) for key in self._answers if key[0] == name and len(key) > 1), default=-1)

    def table(self, *prefix: str | int) -> dict[str, Any]:
        """The answers directly below a key."""
        return {str(key[-1]): value for key, value in self._answers.items() if key[:-1] == prefix}

    def is_empty(self) -> bool:
        """Whether nothing was answered yet."""
        return all(key in {(name,) for name in _SCALARS} for key in self._answers)

    def text(self) -> str:
        """The answers as TOML."""
        document: dict[str, Any] = {}
        for key, value in self._answers.items():
            place: Any = document
            for part, following in pairwise(key):
                if isinstance(part, int):
                    while len(place) <= part:
                        place.append({})
                    place = place[part]
                else:
                    place = place.setdefault(part, [] if isinstance(following, int) else {})
            place[key[-1]] = value
        if self._done:
            document = {DONE: sorted(self._done)} | document
        scalars = {key: value for key, value in document.items() if not isinstance(value, dict | list) or key == DONE}
        rest = {key: value for key, value in document.items() if key not in scalars}
        return "# Answers of edge setup, as for --answers.\n" + tomlkit.dumps(scalars | rest)


def read_book(text: str, *, name: str) -> Book:
    """The answers in a file.

    :raises SetupStopped: it is no TOML, or has tables that no question asks for.
    """
    try:
        document = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError) as exc:  # the latter: too many lists inside each other
        raise SetupStopped(f"{name}: is no TOML: {exc}", remedy="put it right, or move it away") from exc
    for key, value in document.items():
        if key not in (*_LISTS, *_TABLES, *_SCALARS, DONE):
            known = ", ".join((*_SCALARS, *_TABLES, *_LISTS))
            raise SetupStopped(f"{name}: {key}: is asked by no question", remedy=f"there are: {known}")
        right = list if key in (*_LISTS, DONE) else str if key in _SCALARS else dict
        if not isinstance(value, right):
            form = f"[[{key}]]" if right is list else f'{key} = "..."' if right is str else f"[{key}]"
            raise SetupStopped(f"{name}: {key}: is not of its form", remedy=f"write {form}")
    if document.get("language", LANGUAGES[0]) not in LANGUAGES:
        raise SetupStopped(f"{name}: language: is none that this speaks", remedy=f"there are: {', '.join(LANGUAGES)}")
    if any(not isinstance(each, str) for each in document.get(DONE, ())):
        raise SetupStopped(
            f"{name}: {DONE}: is no list of names", remedy="take the line out: what it says is asked again"
        )
    for key in _LISTS:
        if any(not isinstance(each, dict) for each in document.get(key, ())):
            raise SetupStopped(f"{name}: {key}: is no list of tables", remedy=f"write [[{key}]] for each")
    for key, known_keys in _KEYS.items():
        tables = document.get(key, ())
        for each in tables if isinstance(tables, list) else [tables]:
            for unknown in [inner for inner in each if inner not in known_keys]:  # a typing error, whose default holds
                there_are = ", ".join(sorted(known_keys))
                raise SetupStopped(
                    f"{name}: {key}.{unknown}: is asked by no question", remedy=f"there are: {there_are}"
                )
    return Book(document)


def _flat(value: Any, path: Key) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, Mapping):
        for key, element in value.items():
            if path or key != DONE:
                yield from _flat(element, (*path, str(key)))
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for index, element in enumerate(value):
            yield from _flat(element, (*path, index))
    else:
        yield path, value


def dotted(key: Key) -> str:
    """``circuit[0].fuse_a``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
