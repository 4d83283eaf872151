"""Where what outlives the program is kept, as far as the rules need to know."""

from typing import Protocol


class Shelf(Protocol):
    """One text for each station. Each method raises ShelfUnusable, and nothing else, when the disk fails."""

    def load(self, station: str) -> str | None:
        """The text that was saved last; None when there is none."""

    def save(self, station: str, text: str) -> None:
        """Keep the text instead of the one before: afterwards it is on the disk, or the one before still is."""

    def set_aside(self, station: str) -> None:
        """The text can't be used: keep it out of the way, for people to look at."""
