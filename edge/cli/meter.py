"""``edge meter``: its verbs."""

import typer

from edge.cli.meter_read import read
from edge.cli.meter_scan import scan
from edge.cli.meter_verify import verify

app = typer.Typer(
    help="Find, read and prove the site's meters. They are read only, never written to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("scan")(scan)
app.command("read")(read)
app.command("verify")(verify)
