"""``edge run --config site.toml``: the controller."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.findings import read
from edge.system.logs import LogFormat, LogLevel, configure


def run(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The site file.", show_default=False)],
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="PATH",
            help="The control socket's path. Default: $EDGE_SOCKET, or one in the run-time folder.",
            show_default=False,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How a line looks; auto: human on a terminal, else JSON.")
    ] = LogFormat.AUTO,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="The least severe line that is written.")
    ] = LogLevel.INFO,
) -> None:
    """Run the controller until SIGTERM or SIGINT."""
    configuration = read(config)
    configure(form=log_format, level=log_level)
    from edge import daemon  # here, since a check or a status shouldn't wait for all that the daemon imports

    daemon.run(configuration, socket_path=socket)
