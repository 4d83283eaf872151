"""The clock of the gateway as a station: its cloud's, as far as that has said the time."""

from datetime import UTC, datetime, timedelta

from edge.ocpp.hearsay import PLAUSIBLE_YEARS
from edge.ocpp.profiles.model import Moment
from edge.ocpp.station_clock import parse_timestamp
from edge.units import Seconds


class CloudTime:
    """Until the cloud has said the time our own wall clock counts, but no moment before the newest of what the cloud
    has set: a gateway without a clock begins in 1970, where no schedule of today has begun, and no limit holds.
    """

    def __init__(self) -> None:
        self._told: tuple[datetime, Seconds] | None = None
        self._kept: tuple[Moment, Seconds] | None = None

    def says(self, time: object, now: Seconds) -> None:
        """The cloud says at the monotonic ``now`` that it is ``time``, an OCPP dateTime; anything else says nothing."""
        told = parse_timestamp(time)
        if told is not None and told.year in PLAUSIBLE_YEARS:
            self._told = told, now

    def at(self, now: Seconds, wall: datetime, *, kept: Moment | None) -> datetime:
        """The time at the monotonic ``now``. ``kept`` is when the newest of what holds was set; time passes from there
        on as from the first moment at which we were asked.
        """
        if self._told is not None:
            told, since = self._told
            return told + timedelta(seconds=now - since)
        if kept is None:
            return wall
        if self._kept is None or self._kept[0] != kept:
            self._kept = kept, now
        return max(wall, datetime.fromtimestamp(kept, UTC) + timedelta(seconds=now - self._kept[1]))
