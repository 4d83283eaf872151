"""Small files: there whole or not at all, whatever happens while they are written; and what may stand in them."""

import asyncio
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


class Writing:
    """A file that is replaced by another thread, one body at a time: a disk that stalls costs no tick."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._under_way: asyncio.Future[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a body is being written: the next has to wait."""
        return self._under_way is not None and not self._under_way.done()

    def begin(self, body: bytes) -> None:
        """Replace the file with this."""
        self._under_way = asyncio.get_running_loop().run_in_executor(None, write_whole, self._file, body)

    async def done(self) -> None:
        """Return when what is under way is written."""
        if self._under_way is not None:
            with contextlib.suppress(OSError):
                await self._under_way


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
