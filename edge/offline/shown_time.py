"""What time stations are told in the cloud's place.

A station sets its clock by it (OCPP 1.6 §4.2, §4.6; 2.x B01.FR.06, G02), and stamps its transactions by that. While the
gateway's own clock isn't set (a board without a battery-backed one wakes up in 1970), it isn't shown to anybody: what
a cloud has said is, or what the station has shown itself, or another one. Where nobody has said anything it is the
newest time that the gateway has noted before, from which it goes on: that is too early, but not by decades, so that
certificates go on being valid.
"""

from datetime import datetime, timedelta

from edge.clock import EARLIEST_PLAUSIBLE, Clock


class ShownTime:
    """One for all stations. ``noted``: the newest time that was kept on the disk."""

    def __init__(self, clock: Clock, noted: datetime = EARLIEST_PLAUSIBLE) -> None:
        self._clock = clock
        self._noted = max(noted, EARLIEST_PLAUSIBLE)
        self._since = clock.monotonic()

    def at(self, wall: datetime, said: datetime | None) -> datetime:
        """The time to be told when our wall clock says ``wall``; ``said``: by the cloud, the station or another one."""
        if self._clock.wall_is_trusted():
            return wall
        earliest = self._noted + timedelta(seconds=self._clock.monotonic() - self._since)
        return earliest if said is None else max(said, earliest)
