"""Where what outlives the program is kept, as far as the rules need to know."""

from collections.abc import Callable
from typing import Protocol

Done = Callable[[str | None], None]  # None: the text is on the disk; else why the one before still is


class Shelf(Protocol):
    """One text for each station."""

    def load(self, station: str) -> str | None:
        """The text that was saved last; None when there is none. Raises ShelfUnusable when the disk fails."""

    def save(self, station: str, text: str, done: Done) -> None:
        """Keep the text instead of the one before. ``done`` hears of it once: before this returns, or in the loop when
        the disk has taken its time. Until then no other text of the station is to be saved."""

    def set_aside(self, station: str) -> None:
        """The text can't be used: keep it out of the way, for people to look at. Raises ShelfUnusable."""
