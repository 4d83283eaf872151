"""Our profiles that a station still holds from a higher rung. They bind beside the limits of the lower one.

A TxProfile goes before the TxDefaultProfile for as long as its session runs (OCPP 1.6 §3.13.3), and a station's maximum
binds beside either: who was told 0 A by the one would stay there, whatever is told by the other. So when a limit is
taken on a lower rung, what that one replaces is cleared. What was told before our start is not known: it may have been
all that belongs to the rung on which the station stood then.
"""

from collections.abc import Iterator, Mapping

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
    """Those of one station. ``ladder``: it may hold all that is told on the rung with which that began."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._held: dict[EvseKey, dict[int, str]] = {}  # purposes, in the words of 1.6, by chargingProfileId

    def may_hold(self, command: LimitCommand, rung: Rung) -> None:
        """The station has taken a limit, or hasn't answered."""
        if command.key not in self._held:
            self._held[command.key] = dict(self._of_before(command.key))
        self._held[command.key] |= _told(command.key, command.purpose, rung)

    def replaced(self, command: LimitCommand, rung: Rung) -> list[int]:
        """The station has taken a limit: the ids of the profiles that are to be cleared now, once."""
        self.may_hold(command, rung)
        held = self._held[command.key]
        own = _told(command.key, command.purpose, rung)
        found = [number for number, purpose in held.items() if purpose in _REPLACES[rung] and number not in own]
        for number in found:
            del held[number]
        return found

    def _of_before(self, key: EvseKey) -> Iterator[tuple[int, str]]:
        first = self._ladder.first
        for purpose in (Purpose.IDLE,) if first.one_limit else Purpose:
            yield from _told(key, purpose, first).items()


def _told(key: EvseKey, purpose: Purpose, rung: Rung) -> dict[int, str]:
    """Under which id a limit is told on a rung, and by which purpose in the words of 1.6."""
    return {profile_id(rung.place(key.evse), purpose): rung.purpose(purpose, Version.V16)}
