"""Which of a station and its cloud is there. Sans-I/O."""

from enum import StrEnum
from typing import Any

from edge.domain.station import CloudLink
from edge.ocpp.actions import Level, Outbox
from edge.units import Seconds


class RelayState(StrEnum):
    """Which of the two peers is there. The cloud, if the site has one, is dialled only while the station is there."""

    OFFLINE = "offline"
    CLOUD_AWAY = "cloud away"
    ALONE = "alone"  # the station is there, and its site has no cloud
    RELAYING = "relaying"


class Presence:
    """That of one station and its cloud: each change is logged, and the control is told of the cloud's.

    ``epoch`` counts the upstream connections. ``has_cloud_at_all``: whether the site has a cloud, away or not.
    """

    def __init__(self, station: str, outbox: Outbox, *, has_cloud_at_all: bool) -> None:
        self._station = station
        self._alone = RelayState.CLOUD_AWAY if has_cloud_at_all else RelayState.ALONE
        self._out = outbox
        self._cloud_lost_at: Seconds | None = None  # since the station came
        self.state = RelayState.OFFLINE
        self.epoch = 0

    @property
    def has_station(self) -> bool:
        """Whether the station is there."""
        return self.state is not RelayState.OFFLINE

    @property
    def has_cloud(self) -> bool:
        """Whether both are there."""
        return self.state is RelayState.RELAYING

    def station_came(self, **details: Any) -> None:
        """``details`` go into the log."""
        self._cloud_lost_at = None
        self._enter(self._alone, "info", "station connected", **details)

    def station_left(self, now: Seconds, why: str, *, planned: bool) -> None:
        """``planned``: we stop."""
        if self.has_cloud:
            self._out.report(CloudLink(station=self._station, at=now, connected=False))
        self._enter(RelayState.OFFLINE, "info" if planned else "warning", "station is gone", why=why)

    def cloud_came(self, now: Seconds) -> None:
        """The upstream connection is up."""
        self.epoch += 1
        if self._cloud_lost_at is None:
            self._enter(RelayState.RELAYING, "info", "cloud connected")
        else:
            away_s = round(now - self._cloud_lost_at, 1)
            self._enter(RelayState.RELAYING, "info", f"cloud is back after {away_s:g} s", away_s=away_s)
        self._out.report(CloudLink(station=self._station, at=now, connected=True))

    def cloud_left(self, now: Seconds, why: str, *, dropped: int) -> None:
        """It broke, and so many of the cloud's calls went with it."""
        self._cloud_lost_at = now
        self._enter(RelayState.CLOUD_AWAY, "warning", "cloud is away", why=why, calls_dropped=dropped)
        self._out.report(CloudLink(station=self._station, at=now, connected=False))

    def _enter(self, state: RelayState, level: Level, event: str, **details: Any) -> None:
        """The one place where the state changes."""
        was, self.state = self.state, state
        self._out.note(level, event, was=was.value, state=state.value, **details)
