"""The sessions and the site's meter as a report sees them: beside a controller that may run on the same files."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import orjson

from edge.domain.session import Session
from edge.storage import rows
from edge.storage.beside import folder_there, open_beside
from edge.storage.session_rows import session

METER_TOPIC = "meter/"  # before a meter's id: its import register, at the begin of each quarter of an hour


@dataclass(frozen=True, slots=True)
class Register:
    """A meter's import register at a moment."""

    at: datetime
    import_wh: Decimal


class SessionFile:
    """The journal and the history in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder_there(folder)

    def sessions(self) -> list[Session]:
        """All that are kept, those that run too, in the order of their begin."""
        with open_beside(self._folder, rows.JOURNAL) as file:
            return [session(row) for row in file.execute("SELECT * FROM session ORDER BY began_at, id")]

    def registers(self, meter: str) -> list[Register]:
        """What a meter's import register was, in order. What was noted while the clock was wrong is left out."""
        query = "SELECT at, body FROM history WHERE topic = ? ORDER BY id"
        with open_beside(self._folder, "history") as file:
            noted = [
                Register(datetime.fromisoformat(row["at"]), Decimal(str(orjson.loads(row["body"])["import_wh"])))
                for row in file.execute(query, (METER_TOPIC + meter,))
            ]
        return in_order(noted)

    def names(self) -> dict[str, str]:
        """Whose the site's own tokens are, by their hashes."""
        with open_beside(self._folder, rows.REGISTRY) as file:
            return {row["hash"]: row["name"] for row in file.execute("SELECT hash, name FROM site_token")}


def in_order(noted: Sequence[Register]) -> list[Register]:
    """The most of them whose times rise as they were noted: a clock that was ahead or behind for a while, and was set,
    leaves some that don't fit to those before and after."""
    ends: list[int] = []  # of the shortest rows: the place of the last one of each length
    times: list[datetime] = []  # the times of these
    before: list[int | None] = []
    for place, each in enumerate(noted):
        length = bisect_right(times, each.at)
        before.append(ends[length - 1] if length else None)
        if length == len(ends):
            ends.append(place)
            times.append(each.at)
        else:
            ends[length], times[length] = place, each.at
    found: list[Register] = []
    at = ends[-1] if ends else None
    while at is not None:
        found.append(noted[at])
        at = before[at]
    return found[::-1]
