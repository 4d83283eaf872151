"""Our profiles that a station still holds from a higher rung. They bind beside the limits of the lower one.

A TxProfile goes before the TxDefaultProfile for as long as its session runs (OCPP 1.6 §3.13.3), and a station's maximum
binds beside either: who was told 0 A by the one would stay there, whatever is told by the other. So when a limit is
taken on a lower rung, what that one replaces is cleared. What was told before our start is not known: it may have been
all that belongs to the rung on which the station stood then.
"""

from collections.abc import Mapping

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey
from edge.ocpp.profiles.ladder import Ladder, Rung
from edge.ocpp.profiles.writer import profile_id
from edge.ocpp.versions import Version

# On the first rung nothing is cleared: control counts on what binds an EVSE without a session, by whichever rung that
# was told.
_REPLACES: Mapping[Rung, frozenset[str]] = {
    Rung.SESSIONS: frozenset(),
    Rung.DEFAULT: frozenset({"TxProfile"}),
    Rung.MAXIMUM: frozenset({"TxProfile", "TxDefaultProfile"}),
}


class LeftProfiles:
    """Those of one station."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._held: dict[EvseKey, dict[int, str]] = {}  # purposes, in the words of 1.6, by chargingProfileId

    def may_hold(self, command: LimitCommand, rung: Rung) -> None:
        """The station has taken a limit, or hasn't answered."""
        held = self._held.setdefault(command.key, self._from_before(command.key))
        held[_number(command, rung)] = rung.purpose(command.purpose, Version.V16)

    def replaced(self, command: LimitCommand, rung: Rung) -> list[int]:
        """The station has taken a limit: the ids of the profiles that are to be cleared now, once."""
        self.may_hold(command, rung)
        held = self._held[command.key]
        own = _number(command, rung)
        found = [number for number, purpose in held.items() if purpose in _REPLACES[rung] and number != own]
        for number in found:
            del held[number]
        return found

    def _from_before(self, key: EvseKey) -> dict[int, str]:
        first = self._ladder.first
        if first is Rung.MAXIMUM:
            return {}
        told = (Purpose.IDLE,) if first.one_limit else tuple(Purpose)
        return {profile_id(key.evse, purpose): first.purpose(purpose, Version.V16) for purpose in told}


def _number(command: LimitCommand, rung: Rung) -> int:
    return profile_id(rung.place(command.key.evse), command.purpose)
