"""A disk in memory that forgets what a power cut may take: implements :class:`edge.whole_file.Files`."""

import asyncio
import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


class PowerCut(BaseException):
    """Nothing runs any more."""


@dataclass
class FlakyFiles:
    """``kept`` is what is on the disk for certain, ``seen`` what the running system shows. The power fails before the
    operation ``fails_at`` (from 0)."""

    kept: dict[Path, bytes] = field(default_factory=dict)
    seen: dict[Path, bytes] = field(default_factory=dict)
    solid: set[bytes] = field(default_factory=set)  # bodies that were synced
    operations: int = 0
    fails_at: int | None = None

    def write(self, file: Path, body: bytes) -> None:
        self._operate()
        self.seen[file] = body

    def sync(self, place: Path) -> None:
        self._operate()
        if place in self.seen:
            self.solid.add(self.seen[place])
        else:
            self.kept = dict(self.seen)

    def rename(self, file: Path, to: Path) -> None:
        self._operate()
        self.seen[to] = self.seen.pop(file)

    def after_a_cut(self, file: Path) -> Iterator[bytes | None]:
        """All that the file may hold then: its name as kept or as seen, and of a body that wasn't synced any part."""
        for names in (self.kept, self.seen):
            body = names.get(file)
            yield body
            if body is not None and body not in self.solid:
                yield from (body[: len(body) // 2], b"")

    def _operate(self) -> None:
        if self.operations == self.fails_at:
            raise PowerCut
        self.operations += 1


class SlowFiles:
    """Each write takes until it is let go. Counts how many are in it at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.entered = asyncio.Event()
        self.go_on = threading.Event()
        self.written: list[bytes] = []
        self._inside = 0
        self.most_inside = 0

    def write(self, file: Path, body: bytes) -> None:  # noqa: ARG002 - of Files
        self._inside += 1
        self.most_inside = max(self.most_inside, self._inside)
        self._loop.call_soon_threadsafe(self.entered.set)
        self.go_on.wait(timeout=60)
        self.written.append(body)

    def sync(self, place: Path) -> None: ...

    def rename(self, file: Path, to: Path) -> None:  # noqa: ARG002 - of Files
        self._inside -= 1


class FullFiles:
    """Has no room while ``full``."""

    def __init__(self) -> None:
        self.full = True
        self.written: list[bytes] = []

    def write(self, file: Path, body: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        self.written.append(body)

    def sync(self, place: Path) -> None: ...
    def rename(self, file: Path, to: Path) -> None: ...
