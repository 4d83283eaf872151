"""What a TOML parser's complaint means to the author of a site file: what is wrong there, and what would be right.

The parser tells place and cause in its own words. Here they become the file's: the line is quoted, the column pointed
at, and the remedy written with what stands on that line.
"""

import re
from dataclasses import dataclass

import tomli
from rich.cells import cell_len

from edge.config.faults import shorten
from edge.config.validate import is_list

_LONGEST_QUOTED = 88  # characters of a line: with the indentation it fits a terminal of 100 columns
_INDENTATION = "    "

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_. -]+?)\s*\]")
_PASSWORD = re.compile(r"(\bpassword\s*=\s*).+")  # the journal is no place for it
_PAIR = re.compile(r"\s*([A-Za-z0-9_.-]+)[ \t]*=[ \t]*(.*?)[ \t]*$")  # a no-break space is none of TOML's

# The parser's words, what they mean, what helps. The first that fits counts; a remedy of None depends on the value.
_CAUSES: tuple[tuple[str, str, str | None], ...] = (
    (r"Invalid value", "here is no value that TOML knows", None),
    (r"Expected newline", "the line should end here", None),
    (r"Expected '='", "here should be an equals sign", "write key = value; a comment begins with #"),
    (r"Invalid statement", "here begins neither a key nor a table", "write key = value; a comment begins with #"),
    (r"Expected '\]'", "the table's name isn't closed", "close it as it was opened: [name]"),
    (r"Expected '\]\]'", "the table's name isn't closed", "close it as it was opened: [[name]]"),
    (r"Illegal character '\\n'|Unterminated string|Expected \"", "a text isn't closed", "close it with its quote"),
    (
        r"character '\\r'",
        "here is a carriage return without a line feed",
        "save the file with the line ends of Unix or Windows",
    ),
    (r"(Illegal|Found invalid) character", "here is a character that can't stand here", "take it out"),
    (r"backslash|\\", "a text has a backslash that means nothing", r"write \\, or the text in 'single quotes'"),
    (r"Unclosed array", "a list isn't closed", "put commas between its elements and ] after the last"),
    (r"Unclosed inline table", "an inline table isn't closed", "put commas between its keys and } after the last"),
    (r"Duplicate inline table key", "a key is given twice", "keep one of the two"),
    (r"initial character", "here should be a name", "write the key's or table's name; a comment begins with #"),
    (r"character", "here is a character that can't stand here", "take it out"),
    (r"date", "this is no day of the calendar", "correct it"),
)
_CURLY_QUOTES = "“”„‟\u2018\u2019«»"  # what word processors make of a quote


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxFault:
    """Why a text isn't TOML. ``line`` is 1-based; ``excerpt`` is the line and a pointer to the column below it."""

    line: int
    problem: str
    remedy: str
    excerpt: tuple[str, str]


def explain(error: tomli.TOMLDecodeError) -> SyntaxFault:
    """The complaint in the author's words."""
    lines = error.doc.split("\n")
    line = lines[error.lineno - 1]
    column = error.colno
    if re.search("twice|overwrite|mutate|redefine", error.msg):
        column = len(line) - len(line.lstrip()) + 1  # the parser is behind the key, which is what is wrong
        what, remedy = _given_twice(line)
    else:
        what, remedy = _cause(error.msg, line, column)
    return SyntaxFault(
        line=error.lineno,
        problem=f"is not valid TOML at column {column}: {what}",
        remedy=remedy,
        excerpt=_excerpt(line, column),
    )


def _given_twice(line: str) -> tuple[str, str]:
    header = _HEADER.match(line)
    if header is None:
        return "this key is given twice in its table", "keep one of the two"
    names = [name.strip() for name in header.group(1).split(".")]
    table = shorten(".".join(names))
    if is_list(tuple(names)):
        return (
            f"the table [{table}] is given more than once, and not always in double brackets",
            f"write [[{table}]] with double brackets, once for each",
        )
    return f"the table [{table}] is given twice", "put all its keys below one of the two"


def _cause(message: str, line: str, column: int) -> tuple[str, str]:
    for pattern, what, remedy in _CAUSES:
        if re.search(pattern, message):
            return what, remedy if remedy is not None else _remedy_of_value(line, column)
    return f"{message[:1].lower()}{message[1:]}", 'write key = value, text in "quotes"'


def _remedy_of_value(line: str, column: int) -> str:
    """What to write instead of the value on this line."""
    if any(quote in line[max(column - 2, 0) :] for quote in _CURLY_QUOTES):
        return 'use straight quotes: "text"'
    pair = _PAIR.match(_without_password(line))
    if pair is None:
        return 'write key = value, text in "quotes"'
    key = shorten(pair.group(1))
    value = pair.group(2)
    bare = shorten(value.partition("#")[0].strip(" \t"))
    if not bare.isprintable():
        return "take the invisible characters out"
    if not bare:
        return f"give {key} a value, or take the line out"
    for pattern, template in _SLIPS:
        slip = re.fullmatch(pattern, bare, re.IGNORECASE)
        if slip is not None:
            return template.format(*slip.groups(), key=key, lower=bare.lower())
    if value[0] in "\"'[{" or "=" in bare:
        return 'write text in "quotes", one key = value on a line, and # before a comment'
    return f'write text in quotes: {key} = "{bare}"'


# Values as people write them, and how TOML wants them.
_SLIPS = (
    (r"true|false", "write it in small letters: {key} = {lower}"),
    (r"yes|on", "write {key} = true"),
    (r"no|off", "write {key} = false"),
    (r"([+-]?\d+),(\d+)", "write a decimal point: {key} = {0}.{1}"),
    (r"([+-]?)(\.\d+)", "write a 0 before the point: {key} = {0}0{1}"),
    (r"([+-]?\d+)\.", "write the number without the point: {key} = {0}"),
    (r"0+([1-9]\d*)", "write it without the leading 0: {key} = {0}"),
    (
        r"([+-]?\d+(?:\.\d+)?)\s*(?:[mk]?[avw]h?|amps?|ampere|volts?|watts?|m?s|sec|seconds|min|h|%)",
        ("write the number alone, the key says the unit: {key} = {0}"),
    ),
)


def _excerpt(line: str, column: int) -> tuple[str, str]:
    """The line, cut to what fits, and a pointer below it; both printable."""
    line = _without_password(line)
    start = max(0, column - 1 - _LONGEST_QUOTED // 2) if len(line) > _LONGEST_QUOTED else 0
    part = "".join(_visible(character) for character in line[start : start + _LONGEST_QUOTED])
    before = cell_len(part[: column - 1 - start])
    return f"{_INDENTATION}{part}".rstrip(), f"{_INDENTATION}{' ' * before}^"


def _without_password(line: str) -> str:
    return _PASSWORD.sub(r"\1...", line)


def _visible(character: str) -> str:
    if character == "\t":
        return " "  # one column, as the parser counts
    return character if character.isprintable() else "?"
