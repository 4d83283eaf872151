"""In what form a station is told its limits, and how many periods of a schedule it takes.

Two periods suffice for every dead-man limit. A station that takes one only (ChargingScheduleMaxPeriods of OCPP 1.6
§9.4.3, SmartChargingCtrlr.PeriodsPerSchedule of 2.x part 2 §2.10) can keep what follows the lease in another profile:
its TxDefaultProfile binds a session from the moment on at which its TxProfile has ended (OCPP 1.6 §3.13.2, §5.16.4).
"""

from dataclasses import dataclass

from edge.domain.site import EvseKey
from edge.ocpp.fields import whole_number
from edge.ocpp.profiles.ladder import Rung

MOST_PERIODS = 2  # of a limit of ours: of its three steps two that follow each other are always one


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """``whole``: amperes without tenths, which some stations refuse. ``single``: in schedules of one period.
    ``has_default``: the station holds the EVSE's TxDefaultProfile, so that a TxProfile may end."""

    rung: Rung = Rung.SESSIONS
    whole: bool = False
    single: bool = False
    has_default: bool = False


class Length:
    """Whether one station takes schedules of one period only, and which EVSEs' TxDefaultProfiles it holds."""

    def __init__(self) -> None:
        self._single = False
        self._defaults: set[EvseKey] = set()

    @property
    def single(self) -> bool:
        """Whether the next limit is told in one period."""
        return self._single

    def allows(self, value: object) -> None:
        """The station has told how many periods it takes; what is no such number says nothing."""
        most = whole_number(value)
        if most is not None and most > 0:
            self._single = most < MOST_PERIODS

    def all_refused(self) -> None:
        """Whatever else could be tried was refused: the next limits are told in the other length."""
        self._single = not self._single

    def default_taken(self, key: EvseKey) -> None:
        """The station has accepted what a session on this EVSE may begin with."""
        self._defaults.add(key)

    def has_default(self, key: EvseKey) -> bool:
        """Whether it is known to hold that."""
        return key in self._defaults

    def forget_defaults(self) -> None:
        """The station has come back or booted: some forget what they accepted."""
        self._defaults.clear()
