"""Line numbers of the keys in a TOML text; the parser gives none.

An exact scanner of *valid* TOML 1.1 (https://toml.io/en/v1.1.0): the parser has accepted the text before, so nothing is
checked again here. It knows where tables, arrays of tables, dotted and quoted keys, inline tables, arrays, strings and
comments begin and end, and keeps of all that only the place of each key and element.
"""

import re

import tomli

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_BLANK_AND_COMMENTS = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"[A-Za-z0-9_-]+|'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"")
_MULTILINE_BASIC = re.compile(r'"""(?:\\.|[^\\])*?""""{0,2}', re.DOTALL)
_MULTILINE_LITERAL = re.compile(r"'''.*?''''{0,2}", re.DOTALL)
_BASIC = re.compile(r'"(?:\\.|[^"\\\n])*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")


def locate(text: str) -> dict[Path, int]:
    """The 1-based line at which each table, key and array element first appears, by its path.

    A path is as the parsed document is walked: ``("station", 2, "evse", 0, "max_a")``. Elements of arrays of tables are
    at their ``[[header]]``. The text must be valid TOML.
    """
    return _Scanner(text.replace("\r\n", "\n")).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted_to = 0
        self._lines: dict[Path, int] = {}
        self._table_arrays: dict[Path, int] = {}  # elements seen so far of each array of tables

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self._skip(_BLANK_AND_COMMENTS)
            if self._at >= len(self._text):
                return self._lines
            if self._text.startswith("[[", self._at):
                table = self._header("[[", is_element=True)
            elif self._text[self._at] == "[":
                table = self._header("[", is_element=False)
            else:
                self._pair(table)

    def _header(self, opening: str, *, is_element: bool) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of the table that it opens."""
        line = self._here()
        self._at += len(opening)
        names = self._key()
        self._at += len(opening)  # the closing brackets
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            self._lines.setdefault(path, line)
            if is_element and position == len(names) - 1:
                self._table_arrays[path] = self._table_arrays.get(path, 0) + 1
            if path in self._table_arrays:
                path = (*path, self._table_arrays[path] - 1)
                self._lines.setdefault(path, line)
        return path

    def _pair(self, table: Path) -> None:
        """``a.b = value`` inside a table."""
        line = self._here()
        path = table
        for name in self._key():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key, with the blanks around it."""
        names = []
        while True:
            self._skip(_BLANK)
            part = self._take(_KEY_PART)
            names.append(tomli.loads(f"k = {part}")["k"] if part[0] in "'\"" else part)
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, path: Path) -> None:
        if self._text[self._at] not in "[{":
            self._scalar()
            return
        is_array = self._text[self._at] == "["
        closing = "]" if is_array else "}"
        self._at += 1
        index = 0
        while True:
            self._skip(_BLANK_AND_COMMENTS)
            if self._text[self._at] == closing:
                self._at += 1
                return
            if is_array:
                self._lines.setdefault((*path, index), self._here())
                self._value((*path, index))
            else:
                self._pair(path)
            index += 1
            self._skip(_BLANK_AND_COMMENTS)
            if self._text[self._at] == ",":
                self._at += 1

    def _scalar(self) -> None:
        for opening, pattern in (
            ('"""', _MULTILINE_BASIC),
            ("'''", _MULTILINE_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self._text.startswith(opening, self._at):
                self._skip(pattern)
                return
        self._skip(_BARE_VALUE)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"line {self._here()} is not valid TOML")
        self._at = match.end()
        return match.group()

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line
