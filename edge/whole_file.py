"""Small files: there whole or not at all, whatever happens while they are written; and what may stand in them."""

import asyncio
import math
import os
from pathlib import Path
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Files(Protocol):
    """What of a disk is needed to replace a file. Each raises OSError where the disk refuses."""

    def write(self, file: Path, body: bytes) -> None:
        """Make the file, or make it anew, with its folder; nothing of it need outlast a power cut."""

    def sync(self, place: Path) -> None:
        """What the file holds, or which names the folder has, outlasts a power cut from now on."""

    def rename(self, file: Path, to: Path) -> None:
        """Put the file in the place of another in one step."""


class SystemFiles:
    """Those of the operating system."""

    def write(self, file: Path, body: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)

    def sync(self, place: Path) -> None:
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, file: Path, to: Path) -> None:
        file.replace(to)


DISK = SystemFiles()


def write_whole(file: Path, body: bytes, files: Files = DISK) -> None:
    """Replace the file. A power cut at any moment leaves the old one or the new one, and the new one afterwards.

    :raises OSError: the disk refuses; the old one stays.
    """
    draft = file.with_suffix(".new")
    files.write(draft, body)
    files.sync(draft)  # else the new name may be on the disk before what it stands for
    files.rename(draft, file)
    files.sync(file.parent)


class Writing:
    """A file that is replaced by another thread, so that a disk that stalls costs no tick.

    One body is written at a time. Of those that come meanwhile the newest is written next, the others never.
    """

    def __init__(self, file: Path, files: Files = DISK) -> None:
        self._file = file
        self._files = files
        self._next: bytes | None = None
        self._task: asyncio.Task[None] | None = None
        self.failed = False  # the last body isn't on the disk

    def begin(self, body: bytes) -> None:
        """Have the file replaced with this."""
        self._next = body
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write(), name=f"writes {self._file.name}")

    async def done(self) -> None:
        """Return when the newest body is written, or can't be."""
        if self._task is not None:
            await self._task

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next is not None:
            body, self._next = self._next, None
            try:
                await loop.run_in_executor(None, write_whole, self._file, body, self._files)
            except OSError as exc:
                # A disk that is full or read-only is no reason to stop.
                if not self.failed:
                    log.warning("can't be remembered", file=str(self._file), problem=exc.strerror or str(exc))
                self.failed = True
            else:
                if self.failed:
                    log.info("can be remembered again", file=str(self._file))
                self.failed = False


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
