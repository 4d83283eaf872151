"""What may be on a station's line to its cloud."""

from dataclasses import dataclass

from edge.domain.journal import ConnectorStatus, Entry
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
    reply_id: str | None = None  # the station has asked again under this id
    passing: bool = False  # nothing is learned from it, nor from its answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What the desk itself has on the line."""

    id: str
    since: Seconds
    entry: Entry | None = None  # from the journal
    fetching: int | None = None  # the text is being read
    boot: bool = False
    status: ConnectorStatus | None = None
    asks: Live | None = None  # what the cloud says of its token
