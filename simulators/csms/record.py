"""Everything the CSMS saw: each frame, and each transaction as the cloud would bill it."""

import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

FIRST_TRANSACTION_ID: Final = 1001  # ids are positive (1.6 errata 3.18); a high start tells them from local ones
FRAMES_KEPT: Final = 200_000  # a day of the demo's eight stations; bounds the memory of a run without an end


class Direction(enum.Enum):
    """Seen from the CSMS."""

    RECEIVED = "received"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One text frame, as it was on the socket."""

    identity: str
    direction: Direction
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartKey:
    """What makes two StartTransaction.req the same one, sent twice.

    `started_at` is the text of the timestamp as it came: a repetition carries the very same.
    """

    identity: str
    connector_id: int
    id_tag: str
    started_at: str
    meter_start_wh: int

    @classmethod
    def of(cls, identity: str, payload: Mapping[str, Any]) -> "StartKey":
        """Of a valid StartTransaction.req."""
        return cls(
            identity=identity,
            connector_id=payload["connectorId"],
            id_tag=payload["idTag"],
            started_at=payload["timestamp"],
            meter_start_wh=payload["meterStart"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTransaction:
    """A transaction in the cloud's books; the fields of its end are None while it goes on."""

    transaction_id: int
    start: StartKey
    starts_received: int = 1
    stopped_at: str | None = None
    meter_stop_wh: int | None = None
    reason: str | None = None
    stops_received: int = 0

    def as_json(self) -> dict[str, Any]:
        """The transaction as one flat JSON object."""
        return {**asdict(self.start), **{key: value for key, value in asdict(self).items() if key != "start"}}


@dataclass(slots=True)
class Record:
    """Grows as frames come in; `orphan_stops` are StopTransaction.req for ids that the CSMS never gave."""

    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=FRAMES_KEPT))
    transactions: dict[int, CloudTransaction] = field(default_factory=dict)
    orphan_stops: int = 0

    def started(self, key: StartKey) -> CloudTransaction:
        """Book a start; a repeated one gets the transaction it already has."""
        for known in self.transactions.values():
            if known.start == key:
                again = replace(known, starts_received=known.starts_received + 1)
                self.transactions[known.transaction_id] = again
                return again
        new = CloudTransaction(transaction_id=FIRST_TRANSACTION_ID + len(self.transactions), start=key)
        self.transactions[new.transaction_id] = new
        return new

    def stopped(
        self, identity: str, transaction_id: int, *, meter_stop_wh: int, stopped_at: str, reason: str
    ) -> CloudTransaction | None:
        """Book a stop; None if the station never had that transaction. A repeated stop changes nothing."""
        known = self.transactions.get(transaction_id)
        if known is None or known.start.identity != identity:
            self.orphan_stops += 1
            return None
        first = known.stops_received == 0
        booked = replace(
            known,
            stops_received=known.stops_received + 1,
            meter_stop_wh=meter_stop_wh if first else known.meter_stop_wh,
            stopped_at=stopped_at if first else known.stopped_at,
            reason=reason if first else known.reason,
        )
        self.transactions[transaction_id] = booked
        return booked
