"""The EVSEs of a site, each with the reason of its limit, on terminals of any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

REASON_COLUMNS = 43  # beside the table: less would break each reason into many lines


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseTable:
    """The EVSEs side by side with their reasons; where the terminal has no room for those, one below the other."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Text]]  # a cell of each heading
    reasons: Sequence[Text]  # of each row

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bare = self._table(self.headings, self.rows)
        if Measurement.get(console, options, bare).maximum + REASON_COLUMNS <= options.max_width:
            whole = [(*row, reason) for row, reason in zip(self.rows, self.reasons, strict=True)]
            yield self._table((*self.headings, "why"), whole)
            return
        yield Text(self.title, style="italic")
        for row, reason in zip(self.rows, self.reasons, strict=True):
            station, evse, *rest = row
            told = [Text.assemble(f"{name} ", cell) for name, cell in zip(self.headings[2:], rest, strict=True)]
            yield Text.assemble(station, "/", evse, ": ", Text(", ").join(told))
            yield Padding(reason, (0, 0, 0, 4))

    def _table(self, headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
        table = Table(title=self.title, title_justify="left", expand=False)
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*row)
        return table
