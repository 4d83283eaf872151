"""``edge journal``: messages that the cloud refuses or fails to take, or the disk has damaged: seen, and sent again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer

from edge.cli.findings import read
from edge.cli.places import SITE_FILE, ConfigPath
from edge.domain.journal import Entry
from edge.errors import ProblemUnusable
from edge.storage.entry_file import EntryFile
from edge.storage.sums import DAMAGED

app = typer.Typer(help="Messages for the cloud that were set aside or deferred.", no_args_is_help=True)


@app.command("list")
def list_(
    config: ConfigPath = SITE_FILE, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the messages that were set aside or deferred, and why. Deferred ones are sent again by themselves."""
    with _file(config) as file:
        found, deferred = file.set_aside(), file.deferred()
        waiting = file.pending()
    if as_json:
        told = {"pending": waiting, "set_aside": _rows(found), "deferred": _rows(deferred)}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    for entry in found:
        typer.echo(_line(entry))
    for entry in deferred:
        typer.echo(f"{_line(entry)}; it is sent again by itself")
    some = f" ({len(deferred)} of them deferred)" if deferred else ""
    typer.echo(f"{len(found)} set aside, {waiting} on their way{some}")


@app.command()
def resend(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="NUMBER", help="As edge journal list shows them.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are set aside or deferred.")] = False,
    config: ConfigPath = SITE_FILE,
) -> None:
    """Have messages tried again now, in their order. Those that were set aside, and deferred ones."""
    if bool(numbers) == all_:
        raise ProblemUnusable("which messages?", remedy="give their numbers, or --all")
    with _file(config) as file:
        found = [*file.set_aside(), *file.deferred()]
        damaged = [entry.seq for entry in found if entry.reason == DAMAGED]
        numbers = numbers or [entry.seq for entry in found if entry.seq not in damaged]
        file.resend(numbers)
    typer.echo(f"{len(numbers)} to be sent again")
    if all_ and damaged:
        typer.echo(f"{len(damaged)} stay: their bytes have changed on the disk (edge journal list)")


def _rows(entries: Sequence[Entry]) -> list[dict[str, object]]:
    return [{"number": e.seq, "station": e.station, "action": e.action, "reason": e.reason} for e in entries]


def _line(entry: Entry) -> str:
    return f"{entry.seq}: {entry.station}, {entry.action} of {entry.taken_at:%Y-%m-%d %H:%M} UTC: {entry.reason}"


@contextmanager
def _file(config: Path) -> Iterator[EntryFile]:
    yield EntryFile(Path(read(config).storage.path))
