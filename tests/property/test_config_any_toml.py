"""Lines of keys in any TOML document, against the parser's own account of what is in it."""

import re
from collections.abc import Iterator
from typing import Any

import tomli
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from edge.config.locate import Path, locate

FIRST_SERIAL = 900_001  # every value is a number that occurs once in its document, so its line is known
DECOYS = (
    "'[[x]] # \"'",
    '"a = 1 # \\" \\\\"',
    '"""\n[t]\nk = 1 # \\"""\n"" """',
    "'''\n[[t]]\n'k' = {\n'''",
    '"""x""\\\n  y"""""',
    "1979-05-27 07:32:00",
    "true",
    "-inf",
)
COMMENTS = ("", " # c = [", ' # "', " # '''")


class Serial:
    """Hands out numbers and key names that no other part of the document has."""

    def __init__(self) -> None:
        self._next = FIRST_SERIAL

    def number(self) -> str:
        self._next += 1
        return str(self._next)

    def key(self, draw: st.DrawFn) -> str:
        name = f"k{self.number()[2:]}"
        return draw(st.sampled_from((name, f"'{name} .#'", f'"{name}=\\u0041\\""', f"'{name}'", f'"{name}\\t]"')))


def _break(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(("", " ", "\n", " # , ] }\n ", "\n\n")))


def _value(draw: st.DrawFn, serial: Serial, depth: int) -> str:
    kind = draw(st.sampled_from(("number", "number", "decoy", "array", "table") if depth else ("number", "decoy")))
    match kind:
        case "number":
            return serial.number()
        case "decoy":
            return draw(st.sampled_from(DECOYS))
        case "array":
            parts = [_value(draw, serial, depth - 1) for _ in range(draw(st.integers(0, 3)))]
            opening, closing = "[", "]"
        case _:
            parts = [_pair(draw, serial, depth - 1) for _ in range(draw(st.integers(0, 3)))]
            opening, closing = "{", "}"
    text = opening
    for part in parts:
        text += _break(draw) + part + _break(draw) + ","
    has_last_comma: bool = draw(st.booleans())
    if parts and not has_last_comma:
        text = text[:-1]
    return text + _break(draw) + closing


def _pair(draw: st.DrawFn, serial: Serial, depth: int) -> str:
    names = [serial.key(draw) for _ in range(draw(st.integers(1, 3)))]
    dot, equals = draw(st.sampled_from((".", " . "))), draw(st.sampled_from(("=", " = ", "\t=")))
    return f"{dot.join(names)}{equals}{_value(draw, serial, depth)}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Documents with tables, arrays of tables, tables in those, and every kind of value."""
    serial = Serial()
    lines: list[str] = []

    def pairs() -> None:
        for _ in range(draw(st.integers(0, 3))):
            lines.append(draw(st.sampled_from(("", "  "))) + _pair(draw, serial, 2) + draw(st.sampled_from(COMMENTS)))
            lines.extend([""] * draw(st.integers(0, 1)))

    pairs()
    for _ in range(draw(st.integers(0, 4))):
        name = serial.key(draw)
        if draw(st.booleans()):
            lines.append(f"[{name}]{draw(st.sampled_from(COMMENTS))}")
            pairs()
            if draw(st.booleans()):
                lines.append(f"[ {name} . {serial.key(draw)} ]")
                pairs()
            continue
        inner, plain = serial.key(draw), serial.key(draw)
        for _ in range(draw(st.integers(1, 3))):
            lines.append(f"[[{name}]]{draw(st.sampled_from(COMMENTS))}")
            pairs()
            for _ in range(draw(st.integers(0, 2))):
                lines.append(f"[[{name}.{inner}]]")
                pairs()
            if draw(st.booleans()):
                lines.append(f"[{name}.{plain}]")
                pairs()
    return "\n".join(lines) + draw(st.sampled_from(("", "\n")))


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every path of a parsed document with what is there."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*path, index))


def check(text: str) -> None:
    found = locate(text)
    content = dict(walk(tomli.loads(text)))
    assert set(found) == set(content)
    for path, value in content.items():
        if isinstance(value, int) and value > FIRST_SERIAL:
            place = re.search(rf"\b{value}\b", text)
            assert place is not None
            assert found[path] == text.count("\n", 0, place.start()) + 1, path
        # A table begins no later than what is in it.
        assert all(found[path[:length]] <= found[path] for length in range(1, len(path)))


@given(documents())
def test_every_path_has_the_line_of_its_value(text: str) -> None:
    """Exactly the parser's paths are located, and each number at the line where it stands."""
    check(text)


@given(documents())
def test_line_endings_of_windows_change_no_line(text: str) -> None:
    """CR LF counts as one line."""
    assert locate(text.replace("\n", "\r\n")) == locate(text)


KEYS = st.text(st.characters(codec="utf-8"), max_size=6)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Documents as values; tomlkit lays them out."""
    serial = Serial()
    leaf = st.builds(lambda: int(serial.number()))
    tree = st.recursive(
        leaf | KEYS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(KEYS, inner, max_size=3)
            | st.lists(st.dictionaries(KEYS, inner, min_size=1, max_size=3), min_size=1, max_size=3)
        ),
        max_leaves=12,
    )
    return draw(st.dictionaries(KEYS, tree, max_size=5))


@given(trees())
def test_documents_as_tomlkit_writes_them(tree: dict[str, Any]) -> None:
    """Any keys and any nesting, as another library writes them."""
    check(tomlkit.dumps(tree))
