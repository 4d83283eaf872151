"""What happened in a world, as bytes: the same seed writes the same."""

import hashlib
from collections.abc import Callable
from typing import Final

KEPT_LINES: Final = 400  # the tail shown with a failure


class History:
    """Every event is a line `seconds place what`. All of them go into the digest; the lines themselves are kept if
    asked for (`keeps_all`), else only the last ones.
    """

    def __init__(self, now: Callable[[], float], *, keeps_all: bool = False) -> None:
        self._now = now
        self._keeps_all = keeps_all
        self._digest = hashlib.sha256()
        self._lines: list[bytes] = []
        self.events = 0

    def add(self, place: str, what: str) -> None:
        """It happens now."""
        line = f"{self._now():.6f} {place} {what}\n".encode()
        self._digest.update(line)
        self.events += 1
        self._lines.append(line)
        if not self._keeps_all and len(self._lines) > 2 * KEPT_LINES:
            del self._lines[:KEPT_LINES]

    @property
    def digest(self) -> str:
        """SHA-256 of every line until now."""
        return self._digest.hexdigest()

    def text(self) -> bytes:
        """The lines that are kept."""
        return b"".join(self._lines)
