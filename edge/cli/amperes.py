"""A current as it is typed for an option."""

from collections.abc import Callable

import typer

from edge.config.schema_station import EvseTable
from edge.setup.checks import of_schema, within
from edge.units import Amps

# From 0, as the set-up takes it: with a decimal comma, with its unit, never nan.
_typed = of_schema(EvseTable, "fallback_a")


def amperes(least: Amps, most: Amps) -> Callable[[str | float], Amps]:
    """What makes a current of the text of an option, from ``least`` to ``most``.

    :raises typer.BadParameter: from what is given back; it is none.
    """

    def parsed(said: str | float) -> Amps:
        try:
            return float(within(_typed, most, least=least)(f"{said:g}" if isinstance(said, float) else said))
        except ValueError:
            problem = f"'{said}' is no current from {least:g} to {most:g} A; give for example 16 or 12.5"
            raise typer.BadParameter(problem) from None

    return parsed
