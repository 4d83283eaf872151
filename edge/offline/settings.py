"""How the time without a cloud is dealt with."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from edge.units import Seconds


class RefusedSession(StrEnum):
    """What becomes of a session whose token turns out to be no good (StopTransactionOnInvalidId)."""

    STOP = "stop"  # it gets no current, and its station is asked to end it
    ZERO = "zero"  # it gets no current
    KEEP = "keep"  # it goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSettings:
    """Defaults fit a common cloud and a common charger. ``has_cloud``: whether the site has one at all, away or not."""

    has_cloud: bool = True
    # Chargers give a CALL up after 30 s, some after 20: by then they must have our answer.
    answer_timeout_s: Seconds = 15.0
    # TransactionMessageAttempts and TransactionMessageRetryInterval (OCPP 1.6 §9.1.31, 2.x part 2 §2.7): the n-th try
    # waits n intervals.
    attempts: int = 3
    retry_interval_s: Seconds = 60.0
    refused_session: RefusedSession = RefusedSession.STOP
    # Room for the messages of one station: a week of 1 kB meter values each minute, thinned beyond that.
    backlog_characters: int = 10_000_000
    # For the site: a message each 50 ms drains three days of 50 stations in hours and leaves the cloud to others.
    drain_interval_s: Seconds = 0.05
    # A station may send the same message again after weeks without power; then its transaction is forgotten, its id
    # stays used.
    kept: timedelta = timedelta(days=60)
