"""Tables on terminals of any width: where one has no room for a table, each row is told in a line, no word cut in two.

Half of a current in one line and half in the next is another current, and half an address is none.
"""

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_ENDLESS = 1_000_000
_WITHOUT_TERMINAL = 200  # columns: so that a row stays on its line in a file or a pipe


class _Passing(Console):
    """Leaves it to the command line what becomes of a pipe that nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def on_stdout() -> Console:
    """What shows a table as wide as the terminal, or as a file has it.

    :raises BrokenPipeError: from what it prints: nobody reads on.
    """
    return _Passing(width=None if sys.stdout.isatty() else _WITHOUT_TERMINAL, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomyTable:
    """Rows side by side; where the terminal has no room for the widest, one below the other."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Text]]  # a cell of each heading

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = table(self.title, self.headings, self.rows)
        if fits(console, options, whole):
            yield whole
            return
        yield Text(self.title, style="italic")
        for first, *rest in self.rows:
            yield Text.assemble(first, ": ", in_line(self.headings[1:], rest))


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """The rows below their headings."""
    found = Table(title=title, title_justify="left", expand=False)
    for heading in headings:
        found.add_column(heading, overflow="fold")
    for row in rows:
        found.add_row(*row)
    return found


def fits(console: Console, options: ConsoleOptions, found: RenderableType, beside: int = 0) -> bool:
    """Whether there is room for it as wide as it is, and for so many columns beside it."""
    endless = options.update(max_width=_ENDLESS)  # what is measured is never wider than there is room
    return Measurement.get(console, endless, found).maximum + beside <= options.max_width


def in_line(headings: Sequence[str], cells: Sequence[Text]) -> Text:
    """``link up, status Charging, limit A 6.0``."""
    return Text(", ").join(Text.assemble(f"{name} ", cell) for name, cell in zip(headings, cells, strict=True))
