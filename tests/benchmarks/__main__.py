"""``python -m tests.benchmarks [--json FILE] [NAME ...]``: run those named, or all, and print a table of each.

``--json`` keeps the figures, with the machine and its load, and what the file has of other benchmarks.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import decision, journal, live, metering, relay, solve, steps, tick, world
from tests.benchmarks.book import keep

BENCHMARKS = {
    "decision": decision.figures,
    "journal": journal.figures,
    "latency": live.latency,
    "memory": live.memory,
    "metering": metering.figures,
    "onecore": live.onecore,
    "relay": relay.figures,
    "restart": live.restart,
    "solve": solve.figures,
    "steps": steps.figures,
    "storm": live.storm,
    "tick": tick.figures,
    "ticking": live.ticking,
    "world": world.figures,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in it")
    wanted = parser.parse_args()
    names = wanted.names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    console = Console(width=130)
    for name in names:
        table = Table(title=name, title_justify="left", show_header=False)
        figures = list(BENCHMARKS[name]())
        for figure in figures:
            table.add_row(figure.what, figure.value)
        console.print(table)
        if wanted.json is not None:
            keep(wanted.json, name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
