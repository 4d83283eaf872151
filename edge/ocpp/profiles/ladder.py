"""By which purposes a station is told its limits: those that it takes.

Best is a TxProfile for a session and a TxDefaultProfile for an idle EVSE: each has its own lease, and a session that
begins is bound by a limit that everybody has counted. A station that refuses that is told one limit for each EVSE,
whether a session runs or not: as TxDefaultProfile, and where it has a single EVSE, as the station's maximum. Control
is told so, because what it wrote for one session then binds the next.
"""

from enum import Enum

from edge.domain.setpoint import Purpose
from edge.domain.site import Station
from edge.ocpp.versions import Version

# Of limits that a station has taken as less than they are, because the rung below the first can't say more in one
# period, before the first is tried again: it may have refused that for some minutes for another reason, and its cars
# get their safe current at most. Each time twice as many.
FIRST_PATIENCE, LONGEST_PATIENCE = 5, 640


class Rung(Enum):
    """One way of telling limits."""

    SESSIONS = "TxProfile for sessions, TxDefaultProfile for idle EVSEs"
    DEFAULT = "TxDefaultProfile for both"
    MAXIMUM = "the station's maximum for both"

    @property
    def one_limit(self) -> bool:
        """Whether one limit binds an EVSE with a session and without."""
        return self is not Rung.SESSIONS

    def purpose(self, purpose: Purpose, version: Version) -> str:
        """The chargingProfilePurpose of a limit (OCPP 1.6 §7.11, 2.x part 2 §3.12)."""
        if self is Rung.MAXIMUM:
            return "ChargingStationMaxProfile" if version.is_v2 else "ChargePointMaxProfile"
        return "TxProfile" if purpose is Purpose.SESSION else "TxDefaultProfile"

    def place(self, evse: int) -> int:
        """The connector or EVSE that the profile is for: a station's maximum is set on 0 (1.6 §3.13.1, K04.FR.03)."""
        return 0 if self is Rung.MAXIMUM else evse


class Ladder:
    """The rung on which one station stands. From the last one it goes on with the first: its mind may have changed.
    ``first``: the one that it began with, by what was known of the station. ``may_have_told_maximum``: whether it may
    hold a maximum of ours.
    """

    def __init__(self, station: Station) -> None:
        several = len(station.evses) > 1  # their limits can't be told by one maximum
        rungs = (Rung.SESSIONS, Rung.DEFAULT) if several else tuple(Rung)
        self._rungs = (Rung.MAXIMUM,) if station.is_controller else rungs
        self._number = 0
        self._lessened = 0  # limits that it has taken so since it was told on the first rung last
        self._patience = FIRST_PATIENCE
        self.tries_again = False  # the first rung, which it refused before: one refusal more says enough
        self.first = self.rung
        self.may_have_told_maximum = self.rung is Rung.MAXIMUM

    def begin(self, first: Rung | None) -> None:
        """Begin with this rung, if the station can stand on it; None, and else: with the best."""
        self._number = self._rungs.index(first) if first in self._rungs else 0
        self.tries_again = False
        self.first = self.rung
        self._note_rung()

    @property
    def rung(self) -> Rung:
        """That of the next limit."""
        return self._rungs[self._number]

    @property
    def is_at_its_foot(self) -> bool:
        """Whether the next limit is on the first rung: none was refused yet, or all were."""
        return self._number == 0

    def accepted(self, purpose: Purpose, *, lessened: bool) -> None:
        """The station has taken a limit; ``lessened``: it said less than it was to, which the first rung might say."""
        if self.rung is Rung.SESSIONS and purpose is Purpose.SESSION:
            self._lessened, self._patience, self.tries_again = 0, FIRST_PATIENCE, False
        elif self.rung is Rung.DEFAULT and lessened:  # a station's maximum would bind beside what it is told then
            self._lessened += 1
            if self._lessened >= self._patience:
                self._lessened, self._patience = 0, min(2 * self._patience, LONGEST_PATIENCE)
                self._number, self.tries_again = 0, True

    def refused(self) -> bool:
        """The station means its refusal, and no other unit helps: try the next rung. Whether there is another."""
        self._number, self.tries_again = (self._number + 1) % len(self._rungs), False
        self._note_rung()
        return len(self._rungs) > 1

    def _note_rung(self) -> None:
        self.may_have_told_maximum = self.may_have_told_maximum or self.rung is Rung.MAXIMUM
