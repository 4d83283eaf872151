"""``python -m tests.benchmarks [NAME ...]``: run the benchmarks named, or all, and print one table."""

import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import decision, journal, metering, relay, solve, tick

BENCHMARKS = {
    "decision": decision.figures,
    "journal": journal.figures,
    "metering": metering.figures,
    "relay": relay.figures,
    "solve": solve.figures,
    "tick": tick.figures,
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)  # noqa: T201
        return 2
    console = Console(width=130)
    for name in names:
        table = Table(title=name, title_justify="left", show_header=False)
        for figure in BENCHMARKS[name]():
            table.add_row(figure.what, figure.value)
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
