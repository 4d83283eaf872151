"""Options that several verbs share, and how their values are checked."""

import math
from typing import Annotated, Final

import typer

from simulators.errors import ScenarioError
from simulators.site import Endpoint, parse_endpoint

DEFAULT_FEEDER: Final = "127.0.0.1:5021"  # beside the demo's meter on 5020

ForOption = Annotated[
    float | None,
    typer.Option("--for", metavar="SECONDS", help="Stop by itself after so many seconds of the scenario."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object with the result, nothing else.")]
ScenarioOption = Annotated[
    str, typer.Option("--scenario", metavar="NAME|FILE", help="A ready scenario or the path of a .toml file.")
]
FeederOption = Annotated[
    str, typer.Option("--feeder", metavar="HOST:PORT", help="Where the meter listens for what the chargers draw.")
]


def duration_s(value: float | None) -> float | None:
    """A --for value in seconds. Raises ScenarioError."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ScenarioError(f"--for: must be a number of seconds above 0, not {value:g}")
    return value


def endpoint(option: str, text: str | None, default: Endpoint | None) -> Endpoint:
    """The address given with `option`, or the default. Raises ScenarioError."""
    if text is not None:
        return parse_endpoint(text, what=option)
    if default is None:
        raise ScenarioError(f"{option}: is missing, and the scenario's site has no cloud (no upstream)")
    return default
