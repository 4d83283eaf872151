"""The EVSEs of a site, each with the reason of its limit, on terminals of any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from edge.cli.roomy import fits, in_line, table

REASON_COLUMNS = 43  # beside the table: less would break each reason into many lines


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseTable:
    """The EVSEs side by side with their reasons; where the terminal has no room for those, one below the other."""

    title: str
    headings: Sequence[str]
    why: str  # above the reasons
    rows: Sequence[Sequence[Text]]  # a cell of each heading
    reasons: Sequence[Text]  # of each row

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if fits(console, options, table(self.title, self.headings, self.rows), REASON_COLUMNS):
            whole = [(*row, reason) for row, reason in zip(self.rows, self.reasons, strict=True)]
            yield table(self.title, (*self.headings, self.why), whole)
            return
        yield Text(self.title, style="italic")
        for row, reason in zip(self.rows, self.reasons, strict=True):
            station, evse, *rest = row
            yield Text.assemble(station, "/", evse, ": ", in_line(self.headings[2:], rest))
            yield Padding(reason, (0, 0, 0, 4))
