"""A new file in the place of a damaged one: what of all that is left goes into it, and in what order."""

import sqlite3
from pathlib import Path

from edge.storage import copies, rows, sums, write_ahead
from edge.storage.salvage import salvage, skip_numbers


def heal(name: str, damaged: Path, fresh: sqlite3.Connection, *, good: Path, registry: sqlite3.Connection) -> None:
    """Have what is left of a damaged file in a new one. ``good``: the registry's last good copy, where there is one.
    ``registry``: what has copies of the journal; the new file itself where it is that which is healed.

    :raises StorageFailed: or sqlite3.Error, where ``fresh`` can't be written.
    """
    if good.exists():
        salvage(good, fresh)
        copies.forgotten(fresh)  # of the journal as it was then
    if damaged.exists():
        with write_ahead.replayed(damaged) as readable:
            salvage(readable, fresh, prevails=name == rows.REGISTRY)
    if name == rows.REGISTRY:
        copies.incomplete(fresh)
    if name == rows.JOURNAL:
        copies.restore(registry, fresh)
        sums.tell_lost(fresh)
        skip_numbers(fresh)
