"""Limits for trial: what the commissioning lets an EVSE draw for a while, to see whether it obeys. They only lower."""

from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedImplausible
from edge.units import Amps, Seconds

LONGEST_S: Seconds = 300.0  # then it is over by itself: a commissioning that died leaves nothing behind
MOST_A: Amps = 1000.0


class Trials:
    """The trial limits in force, by EVSE; told among the limits of outsiders."""

    def __init__(self, keys: frozenset[EvseKey]) -> None:
        self._keys = keys
        self._limits: dict[EvseKey, tuple[Amps, Seconds]] = {}

    def begin(self, key: EvseKey, limit_a: Amps, *, now: Seconds, for_s: Seconds) -> None:
        """Limit the EVSE for so long; replaces its last trial.

        :raises EvseUnknown: the site has no such EVSE.
        :raises NeedImplausible: the limit or the time can't be meant.
        """
        if key not in self._keys:
            raise EvseUnknown(f"the site has no EVSE {key.evse} of a station '{key.station}'")
        if not 0 <= limit_a <= MOST_A or not 0 < for_s <= LONGEST_S:
            raise NeedImplausible(
                "the trial can't be meant", remedy=f"give 0 to {MOST_A:g} A and at most {LONGEST_S:g} s"
            )
        self._limits[key] = (limit_a, now + for_s)

    @property
    def running(self) -> frozenset[EvseKey]:
        """The EVSEs that have one, or had one until a moment ago."""
        return frozenset(self._limits)

    def lower(self, key: EvseKey, limit_a: Amps | None, now: Seconds) -> Amps | None:
        """``limit_a``, or the trial's limit where that is less."""
        if key not in self._limits:
            return limit_a
        trial_a, ends_at = self._limits[key]
        if now >= ends_at:
            del self._limits[key]
            return limit_a
        return trial_a if limit_a is None else min(limit_a, trial_a)
