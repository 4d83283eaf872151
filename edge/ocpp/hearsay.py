"""What others say the time is: clouds, and stations whose clocks are known.

Our own wall clock may be far ahead when the gateway starts, until it is set: a cell that ran empty, a wrong image. What
begins when that says now begins in the future of everybody else.
"""

from datetime import UTC, datetime, timedelta

from edge.units import Seconds

PLAUSIBLE_YEARS = range(2020, 2100)  # a clock that says 1970 has no time yet (MicroOcpp issue 311)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lead_s(time: datetime, now: Seconds) -> Seconds:
    """By how much a clock that says ``time`` at the monotonic ``now`` leads that, in seconds since 1970."""
    return (time - _EPOCH).total_seconds() - now


class Hearsay:
    """Shared by the stations of a site. The latest time that anybody says counts: who is behind moves nobody."""

    def __init__(self) -> None:
        self._latest: tuple[object, Seconds] | None = None  # who leads our monotonic clock the most, and by how much
        self._next: tuple[object, Seconds] | None = None  # and who of all others
        self._clouds: Seconds | None = None  # the lead of what a cloud has said last

    def says(self, who: object, time: datetime, now: Seconds) -> None:
        """A cloud, that of ``who``, says that it is ``time``."""
        if time.year in PLAUSIBLE_YEARS:
            self._clouds = lead_s(time, now)
            self.leads(who, self._clouds)

    def leads(self, who: object, lead: Seconds) -> None:
        """A clock has this lead: somebody's, or what his cloud says."""
        latest = self._latest
        if latest is None or latest[0] is who:
            self._latest = who, lead if latest is None else max(latest[1], lead)
        elif lead > latest[1]:
            self._latest, self._next = (who, lead), latest
        elif self._next is None or lead > self._next[1]:
            self._next = who, lead

    @property
    def of_clouds(self) -> Seconds | None:
        """The lead of what a cloud has said last; None where none has said anything."""
        return self._clouds

    def time(self, now: Seconds) -> datetime | None:
        """What a cloud has said, else the latest time that anybody shows; None where nobody has said anything."""
        lead = self._clouds if self._clouds is not None else self.for_whom(None)
        return _EPOCH + timedelta(seconds=lead + now) if lead is not None else None

    def for_whom(self, who: object) -> Seconds | None:
        """The latest lead of anybody but ``who``; None where nobody else has said anything."""
        found = self._next if self._latest is not None and self._latest[0] is who else self._latest
        return found[1] if found is not None else None
