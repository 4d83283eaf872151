"""The command ``edge``: its verbs, and what becomes of an error.

Exit codes: 0 done, 1 failed while running, 2 wrong input, 130 interrupted. An error is told on stderr in one sentence
(a site file's, in one line for each finding), never as a traceback.
"""

import sys
from typing import Annotated

import typer

from edge import __version__
from edge.cli import (
    allocate,
    care,
    check,
    commission,
    doctor,
    health,
    journal,
    key,
    meter_read,
    meter_scan,
    meter_verify,
    need,
    points,
    replay,
    report,
    run,
    setup,
    station,
    status,
    token,
    trace,
)
from edge.cli.findings import lines
from edge.errors import (
    ConfigurationError,
    EdgeError,
    EntryUnknown,
    EvseUnknown,
    NeedImplausible,
    ProblemUnusable,
    RecordingUnusable,
    SetupStopped,
    TokenUnusable,
)

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as a shell has it

app = typer.Typer(
    name="edge",
    help="Keeps a site's chargers under its fuses, and their cloud in the picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # errors and help as plain text: for a pipe as for a terminal
)
app.command("run")(run.run)
app.command("setup")(setup.setup)
app.command("commission")(commission.commission)
app.command("doctor")(doctor.doctor)
app.command("health")(health.health)
app.command("support-bundle")(care.support_bundle)
app.command("backup")(care.backup)
app.command("restore")(care.restore)
app.command("factory-reset")(care.factory_reset)
app.command("check")(check.check)
app.command("allocate")(allocate.allocate)
app.command("key")(key.key)
app.command("status")(status.status)
app.command("need")(need.need)
app.command("trace")(trace.trace)
app.command("replay")(replay.replay)
app.add_typer(token.app, name="token")
app.add_typer(journal.app, name="journal")
app.add_typer(report.app, name="report")
app.command("points")(points.points)
meter = typer.Typer(
    help="Find, read and prove the site's meters. They are read only, never written to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
meter.command("scan")(meter_scan.scan)
meter.command("read")(meter_read.read)
meter.command("verify")(meter_verify.verify)
app.add_typer(meter, name="meter")
stations = typer.Typer(
    help="The charging stations: who is there, who waits, and taking them in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
stations.command("list")(station.list_stations)
stations.command("adopt")(station.adopt)
stations.command("identify")(station.identify)
app.add_typer(stations, name="station")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What holds for every verb."""


def main() -> None:
    """Run the command line of this process, and exit."""
    try:
        app(prog_name="edge")
    except ConfigurationError as error:
        _tell("\n".join(lines(error.path, error.findings)))
        sys.exit(WRONG_INPUT)
    except (
        EntryUnknown,
        EvseUnknown,
        NeedImplausible,
        ProblemUnusable,
        RecordingUnusable,
        SetupStopped,
        TokenUnusable,
    ) as error:
        _tell(f"edge: {error}")
        sys.exit(WRONG_INPUT)
    except EdgeError as error:
        _tell(f"edge: {error}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:  # what no room has foreseen: a full disk, a closed terminal
        _tell(f"edge: {error.strerror or error}")
        sys.exit(FAILED)
    except Exception as error:
        _tell(f"edge: a fault of this program: {type(error).__name__}: {error}")
        sys.exit(FAILED)


def _tell(text: str) -> None:
    typer.echo(text, err=True)
