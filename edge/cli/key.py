"""``edge key``: a new key for a station, or the hash of one that it has already."""

import sys
from typing import Annotated

import typer

from edge.errors import ProblemUnusable
from edge.ocpp.keys import MAX_KEY_BYTES, MIN_KEY_BYTES, hashed, key_bytes, new_key


def key(
    of_input: Annotated[
        bool, typer.Option("--stdin", help="Hash the key that stands in the first line of the input.")
    ] = False,
) -> None:
    """Print a new key for a station. The line for its [[station]] table comes with it."""
    if of_input:
        secret = key_bytes(sys.stdin.readline())
        if not MIN_KEY_BYTES <= len(secret) <= MAX_KEY_BYTES:
            raise ProblemUnusable(
                f"the key has {len(secret)} bytes", remedy=f"give {MIN_KEY_BYTES} to {MAX_KEY_BYTES}, best at random"
            )
    else:
        secret = new_key()
        typer.echo(f"AuthorizationKey of the station: {secret.hex().upper()}")
    typer.echo(f'key_hash = "{hashed(secret)}"')
