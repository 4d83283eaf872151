"""``edge journal``: messages that the cloud refused for good, or the disk has damaged, to be seen and sent again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer

from edge.cli.findings import read
from edge.cli.places import SITE_FILE, ConfigPath
from edge.errors import ProblemUnusable
from edge.storage.entry_file import EntryFile
from edge.storage.sums import DAMAGED

app = typer.Typer(help="The messages for the cloud that were set aside.", no_args_is_help=True)


@app.command("list")
def list_(
    config: ConfigPath = SITE_FILE, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the messages that were set aside, and why."""
    with _file(config) as file:
        found = file.set_aside()
        waiting = file.pending()
    if as_json:
        rows = [{"number": e.seq, "station": e.station, "action": e.action, "reason": e.reason} for e in found]
        typer.echo(orjson.dumps({"pending": waiting, "set_aside": rows}, option=orjson.OPT_INDENT_2).decode())
        return
    for entry in found:
        typer.echo(
            f"{entry.seq}: {entry.station}, {entry.action} of {entry.taken_at:%Y-%m-%d %H:%M} UTC: {entry.reason}"
        )
    typer.echo(f"{len(found)} set aside, {waiting} on their way")


@app.command()
def resend(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="NUMBER...", help="As edge journal list shows them.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are set aside.")] = False,
    config: ConfigPath = SITE_FILE,
) -> None:
    """Have messages that were set aside tried again, in their order."""
    if bool(numbers) == all_:
        raise ProblemUnusable("which messages?", remedy="give their numbers, or --all")
    with _file(config) as file:
        found = file.set_aside()
        damaged = [entry.seq for entry in found if entry.reason == DAMAGED]
        numbers = numbers or [entry.seq for entry in found if entry.seq not in damaged]
        file.resend(numbers)
    typer.echo(f"{len(numbers)} to be sent again")
    if all_ and damaged:
        typer.echo(f"{len(damaged)} stay: their bytes have changed on the disk (edge journal list)")


@contextmanager
def _file(config: Path) -> Iterator[EntryFile]:
    yield EntryFile(Path(read(config).storage.path))
