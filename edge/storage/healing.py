"""A new file in the place of a damaged one: what of all that is left goes into it, and in what order."""

import sqlite3
from pathlib import Path

from edge.storage import copies, sums
from edge.storage.salvage import salvage, skip_numbers


def heal(damaged: Path, fresh: sqlite3.Connection, *, good: Path) -> None:
    """Have what is left of a damaged file in a new one. ``good``: its last good copy, where there is one."""
    if good.exists():
        salvage(good, fresh)
        copies.forgotten(fresh)  # of the journal as it was then
    if damaged.exists():
        salvage(damaged, fresh)  # what can be read of the newer one prevails


def heal_journal(damaged: Path, fresh: sqlite3.Connection, *, registry: sqlite3.Connection) -> None:
    """The same for the journal, of which the registry has copies."""
    if damaged.exists():
        salvage(damaged, fresh)
    copies.restore(registry, fresh)
    sums.tell_lost(fresh)
    skip_numbers(fresh)
