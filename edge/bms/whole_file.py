"""Small files: there whole or not at all, whatever happens while they are written; and what may stand in them."""

import contextlib
import math
from pathlib import Path


def write_whole(file: Path, body: bytes) -> None:
    """Replace the file. A disk that is full or read-only is no reason to stop: then the old one stays."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(body)
        draft.replace(file)


def at_least_0(number: object, *, most: float = math.inf) -> float:
    """An amount out of a file.

    :raises ValueError: it is below 0, above ``most``, or without end.
    :raises TypeError: it is no number.
    """
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{number!r} is no number")
    if not 0 <= number <= most or number == math.inf:
        raise ValueError(f"{number} isn't from 0 to {most:g}")
    return float(number)
