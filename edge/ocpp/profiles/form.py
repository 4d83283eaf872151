"""In what form a station is told its limits, and how many periods of a schedule it takes.

Two periods suffice for every dead-man limit. A station that takes one only (ChargingScheduleMaxPeriods of OCPP 1.6
§9.4.3, SmartChargingCtrlr.PeriodsPerSchedule of 2.x part 2 §2.10) can keep what follows the lease in another profile:
its TxDefaultProfile binds a session from the moment on at which its TxProfile has ended (OCPP 1.6 §3.13.2, §5.16.4).
"""

from dataclasses import dataclass

from edge.domain.site import EvseKey
from edge.ocpp.fields import whole_number
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.profiles.trial import Trial

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
    """Whether one station takes schedules of one period only, and which EVSEs' TxDefaultProfiles it holds.

    ``is_long``: the limit has two periods, whether it was told in two or in one.
    """

    def __init__(self) -> None:
        self._is_told = False  # that it takes one only
        self._trial = Trial()  # of one period, where two were refused
        self._defaults: set[EvseKey] = set()

    @property
    def single(self) -> bool:
        """Whether the next limit is told in one period."""
        return self._is_told or self._trial.on

    def allows(self, value: object) -> None:
        """The station has told how many periods it takes; what is no such number says nothing."""
        most = whole_number(value)
        if most is not None and most > 0:
            self._is_told = most < MOST_PERIODS

    def accepted(self, *, is_long: bool, key: EvseKey | None = None) -> None:
        """The station has accepted a limit of this EVSE."""
        if is_long:
            self._trial.accepted(key)

    def refused(self, *, is_long: bool, key: EvseKey | None = None) -> bool:
        """The station has refused a limit: what has two periods is told in one the next time, and the other way round.
        Whether one period is tried now."""
        return is_long and self._trial.refused(key)

    def default_taken(self, key: EvseKey) -> None:
        """The station has accepted what a session on this EVSE may begin with."""
        self._defaults.add(key)

    def has_default(self, key: EvseKey) -> bool:
        """Whether it is known to hold that."""
        return key in self._defaults

    def forget_defaults(self) -> None:
        """The station has come back or booted: some forget what they accepted."""
        self._defaults.clear()
