"""Samples of the draw, dated by the station that took them.

A sample says what was drawn when it was taken, not when it came. One that was taken before a limit was obeyed and came
after it must not count as after it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from edge.domain.site import Evse, EvseKey
from edge.domain.station import DrawSampled, EnergySampled
from edge.ocpp.meter_values import newest_draw, newest_energy
from edge.ocpp.station_clock import AGREE_S, StationClock
from edge.ocpp.sums import Sums
from edge.units import Seconds, Volts

# A sample older than this was stored by the station; MeterValueSampleInterval is 10 to 60 s in the field.
FRESH_S = 120.0
FUTURE_S = 5.0  # a sample this far ahead of the station's own clock is of a clock that slipped

Sampled: TypeAlias = DrawSampled | EnergySampled


class Samples:
    """One station's samples."""

    def __init__(self, clock: StationClock, sums: Sums, nominal_voltage_v: Volts) -> None:
        self._clock = clock
        self._sums = sums
        self._nominal_voltage_v = nominal_voltage_v
        self._newest: dict[EvseKey, Seconds] = {}

    def are_stored(self, stamps: Sequence[datetime], now: Seconds, wall: datetime) -> bool:
        """Whether meter values of these times were stored while the station was cut off: not what is drawn now."""
        age_s = self._clock.age_s(max(stamps), now, wall) if stamps else None
        return age_s is not None and age_s > FRESH_S

    def told(self, meter_values: object, evse: Evse, now: Seconds, wall: datetime) -> Sequence[Sampled]:
        """The newest sample in the list, of the draw, else of the register; none when there is none, or no news.

        It is at the time of its stamp by the station's clock, or at ``now`` where that clock isn't known or the stamp
        is none.
        """
        found = self._drawn(meter_values, evse, now, wall) or self._counted(meter_values, evse, now, wall)
        return (found,) if found is not None else ()

    def _counted(self, meter_values: object, evse: Evse, now: Seconds, wall: datetime) -> EnergySampled | None:
        energy = newest_energy(meter_values)
        at = self._news_at(evse.key, energy[0], now, wall) if energy is not None else None
        if energy is None or at is None:
            return None
        return EnergySampled(key=evse.key, at=at, energy_wh=energy[1])

    def _news_at(self, key: EvseKey, stamp: datetime | None, now: Seconds, wall: datetime) -> Seconds | None:
        """When a sample of this stamp was taken; None when it is no news."""
        at = now
        if stamp is not None:
            age_s = self._clock.age_s(stamp, now, wall)
            if age_s is not None and not -FUTURE_S <= age_s <= FRESH_S:
                return None
            at = self._clock.taken_at(stamp, now)
            if age_s is not None:
                at = min(at, now - age_s)
        newest_at = self._newest.get(key)
        if newest_at is not None and at < newest_at - AGREE_S:
            return None
        self._newest[key] = max(at, newest_at) if newest_at is not None else at
        return at

    def _drawn(self, meter_values: object, evse: Evse, now: Seconds, wall: datetime) -> DrawSampled | None:
        draw = newest_draw(meter_values, evse, self._nominal_voltage_v)
        at = self._news_at(evse.key, draw.stamp, now, wall) if draw is not None else None
        if draw is None or at is None:
            return None
        if draw.whole_a is not None and self._sums.is_sum(evse, *draw.whole_a, at):
            draw = draw.as_sum(evse)
        return DrawSampled(
            key=evse.key,
            at=at,
            current_a=draw.current_a,
            power_w=draw.power_w,
            energy_wh=draw.energy_wh,
            spread=draw.spread,
        )
