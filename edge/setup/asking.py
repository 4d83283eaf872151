"""How one question is put: taken from the book where it was answered, else asked until the answer fits."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.setup.book import Book
from edge.setup.checks import YES, YES_NO, Check, among, yes_no
from edge.setup.steps import Ask, Key, Option, Talk

_LONGEST = 60  # letters of a wrong answer that are shown: what is longer was pasted by mistake


def ask(
    book: Book,
    key: Key,
    check: Check,
    *,
    text: str | None = None,
    default: object = None,
    absent: object = None,
    options: Sequence[Option] = (),
    values: Mapping[str, Any] | None = None,
    keep: bool = True,
    is_secret: bool = False,
) -> Talk[Any]:
    """The value of the answer to the question ``key``; ``keep``: note it in the book.

    ``absent`` is what a file of answers means that doesn't have the key; without it, the default.
    """
    refused: str | None = None
    known = book.get(*key)
    if known is not None and keep:
        said = written(known)
        try:
            value = check(said)
        except ValueError:
            book.drop(*key)
            refused = said
        else:
            book.put(key, value)
            return value
    name = text or ".".join(part for part in key if isinstance(part, str))
    shown = written(default) if default is not None else None
    meant = written(absent) if absent is not None else shown
    while True:
        said = yield Ask(
            key=key,
            text=name,
            default=shown,
            absent=meant,
            options=tuple(options),
            values=values or {},
            refused=_cut(refused) if refused is not None else None,
            is_secret=is_secret,
        )
        try:
            value = check(said)
        except ValueError:
            refused = said
            continue
        if keep:
            book.put(key, value)
        return value


def choose(
    book: Book,
    key: Key,
    options: Sequence[Option],
    *,
    text: str | None = None,
    default: str | None = None,
    absent: str | None = None,
    values: Mapping[str, Any] | None = None,
    keep: bool = True,
) -> Talk[str]:
    """The name of one of the options."""
    value: str = yield from ask(
        book,
        key,
        among(options),
        text=text,
        default=default,
        absent=absent,
        options=options,
        values=values,
        keep=keep,
    )
    return value


def agree(
    book: Book,
    text: str,
    *,
    default: str = YES,
    absent: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Talk[bool]:
    """A yes or a no that isn't kept."""
    said = yield from ask(
        book, (text,), yes_no, text=text, default=default, absent=absent, options=YES_NO, values=values, keep=False
    )
    return bool(said == YES)


def written(value: object) -> str:
    """A value as somebody would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(str(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cut(said: str) -> str:
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
