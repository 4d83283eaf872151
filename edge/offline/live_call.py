"""A CALL of the station on its line to the cloud."""

from dataclasses import dataclass

from edge.offline.charges import Reading
from edge.offline.ledger import Taken
from edge.offline.message import Request
from edge.units import Seconds


@dataclass(slots=True, kw_only=True)
class Live:
    """A CALL of the station that the cloud is to answer. ``since``: when the station made it."""

    request: Request
    since: Seconds
    reading: Reading | None = None  # of a transaction message
    taken: Taken | None = None  # it is in the journal
    begin: int | None = None  # it is said again, and kept under this number: the cloud is yet to be told
    reply_id: str | None = None  # the station has asked again under this id
    passing: bool = False  # nothing has to be kept of it, and nothing is learned from its answer

    @property
    def answer_id(self) -> str:
        """The id under which the station waits for the answer."""
        return self.request.id if self.reply_id is None else self.reply_id
