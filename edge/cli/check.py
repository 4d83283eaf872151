"""``edge check FILE``: every finding in a site file."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.findings import read
from edge.cli.verdict import lines


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The site file.", show_default=False, readable=False)],
) -> None:
    """Check a site file. Exit code 0 if it is sound, 2 if not, with every finding."""
    configuration = read(file)
    for line in lines(file, configuration.notes):
        typer.echo(line)
