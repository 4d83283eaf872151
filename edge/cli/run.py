"""``edge run --config site.toml``: the controller."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.findings import read
from edge.cli.loading import no_litter
from edge.config import Configuration
from edge.errors import StartError
from edge.system.logs import LogFormat, LogLevel, configure

# A day and a half of 200 EVSEs, or more than a week of eight: what happened on Saturday is there on Monday.
RECORD_MB = 64
JOURNAL = "journal.db"  # see edge.storage.store


def run(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The site file.", show_default=False, readable=False)
    ],
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="PATH",
            help="The control socket's path. Default: $EDGE_SOCKET, or one in the run-time folder.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How a line looks; auto: human on a terminal, else JSON.")
    ] = LogFormat.AUTO,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="The least severe line that is written.")
    ] = LogLevel.INFO,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FOLDER",
            help="Record every decision into this folder, for edge replay; the oldest are deleted.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    record_mb: Annotated[
        int | None,
        typer.Option(
            "--record-mb",
            metavar="MB",
            min=1,
            help=f"The most that the recording may take on disk. Default: {RECORD_MB}.",
            show_default=False,
        ),
    ] = None,
    lock: Annotated[int | None, typer.Option("--lock", hidden=True)] = None,  # for edge commission, which holds it
) -> None:
    """Run the controller until SIGTERM or SIGINT."""
    if record is None and record_mb is not None:
        raise typer.BadParameter(
            "says how much to record, but not where: give --record FOLDER", param_hint="--record-mb"
        )
    configuration = read(config)
    _leave_nothing_behind(configuration)
    configure(form=log_format, level=log_level)
    # Here, since a check or a status shouldn't wait for all that the daemon imports.
    with no_litter():
        from edge import daemon
        from edge.record_set_up import RecordTo

    place = RecordTo(folder=record, most_bytes=(record_mb or RECORD_MB) * 1_000_000) if record else None
    daemon.run(configuration, socket_path=socket, record=place, lock=lock)


def _leave_nothing_behind(configuration: Configuration) -> None:
    """A relative storage folder was one of the working folder once, in this verb alone.

    :raises StartError: a journal is there, and none where the site file means.
    """
    if configuration.relative_storage is None:
        return
    meant, before = Path(configuration.storage.path), Path(configuration.relative_storage).absolute()
    if (before / JOURNAL).exists() and not (meant / JOURNAL).exists():
        raise StartError(
            f'[storage] path = "{configuration.relative_storage}" means {meant}, from the site file\'s folder on, and '
            f"the journal lies in {before}",
            remedy=f'move it there (mv {before} {meant}), or write path = "{before}"',
        )
