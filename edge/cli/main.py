"""The command ``edge``: its verbs, and what becomes of an error.

Exit codes: 0 done, 1 failed while running, 2 wrong input, 130 interrupted, 141 nobody reads on (``| head``). An error
is told on stderr in one sentence (a site file's, in one line for each finding), never as a traceback.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from edge import __version__
from edge.cli.loading import no_litter
from edge.cli.verdict import lines
from edge.errors import (
    ConfigurationError,
    EdgeError,
    EntryUnknown,
    EvseUnknown,
    NeedImplausible,
    ProblemUnusable,
    RecordingUnusable,
    SetupLeft,
    SetupStopped,
    TokenUnusable,
)

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as a shell has it
UNREAD = 141  # 128 + SIGPIPE: who has read enough is no failure of ours
STDOUT = "standard output"
# Of a file that was opened here a full disk is told by the room that writes it; what has no name is what is printed.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# Each verb, and where below edge.cli it is: a function, or the group of its own verbs. Loaded is what is asked for:
# the whole house takes a small computer seconds.
VERBS: Final[Mapping[str, str]] = {
    "run": "run:run",
    "setup": "setup:setup",
    "commission": "commission:commission",
    "doctor": "doctor:doctor",
    "health": "health:health",
    "support-bundle": "care:support_bundle",
    "backup": "care:backup",
    "restore": "care:restore",
    "factory-reset": "care:factory_reset",
    "check": "check:check",
    "allocate": "allocate:allocate",
    "key": "key:key",
    "status": "status:status",
    "need": "need:need",
    "trace": "trace:trace",
    "replay": "replay:replay",
    "token": "token:app",
    "journal": "journal:app",
    "report": "report:app",
    "points": "points:points",
    "meter": "meter:app",
    "station": "station:app",
}


class _Verbs(TyperGroup):
    """The verbs. Where whoever read has gone there is nobody to tell anything, and nothing has failed."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        with _while_it_is_read():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        with _while_it_is_read():
            return super().invoke(ctx)


@contextlib.contextmanager
def _while_it_is_read() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(UNREAD) from None


def application(words: Sequence[str]) -> typer.Typer:
    """The command line with the verb that the words ask for; with all of them where it is none that there is."""
    app = typer.Typer(
        name="edge",
        cls=_Verbs,
        help="Keeps a site's chargers under its fuses, and their cloud in the picture.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # errors and help as plain text: for a pipe as for a terminal
    )
    app.callback()(_options)
    asked = next((word for word in words if not word.startswith("-")), "")
    for name in _wanted(asked, words):
        module, _, attribute = VERBS[name].partition(":")
        with no_litter():
            verb = getattr(import_module(f"edge.cli.{module}"), attribute)
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name)
        else:
            app.command(name)(verb)
    return app


def _wanted(asked: str, words: Sequence[str]) -> Iterable[str]:
    if asked in VERBS:
        return (asked,)
    return () if "--version" in words else VERBS


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edge {__version__}")
        raise typer.Exit


def _options(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What holds for every verb."""


def main() -> None:
    """Run the command line of this process, and exit."""
    _open_what_is_closed()
    _show_what_can_be_shown()
    try:
        application(sys.argv[1:])(prog_name="edge")
    except ConfigurationError as error:
        _tell("\n".join(lines(error.path, error.findings)))
        sys.exit(WRONG_INPUT)
    except SetupLeft as error:
        _hear_no_more()
        _tell(f"edge: {error}")
        sys.exit(INTERRUPTED)
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
        _hear_no_more()
        if sys.stderr.isatty():
            _tell("")  # the terminal has written ^C, and the shell's prompt would stand behind it
        sys.exit(INTERRUPTED)
    except OSError as error:  # what no room has foreseen: a full disk, a closed terminal
        where = f"{error.filename or STDOUT}: " if error.filename or error.errno in _FULL else ""
        who = "; use sudo" if isinstance(error, PermissionError) and os.geteuid() != 0 else ""
        _tell(f"edge: {where}{error.strerror or error}{who}")
        _let_go_of_stdout()
        sys.exit(FAILED)
    except Exception as error:
        _tell(f"edge: a fault of this program: {type(error).__name__}: {error}")
        sys.exit(FAILED)


def _open_what_is_closed() -> None:
    """A standard stream that whoever started us has closed: its number would be given to a file of the journal, and
    who asks a terminal for something finds no object.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - for as long as the program runs
            setattr(sys, name, nothing)  # the lowest number that was free


def _show_what_can_be_shown() -> None:
    """In an 8-bit locale a sign that the terminal hasn't is a question mark, and the rest is told all the same."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _hear_no_more() -> None:
    """Who leaves in a hurry presses Ctrl-C more than once: in Python's own end, which takes its handlers away, the next
    one would kill, and be the exit code."""
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(each) is signal.default_int_handler:
            signal.signal(each, signal.SIG_IGN)


def _tell(text: str) -> None:
    typer.echo(text, err=True)


def _let_go_of_stdout() -> None:
    """What it has not taken it would be given again at the end of the interpreter, which prints a traceback of that."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
