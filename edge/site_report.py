"""What a running gateway shows of itself and of its site: one report for page, command line and building.

Joins what all rooms tell, so it stands beside the composition root.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from edge import __version__
from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.bms.facility import Facility
from edge.clock import Clock
from edge.control import report
from edge.control.board import Board
from edge.control.ports import StatusReport
from edge.control.vitals import Vitals
from edge.door_report import refused_handshake, timestamp, waiting_station, who_they_are
from edge.ocpp.server import OcppServer
from edge.offline_set_up import StandIns
from edge.system.certificates import CertificateWatch


class SiteReport:
    """The site as its last tick saw it, and the process as it is.

    ``station_urls``: where stations dial; ``has_cloud``: whether the site file names one.
    """

    def __init__(
        self,
        *,
        board: Board,
        clock: Clock,
        vitals: Vitals,
        ocpp: OcppServer,
        stand_ins: StandIns,
        facility: Facility,
        certificates: CertificateWatch,
        station_urls: Sequence[str],
        has_cloud: bool,
    ) -> None:
        self._board = board
        self._clock = clock
        self._vitals = vitals
        self._ocpp = ocpp
        self._stand_ins = stand_ins
        self._facility = facility
        self._certificates = certificates
        self._station_urls = tuple(station_urls)
        self._has_cloud = has_cloud
        self._timezone = ZoneInfo(board.site.timezone)
        self._started_at = clock.monotonic()
        self._last: tuple[Snapshot, Decision] | None = None
        self._of_tick: StatusReport | None = None  # of the last tick, once somebody has asked for it

    def take(self, snapshot: Snapshot, decision: Decision) -> None:
        """A tick is over."""
        self._last, self._of_tick = (snapshot, decision), None

    def whole(self) -> StatusReport:
        """All of it, in plain values: ``GET /api/v1/status``."""
        process = {
            "version": __version__,
            "time": timestamp(self._clock.wall()),
            "timezone": self._timezone.key,
            "local_time": self._clock.wall().astimezone(self._timezone).isoformat(timespec="seconds"),
            "uptime_s": round(self._clock.monotonic() - self._started_at, 1),
            "waiting_stations": [waiting_station(each) for each in self._ocpp.waiting],
            "refused_handshakes": [refused_handshake(each) for each in self._ocpp.turned_away],
            "station_urls": list(self._station_urls),
            "has_cloud": self._has_cloud,
            "cards_shown": self._stand_ins.cards_shown(),
            "storage": self._stand_ins.report(),
        }
        tick = dict(self.of_tick())
        return process | tick | {"stations": who_they_are(self._ocpp, tick["stations"], self._stand_ins.lets_in)}

    def of_tick(self) -> StatusReport:
        """What the last tick says of the site: made once, so that all who read are told of one moment; cheap, as its
        parts are made when they are read."""
        if self._last is None:
            return dict(report.starting(self._board, self._vitals.pulse)) | self._facility.report()
        if self._of_tick is None:
            snapshot, decision = self._last
            site = report.status(self._board, snapshot, decision, self._vitals.pulse)
            self._of_tick = site | self._facility.report() | {"certificates": self._certificates.report()}
        return self._of_tick
