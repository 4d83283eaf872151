"""Changing one value in a frame, and not one character besides.

Signed values are checked against the very bytes, and a number that was ``8.10`` must not become ``8.1``. So the text is
not written anew: the place of the value is found, and only that is replaced.
"""

import re
from json import JSONDecodeError, JSONDecoder, dumps
from typing import Any

_DECODER = JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
# Messages of OCPP have a dozen. To step over each of some 100,000 would take a second, each time that it is sent.
MEMBERS_MOST = 1_000

Step = str | int


class NotFound(ValueError):
    """There is no such value in the text."""


class TooMany(NotFound):
    """An object has more members than can be looked through."""


def replace_value(text: str, path: tuple[Step, ...], literal: str) -> str:
    """``text`` with the JSON ``literal`` in place of the value at ``path``: names of members, numbers of elements.

    Of a name that is there twice the last one counts, as for the parsers of our peers.

    :raises NotFound: it isn't there, or behind more than :data:`MEMBERS_MOST` others, or the text is no JSON.
    """
    first, last = _span(text, path)
    return text[:first] + literal + text[last:]


def set_member(text: str, path: tuple[Step, ...], name: str, literal: str) -> str:
    """As :func:`replace_value` for a member of the object at ``path``; put in front of the others where it is new.

    :raises NotFound: there is no object at ``path``, or one of more than :data:`MEMBERS_MOST` members.
    """
    try:
        return replace_value(text, (*path, name), literal)
    except TooMany:
        raise
    except NotFound:
        first, last = _span(text, path)
    if text[first] != "{":
        raise NotFound("no object to put a member into")
    comma = "" if text[first + 1 : last - 1].strip() == "" else ","
    return f'{text[: first + 1]}"{name}":{literal}{comma}{text[first + 1 :]}'


def with_number(text: str, path: tuple[Step, ...], number: int) -> str:
    """``text`` with another number at ``path``; as it is where there is none."""
    try:
        return replace_value(text, path, str(number))
    except NotFound:
        return text


def with_id(text: str, identifier: str) -> str:
    """The frame ``text`` under another message id."""
    return replace_value(text, (1,), dumps(identifier))


def _span(text: str, path: tuple[Step, ...]) -> tuple[int, int]:
    try:
        at = _skip(text, 0)
        for step in path:
            at = _member(text, at, step) if isinstance(step, str) else _element(text, at, step)
        return at, _end(text, at)
    except (JSONDecodeError, IndexError, RecursionError, StopIteration) as exc:
        raise NotFound("no JSON") from exc


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match is not None else at


def _end(text: str, at: int) -> int:
    end: int = _DECODER.raw_decode(text, at)[1]
    return end


def _element(text: str, at: int, number: int) -> int:
    if text[at] != "[":
        raise NotFound("no array")
    at = _skip(text, at + 1)
    for _ in range(number):
        if text[at] == "]":
            raise NotFound("the array is shorter")
        at = _skip(text, _end(text, at))
        if text[at] != ",":
            raise NotFound("the array is shorter")
        at = _skip(text, at + 1)
    if text[at] == "]":
        raise NotFound("the array is shorter")
    return at


def _member(text: str, at: int, name: str) -> int:
    if text[at] != "{":
        raise NotFound("no object")
    found: int | None = None
    at = _skip(text, at + 1)
    passed = 0
    while text[at] == '"':
        passed += 1
        if passed > MEMBERS_MOST:
            raise TooMany("more members than any message has")
        key: Any
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # over the colon
        if key == name:
            found = at
        at = _skip(text, _end(text, at))
        if text[at] != ",":
            break
        at = _skip(text, at + 1)
    if found is None:
        raise NotFound(f"no member {name}")
    return found
