"""Where the package has what the verbs of set-up and care are about."""

from pathlib import Path
from typing import Annotated

import typer

SITE_FILE = Path("/etc/edge-controller/site.toml")
STATE_FOLDER = Path("/var/lib/edge-controller")
# What may not be read is told by who reads it, with what to do about it: "is not readable" alone helps nobody.
ConfigPath = Annotated[Path, typer.Option("--config", metavar="FILE", help="The site file.", readable=False)]
StatePath = Annotated[
    Path,
    typer.Option("--state", metavar="FOLDER", help="The folder for what must outlive a restart.", readable=False),
]
SocketPath = Annotated[
    Path | None,
    typer.Option(
        "--socket",
        metavar="PATH",
        help="The controller's control socket. Default: $EDGE_SOCKET, or the one in the run-time folder.",
        show_default=False,
        readable=False,
    ),
]
