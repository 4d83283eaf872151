"""The journal as the command line sees it: beside a controller that may be running on the same file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.domain.journal import Entry, EntryState
from edge.errors import EntryDamaged, EntryUnknown
from edge.storage import rows, sums
from edge.storage.beside import folder_there, open_beside

_RESEND = "UPDATE entry SET state = ?, attempts = 0, reason = NULL WHERE seq = ? AND (state = ? OR reason IS NOT NULL)"


class EntryFile:
    """The journal in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder_there(folder)

    def set_aside(self) -> list[Entry]:
        """The messages that aren't sent any more, oldest first: that the cloud refused for good, or the disk has
        damaged (:data:`edge.storage.sums.DAMAGED`)."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            found: list[Entry] = []
            for row in file.execute(f"{sums.with_sum('entry')} ORDER BY seq"):
                if not sums.is_true(row):
                    found.append(replace(rows.entry(row), reason=sums.DAMAGED))
                elif row["state"] == EntryState.SET_ASIDE.value:
                    found.append(rows.entry(row))
            return found

    def deferred(self) -> list[Entry]:
        """The messages that the cloud fails to take, and that are sent again later by themselves; oldest first."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            found = map(rows.entry, file.execute("SELECT * FROM entry WHERE reason IS NOT NULL ORDER BY seq"))
            return [entry for entry in found if entry.is_deferred]

    def pending(self) -> int:
        """How many are on their way."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            found = file.execute("SELECT count(*) FROM entry WHERE state = ?", (EntryState.PENDING.value,))
            return int(found.fetchone()[0])

    def resend(self, numbers: Sequence[int]) -> None:
        """Have these tried again now, all or none.

        :raises EntryDamaged: one of them is damaged.
        :raises EntryUnknown: one of them isn't there, or was neither set aside nor deferred.
        """
        with open_beside(self._folder, rows.JOURNAL) as file:
            file.execute("BEGIN IMMEDIATE")
            for number in numbers:
                row = file.execute(f"{sums.with_sum('entry')} WHERE seq = ?", (number,)).fetchone()
                if row is not None and (row["reason"] == sums.DAMAGED or not sums.is_true(row)):
                    raise EntryDamaged(
                        f"message {number} isn't what its station said: its bytes have changed on the disk",
                        remedy="correct its session at the cloud (edge report sessions), and replace the card",
                    )
                values = (EntryState.PENDING.value, number, EntryState.SET_ASIDE.value)
                if file.execute(_RESEND, values).rowcount != 1:
                    raise EntryUnknown(
                        f"no message {number} was set aside", remedy="edge journal list shows those that were"
                    )
            file.execute("COMMIT")
