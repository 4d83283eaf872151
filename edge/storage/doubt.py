"""What is no longer believed of transactions when a journal has lost messages.

A record says that its begin, or its end, was taken. Where that message isn't there any more, the cloud has had it, or
it was lost before anybody answered it: then its station tells it again, and it must not pass for a repetition. Should
the cloud have had it after all, an end, or an event of 2.x, does no harm twice.
"""

import sqlite3

from edge.domain.journal import LOST
from edge.storage.database import transaction

# Of 1.6, which numbers no events: begun by a message that nobody has answered.
_UNHEARD = """
SELECT station, transaction_key FROM charge
WHERE began IS NOT NULL AND seen = '[]' AND coalesce(cloud_id, answer, ended) IS NULL
    AND (station, transaction_key) NOT IN (
        SELECT station, transaction_key FROM entry WHERE kind = 'begin' AND transaction_key IS NOT NULL
    )
"""
_FORGET = "DELETE FROM charge WHERE station = ? AND transaction_key = ?"
_FORGET_RECORD = "DELETE FROM session WHERE station = ? AND transaction_key = ? AND ended_at IS NULL"
_NUMBERS = """
UPDATE charge SET seen = '[]'
WHERE seen <> '[]' AND (station, transaction_key) NOT IN (
    SELECT station, transaction_key FROM entry WHERE kind = 'begin' AND transaction_key IS NOT NULL
)
"""
_ENDS = """
UPDATE charge SET ended = ?
WHERE ended IS NOT NULL AND (station, transaction_key) NOT IN (
    SELECT station, transaction_key FROM entry WHERE kind = 'end' AND transaction_key IS NOT NULL
)
"""


def doubt(journal: sqlite3.Connection) -> None:
    """Have it so in a journal that was salvaged. Raises sqlite3.Error."""
    with transaction(journal):
        unheard = [tuple(row) for row in journal.execute(_UNHEARD)]
        journal.executemany(_FORGET, unheard)
        journal.executemany(_FORGET_RECORD, unheard)
        journal.execute(_NUMBERS)
        journal.execute(_ENDS, (LOST,))
