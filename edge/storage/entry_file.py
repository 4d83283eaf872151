"""The journal as the command line sees it: beside a controller that may be running on the same file."""

from collections.abc import Sequence
from pathlib import Path

from edge.domain.journal import Entry, EntryState
from edge.errors import EntryUnknown
from edge.storage import rows
from edge.storage.beside import folder_there, open_beside

_RESEND = "UPDATE entry SET state = ?, attempts = 0, reason = NULL WHERE seq = ? AND state = ?"


class EntryFile:
    """The journal in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder_there(folder)

    def set_aside(self) -> list[Entry]:
        """The messages that the cloud refused for good, oldest first."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            found = file.execute("SELECT * FROM entry WHERE state = ? ORDER BY seq", (EntryState.SET_ASIDE.value,))
            return [rows.entry(row) for row in found]

    def pending(self) -> int:
        """How many are on their way."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            found = file.execute("SELECT count(*) FROM entry WHERE state = ?", (EntryState.PENDING.value,))
            return int(found.fetchone()[0])

    def resend(self, numbers: Sequence[int]) -> None:
        """Have these tried again, all or none.

        :raises EntryUnknown: one of them isn't there, or wasn't set aside.
        """
        with open_beside(self._folder, rows.JOURNAL) as file:
            file.execute("BEGIN IMMEDIATE")
            for number in numbers:
                values = (EntryState.PENDING.value, number, EntryState.SET_ASIDE.value)
                if file.execute(_RESEND, values).rowcount != 1:
                    raise EntryUnknown(
                        f"no message {number} was set aside", remedy="edge journal list shows those that were"
                    )
            file.execute("COMMIT")
