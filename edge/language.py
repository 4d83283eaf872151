"""What is said to who sets up, proves, looks at and looks after the site, in their languages: one file each in
``texts``.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "da", "nl", "de")
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

    def label(self, label: str, otherwise: str | None = None) -> str:
        """What an option is called: a text of ours, or a name as it is; that of a code, or ``otherwise``."""
        return self._texts.get(label) or printable(label if otherwise is None else otherwise)

    def number(self, value: float, spec: str) -> str:
        """The number in that format, with the language's decimal sign."""
        return format(_Decimal(value, self._texts["decimal_sign"]), spec)

    def _shown(self, value: object) -> object:
        if isinstance(value, Said):
            return self.tell(value)
        if isinstance(value, float):
            return _Decimal(value, self._texts["decimal_sign"])
        return printable(value) if isinstance(value, str) else value


def printable(content: str) -> str:
    """The text without what would steer a terminal, or be nothing to see."""
    if content.isprintable():
        return content
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in content)
