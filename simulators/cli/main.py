"""The entry of `edge-sim`: verbs, exit codes (0 done, 1 failed while running, 2 wrong input, 130 interrupted), and
errors of one sentence.
"""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import typer

from simulators.errors import SimulatorError

FAILED: Final = 1
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell has it

# Each verb is the function of that name in the module of that name. Loaded is what is asked for: all of it is seconds.
VERBS: Final[Mapping[str, str]] = {
    name: f"simulators.cli.{name}" for name in ("demo", "run", "soak", "charger", "meter", "csms", "bms")
}


def application(words: Sequence[str]) -> typer.Typer:
    """The command line with the verb that the words ask for; with all of them where it is none that there is."""
    app = typer.Typer(
        name="edge-sim",
        help="Simulated chargers, meter, cloud and building for the edge controller, and a demo of them all.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    asked = next((word for word in words if not word.startswith("-")), "")
    for name in (asked,) if asked in VERBS else VERBS:
        app.command(name)(getattr(import_module(VERBS[name]), name))
    return app


def _options() -> None:
    """What holds for every verb: nothing; so a verb has its name even where it is the only one that is loaded."""


def main() -> None:
    """Run the command line and exit."""
    try:
        code = application(sys.argv[1:])(standalone_mode=False)
    except SimulatorError as exc:
        typer.echo(f"edge-sim: {exc}", err=True)
        sys.exit(exc.exit_code)
    except typer.TyperException as exc:
        typer.echo(f"edge-sim: {exc.format_message()}", err=True)
        sys.exit(exc.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except OSError as exc:  # what no verb has foreseen: a full disk behind stdout, a closed terminal
        where = f"{exc.filename}: " if exc.filename is not None else ""
        typer.echo(f"edge-sim: {where}{exc.strerror or exc}", err=True)
        _let_go_of_stdout()
        sys.exit(FAILED)
    except Exception as exc:
        typer.echo(f"edge-sim: a fault of this program: {type(exc).__name__}: {exc}", err=True)
        sys.exit(FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _let_go_of_stdout() -> None:
    """What it has not taken it would be given again at the end of the interpreter, which prints a traceback of that."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
