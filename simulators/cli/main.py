"""The entry of `edge-sim`: verbs, exit codes (0 done, 1 failed while running, 2 wrong input), one-sentence errors."""

import sys

import typer

from simulators.cli.bms import bms
from simulators.cli.charger import charger
from simulators.cli.csms import csms
from simulators.cli.demo import demo
from simulators.cli.meter import meter
from simulators.cli.run import run
from simulators.cli.soak import soak
from simulators.errors import SimulatorError

app = typer.Typer(
    name="edge-sim",
    help="Simulated chargers, meter, cloud and building for the edge controller, and a demo of them all.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verb in (demo, run, soak, charger, meter, csms, bms):
    app.command()(verb)


def main() -> None:
    """Run the command line and exit."""
    try:
        code = app(standalone_mode=False)
    except SimulatorError as exc:
        typer.echo(f"edge-sim: {exc}", err=True)
        sys.exit(exc.exit_code)
    except typer.TyperException as exc:
        typer.echo(f"edge-sim: {exc.format_message()}", err=True)
        sys.exit(exc.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
