"""What is said to who sets up, proves, looks at and looks after the site, in their languages: one file each in
``texts``.
"""

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "da", "nl", "de")
_NESTED = frozenset({"finding", "why"})  # what stands in a problem and is one itself
_UNITS = ("_a", "_s", "_v", "_w")  # of a number in it
_PHASES = frozenset({"phase", "seen"})
_TWO_ENDS = re.compile(r"([?!])\.(?= |$)")  # a problem that is a question ends its sentence itself


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of a language, by name."""
    return tomllib.loads((files("edge") / "texts" / f"{language}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Said:
    """Something to say, in no language yet: a text's name, and what stands in it (others of its kind, too)."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """A problem as another room tells it, in English: said in a language as far as the texts ``heard...`` know it."""

    problem: str


@dataclass(frozen=True, slots=True)
class _Decimal:
    """A number with the decimal sign of a language, whatever its format."""

    value: float
    sign: str

    def __format__(self, spec: str) -> str:
        return format(self.value, spec).replace(".", self.sign)


class Speaker:
    """Says things in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts(language)

    def say(self, name: str, values: Mapping[str, Any] | None = None) -> str:
        """The text of that name with the values in their places; control characters in them can't steer a terminal."""
        shown = {key: self._shown(value) for key, value in (values or {}).items()}
        return _TWO_ENDS.sub(r"\1", self._texts[name].format(**shown))

    def tell(self, *said: Said) -> str:
        """All of it, one after the other."""
        return "; ".join(self.say(each.text, each.values) for each in said)

    def has(self, name: str) -> bool:
        """Whether there is such a text."""
        return name in self._texts

    def retold(self, problem: str) -> str:
        """The problem in this language: whole, or each part of it that is known; the rest as it is."""
        if self.language == LANGUAGES[0]:
            return printable(problem)
        known = next(((name, found) for name, form in _forms() if (found := form.fullmatch(problem))), None)
        if known is not None:
            name, found = known
            return self.say(name, {key: self._part(key, value) for key, value in found.groupdict().items()})
        for between in ("; ", ", "):
            if between in problem:
                return between.join(map(self.retold, problem.split(between)))
        return printable(problem)

    def label(self, label: str, otherwise: str | None = None) -> str:
        """What an option is called: a text of ours, or a name as it is; that of a code, or ``otherwise``."""
        return self._texts.get(label) or printable(label if otherwise is None else otherwise)

    def number(self, value: float, spec: str) -> str:
        """The number in that format, with the language's decimal sign."""
        return format(_Decimal(value, self._texts["decimal_sign"]), spec)

    def _shown(self, value: object) -> object:
        if isinstance(value, Said):
            return self.tell(value)
        if isinstance(value, Heard):
            return self.retold(value.problem)
        if isinstance(value, float):
            return _Decimal(value, self._texts["decimal_sign"])
        return printable(value) if isinstance(value, str) else value

    def _part(self, key: str, value: str) -> object:
        """What stands in a problem: another one, a number of so many decimals, or a name."""
        if key in _NESTED:
            return Heard(value)
        return value.replace(".", self._texts["decimal_sign"]) if key.endswith(_UNITS) else value


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Of each problem that is known the name of its text, and its English as a form: names in braces are anything."""
    found = []
    for name, text in texts(LANGUAGES[0]).items():
        if name.startswith("heard."):
            parts = string.Formatter().parse(text)
            form = "".join(re.escape(told) + (f"(?P<{key}>{_what(key)})" if key else "") for told, key, _, _ in parts)
            found.append((name, re.compile(form)))
    return tuple(sorted(found, key=lambda each: -len(each[1].pattern)))  # what says most first


def _what(key: str) -> str:
    """The form of what stands there."""
    if key in _PHASES:
        return "L[123]"
    return r"-?[\d.e+-]+" if key.endswith(_UNITS) else ".+?"


def printable(content: str) -> str:
    """The text without what would steer a terminal, or be nothing to see."""
    if content.isprintable():
        return content
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in content)
