"""The texts of the interview in their languages: one file each in ``texts``."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "da", "nl", "de")


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of a language, by name."""
    return tomllib.loads((files("edge.setup") / "texts" / f"{language}.toml").read_text(encoding="utf-8"))


class Speaker:
    """Says things in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts(language)

    def say(self, name: str, values: Mapping[str, Any] | None = None) -> str:
        """The text of that name with the values in their places; control characters in them can't steer a terminal."""
        shown = {key: _printable(value) if isinstance(value, str) else value for key, value in (values or {}).items()}
        return self._texts[name].format(**shown)

    def label(self, label: str) -> str:
        """What an option is called: a text of ours, or a name as it is."""
        return self._texts.get(label) or _printable(label)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
