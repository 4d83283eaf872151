"""Typed reading of a TOML document, with errors of one sentence: file, place, what is wrong, what would be right."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import tomli

from simulators.errors import ScenarioError

LARGEST: Final = 1e9  # of any number that has no bound of its own
MOST_SHOWN: Final = 60  # letters of a wrong value
MOST_BYTES: Final = 16 * 1024**2
_MISSING: Final = object()

Place = tuple[str | int, ...]
Lines = Callable[[], Mapping[Place, int]]
Read = TypeVar("Read")


class TomlTable:
    """One table of a TOML file, which knows the file and its own place in it ("car 3"), and by `lines`, where they are
    given, the line of each `path`.
    """

    def __init__(
        self, values: Mapping[str, Any], *, file: Path, place: str = "", path: Place = (), lines: Lines = dict
    ) -> None:
        self._values = values
        self._file = file
        self._place = place
        self._path = path
        self._lines = lines

    def fail(self, key: str, problem: str) -> ScenarioError:
        """An error about `key` of this table; the caller raises it. Its line is the key's, or the table's."""
        lines = self._lines()
        line = lines.get((*self._path, key), lines.get(self._path))
        file = f"{self._file}" if line is None else f"{self._file}:{line}"
        key = key if key.isprintable() else ascii(key)
        where = f"{self._place}: {key}" if self._place else key
        return ScenarioError(f"{file}: {where}: {problem}")

    def only(self, known: Iterable[str]) -> None:
        """Refuse any key not in `known`."""
        allowed = sorted(known)
        for key in self._values:
            if key not in allowed:
                raise self.fail(key, f"unknown key; known here are {', '.join(allowed)}")

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty string."""
        value = self._get(key, _MISSING if default is None else default, "a text in quotes")
        if not isinstance(value, str) or not value:
            raise self.fail(key, f"must be a text in quotes, not {_shown(value)}")
        return value

    def label(self, key: str) -> str:
        """A string that can be shown on one line."""
        value = self.text(key)
        if not value.isprintable():
            raise self.fail(key, f"must be a text of one line, without signs that can't be shown, not {_shown(value)}")
        return value

    def file_name(self, key: str) -> str:
        """A string that may be the name of a file."""
        value = self.text(key)
        if "\0" in value:
            raise self.fail(key, f"must be the name of a file, not {_shown(value)}")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, or None where the key is absent."""
        return self.text(key) if key in self._values else None

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, f"must be true or false, not {_shown(value)}")
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        at_least: float = 0.0,
        at_most: float | None = None,
        above: float | None = None,
    ) -> float:
        """A number between the bounds; the unit is in the key's name."""
        value = self._get(key, _MISSING if default is None else default, "a number")
        return self._bounded(key, value, at_least=at_least, at_most=at_most, above=above)

    def whole(self, key: str, default: int | None = None, *, at_least: int = 0, at_most: int | None = None) -> int:
        """A whole number between the bounds."""
        value = self._get(key, _MISSING if default is None else default, "a whole number")
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(key, f"must be a whole number, not {_shown(value)}")
        return int(self._bounded(key, value, at_least=at_least, at_most=at_most))

    def numbers(self, key: str, count: int, *, at_most: float | None = None) -> tuple[float, ...]:
        """A list of exactly `count` numbers, none negative."""
        value = self._get(key, _MISSING, f"a list of {count} numbers")
        if not isinstance(value, list) or len(value) != count:
            raise self.fail(key, f"must be a list of {count} numbers, not {_shown(value)}")
        return tuple(self._bounded(key, each, at_least=0.0, at_most=at_most) for each in value)

    def numbers_of(
        self, key: str, default: list[float], *, among: tuple[float, ...] | None = None
    ) -> tuple[float, ...]:
        """A list of numbers, none negative; each one `among` those, if given."""
        value = self._values.get(key, default)
        if not isinstance(value, list):
            raise self.fail(key, f"must be a list of numbers, not {_shown(value)}")
        if default and not value:
            raise self.fail(key, "must have at least one number")
        found = tuple(self._bounded(key, each, at_least=0.0) for each in value)
        if among is not None and any(each not in among for each in found):
            raise self.fail(key, f"must have only {', '.join(f'{each:g}' for each in among)}, not {value!r}")
        return found

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def raw(self, key: str) -> object:
        """The value as it is; None where there is none."""
        return self._values.get(key)

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        value = self._get(key, _MISSING if default is None else default, "a list of texts")
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self.fail(key, f"must be a list of texts in quotes, not {_shown(value)}")
        return tuple(value)

    def table(self, key: str) -> "TomlTable":
        """The sub-table `key`, which must be there."""
        value = self._get(key, _MISSING, f"a table [{key}]")
        if not isinstance(value, dict):
            raise self.fail(key, f"must be a table [{key}], not {_shown(value)}")
        return TomlTable(value, file=self._file, place=self._inner(key), path=(*self._path, key), lines=self._lines)

    def tables(self, key: str) -> tuple["TomlTable", ...]:
        """The list of tables `[[key]]`, numbered from 1 in errors; empty if absent."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fail(key, f"must be a list of tables [[{key}]], not {_shown(value)}")
        return tuple(
            TomlTable(
                each,
                file=self._file,
                place=self._inner(f"{key} {number}"),
                path=(*self._path, key, number - 1),
                lines=self._lines,
            )
            for number, each in enumerate(value, start=1)
        )

    def _inner(self, key: str) -> str:
        return f"{self._place}: {key}" if self._place else key

    def _get(self, key: str, default: object, wanted: str) -> Any:
        value = self._values.get(key, default)
        if value is _MISSING:
            raise self.fail(key, f"is missing; it must be {wanted}")
        return value

    def _bounded(
        self, key: str, value: Any, *, at_least: float, at_most: float | None = None, above: float | None = None
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise self.fail(key, f"must be a number, not {_shown(value)}")
        if above is not None and value <= above:
            raise self.fail(key, f"must be more than {above:g}, not {_shown(value)}")
        if value < at_least:
            raise self.fail(key, f"must be at least {at_least:g}, not {_shown(value)}")
        most = LARGEST if at_most is None else at_most
        if value > most:
            raise self.fail(key, f"must be at most {most:g}, not {_shown(value)}")
        return float(value)


class Slips:
    """All that is wrong with a document, each told once and in its order; what is read meanwhile is for no use but to
    find more.
    """

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def of(self, read: Callable[[], Read]) -> Read | None:
        """What `read` gives; None where it found something wrong."""
        try:
            return read()
        except ScenarioError as exc:
            self._found[str(exc)] = None
            return None

    def all(self, tables: Callable[[], Iterable[TomlTable]], read: Callable[[TomlTable], Read]) -> tuple[Read, ...]:
        """Of each of the tables what `read` gives, but for those with something wrong."""
        found = (self.of(lambda table=table: read(table)) for table in self.of(tables) or ())  # type: ignore[misc]
        return tuple(each for each in found if each is not None)

    def tell(self) -> None:
        """Raises ScenarioError, a line for each."""
        if self._found:
            raise ScenarioError("\n".join(self._found))


def _shown(value: object) -> str:
    """As it is written, but no page of it."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} ..."


def read_toml(path: Path, locate: Callable[[str], Mapping[Place, int]] = lambda _text: {}) -> TomlTable:
    """The whole document at `path` as a table; `locate` gives the lines of a text's keys, for its errors.

    Raises ScenarioError if the file can't be read or isn't TOML.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as exc:
        raise ScenarioError(f"{path}: can't be read: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise ScenarioError(f"{path}: must be UTF-8 text") from exc
    if len(content) > MOST_BYTES:
        raise ScenarioError(f"{path}: must have {MOST_BYTES // 1024**2} MB at most")
    try:
        values = tomli.loads(text)
    except (ValueError, RecursionError) as exc:  # the latter: too many lists inside each other
        raise ScenarioError(f"{path}: isn't valid TOML: {exc}") from exc
    return TomlTable(values, file=path, lines=cache(lambda: locate(text)))
