"""What the cars that live on surplus draw at this moment, as far as it is known. Pure.

The grid's meter shows every second what all of them draw; their stations say seconds later what each does. Between the
two a car that has just been told more would look like a cloud, and one that has been told less like more sun: all would
go up and down for ever, each time by what the last change has hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus
from edge.units import Amps, Seconds, Volts, Watts

# A car has 5 s to come to another limit (IEC 61851-1), and some stations take as long again to pass it on.
FOLLOWS_S: Seconds = 10.0
# In which nothing should flow: some stations sample nothing any more as soon as they pause (evcc pull request 23878),
# and what they drew by then isn't drawn; one make says SuspendedEVSE for as long as it charges (33911).
RESTING = frozenset({EvseStatus.SUSPENDED_EV.value, EvseStatus.SUSPENDED_EVSE.value, EvseStatus.FINISHING.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The limits between which a car may be: what it is told since ``at``, and what it was on its way from then."""

    limit_a: Amps
    at: Seconds
    low_a: Amps
    high_a: Amps


class SunDraws:
    """Remembers what each EVSE was told."""

    def __init__(self) -> None:
        self._told: dict[EvseKey, _Told] = {}

    def bounds_w(self, key: EvseKey, part: Mapping[str, Any], volts: Volts, now: Seconds) -> tuple[Watts, Watts]:
        """The least and the most that this EVSE of the report may be drawing now: its sample, where that is of later
        than the car may have followed what it was told last.
        """
        draw_a, limit_a = part.get("draw_a"), part.get("limit_a")
        sample_w = volts * sum(draw_a) if draw_a is not None else 0.0
        if limit_a is None or part.get("transaction_id") is None or part.get("status") in RESTING:
            self._told.pop(key, None)
            return sample_w, sample_w
        age_s = part.get("draw_age_s")
        told = self._follow(key, limit_a, None if draw_a is None or age_s is None else now - age_s, now)
        if told is None:
            return sample_w, sample_w
        phases = max(len(part["phases_in_use"]), 1)
        on = draw_a if draw_a is not None else (0.0,)
        low_w = volts * sum(min(amps, told.low_a) for amps in on)
        return low_w, max(sample_w, volts * phases * told.high_a)

    def _follow(self, key: EvseKey, limit_a: Amps, seen_at: Seconds | None, now: Seconds) -> _Told | None:
        """Between which limits it may be; None: its sample tells."""
        told = self._told.get(key) or _Told(limit_a=limit_a, at=now, low_a=limit_a, high_a=limit_a)
        if limit_a != told.limit_a:
            told = replace(told, limit_a=limit_a, at=now)
        told = replace(told, low_a=min(told.low_a, limit_a), high_a=max(told.high_a, limit_a))
        has_followed = seen_at is not None and seen_at >= told.at + FOLLOWS_S
        if has_followed:
            told = replace(told, low_a=limit_a, high_a=limit_a)
        self._told[key] = told
        return None if has_followed else told
