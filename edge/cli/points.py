"""``edge points``: what a building reads and writes, by topic and register."""

from typing import Annotated

import typer

from edge.bms.listing import FORMATS, Format, rows


def points(
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
) -> None:
    """Print the table of the building's points. Name, unit, scale, MQTT topic, Modbus register,
    access, meaning."""
    typer.echo(FORMATS[form](rows()))
