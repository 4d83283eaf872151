"""Whether a station is told its limits in amperes or in watts: amperes, unless it takes watts only.

Some stations know watts only (evcc issue 9838). What it has told of itself comes first, then what it refuses. Watts are
total power, and a car may draw all of it on one phase, from a grid whose voltage is at its lowest: so the limit in
watts is what one phase carries then. It keeps every fuse; a car on three phases gets a third.

Some take whole amperes only (OCPP 1.6 §7.13 allows a tenth, and they refuse it): a limit with tenths that is refused is
told without them the next time, before anything else is tried.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from edge.domain.site import EvseKey
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.trial import Trial
from edge.ocpp.versions import Version
from edge.units import Amps, Volts, Watts

# One refusal may be chance: the session ended while the limit was on its way.
REFUSALS_TO_CHANGE = 2
# Of limits that one has taken in watts though it has told amperes, before it is told amperes again: it may have refused
# all for some minutes for another reason, and in watts a car on three phases gets a third. Each time twice as many.
FIRST_PATIENCE, LONGEST_PATIENCE = 5, 640
# The lowest voltage of a public grid, of the nominal one (EN 50160 §4.3).
LOWEST_VOLTAGE = 0.9

_ROUNDING_SLACK_W = 1e-3

# ChargingScheduleAllowedChargingRateUnit of OCPP 1.6 §9.4.2, SmartChargingCtrlr.RateUnit of 2.x part 2 §2.10.
_WORDS = {"current": RateUnit.AMPERES, "a": RateUnit.AMPERES, "power": RateUnit.WATTS, "w": RateUnit.WATTS}


class Units:
    """What one station is told its limits in."""

    def __init__(self) -> None:
        self._first = RateUnit.AMPERES
        self._allowed: tuple[RateUnit, ...] = tuple(RateUnit)
        self._spare: tuple[RateUnit, ...] = ()
        self._refusals = 0
        self._tried = 0  # units in a row that it means to refuse
        self._tells_amperes = False
        self._in_watts = 0  # limits that it has taken so since it was told amperes last
        self._patience = FIRST_PATIENCE
        self._is_due = False  # to be told amperes again, whether or not it connects anew before the next limit
        self._whole = Trial()  # of amperes without tenths, where these were refused

    @property
    def whole_amperes(self) -> bool:
        """Whether the next limit is told without tenths of an ampere."""
        return self._whole.on and self.unit is RateUnit.AMPERES

    @property
    def unit(self) -> RateUnit:
        """That of the next limit."""
        return self._allowed[0]

    def begin(self, first: RateUnit | None) -> None:
        """Begin with this unit, where the station doesn't tell that it takes it not; None: with amperes."""
        self._first = first if first is not None else RateUnit.AMPERES
        self._spare = ()
        self._whole = Trial()
        self._order(RateUnit)

    def allows(self, value: str) -> None:
        """The station has told its units: ``Current,Power`` (1.6) or ``A,W`` (2.x). Words of its own say nothing.

        One that takes amperes doesn't refuse a limit for its unit: watts are kept for when nothing else helps.
        """
        told = {_WORDS.get(word.strip().lower()) for word in value.split(",")}
        units = [unit for unit in RateUnit if unit in told] or list(RateUnit)
        self._spare = ()
        self._tells_amperes = RateUnit.AMPERES in told
        if RateUnit.AMPERES in told and self._first is RateUnit.AMPERES:
            self._spare = tuple(unit for unit in units if unit is not RateUnit.AMPERES)
            units = [RateUnit.AMPERES]
        self._order(units)

    def use_spare(self) -> None:
        """Whatever else could be tried was refused: the station may not mean what it has told."""
        self._allowed, self._spare = (*self._allowed, *self._spare), ()

    def accepted(self, *, tenths: bool = False, key: EvseKey | None = None) -> None:
        """The station has accepted a limit of this EVSE in this unit: it is the first from now on. ``tenths``: the
        limit has tenths of an ampere, told or not."""
        self._first = self.unit
        if tenths and self.unit is RateUnit.AMPERES:
            self._whole.accepted(key)
        self._refusals = self._tried = 0
        self._is_due = False
        if self.unit is RateUnit.AMPERES:
            self._in_watts, self._patience = 0, FIRST_PATIENCE
        elif self._tells_amperes:
            self._in_watts += 1
            if self._in_watts >= self._patience:
                self._in_watts, self._patience = 0, min(2 * self._patience, LONGEST_PATIENCE)
                self._allowed, self._is_due = (RateUnit.AMPERES, RateUnit.WATTS), True

    def refused(self, *, tenths: bool = False, key: EvseKey | None = None, is_known: bool = False) -> bool:
        """The station has refused a limit; whether it has done so in every unit, so that it can't be for the unit.
        ``tenths`` and ``key``: as in :meth:`accepted`. ``is_known``: that it can't be for this one."""
        if tenths and self.unit is RateUnit.AMPERES:
            self._whole.refused(key)
        self._refusals += 1
        if self._refusals >= REFUSALS_TO_CHANGE:
            self._refusals = 0
            if is_known:
                self._tried = 0
                return True
            self._tried += 1
            self._is_due = False
            self._allowed = (*self._allowed[1:], self._allowed[0])
        in_every_unit = self._tried >= len(self._allowed)
        if in_every_unit:
            self._tried = 0
        return in_every_unit

    def _order(self, allowed: Iterable[RateUnit]) -> None:
        first = RateUnit.AMPERES if self._is_due else self._first
        self._allowed = tuple(sorted(allowed, key=lambda unit: unit is not first))
        self._refusals = self._tried = 0


def watts(limit_a: Amps, nominal_voltage_v: Volts) -> Watts:
    """Total power that no phase can carry more than the limit with, in whole watts."""
    return float(math.floor(limit_a * nominal_voltage_v * LOWEST_VOLTAGE + _ROUNDING_SLACK_W))


def in_watts(payload: Mapping[str, Any], version: Version, nominal_voltage_v: Volts) -> dict[str, Any]:
    """A SetChargingProfile in amperes (:mod:`edge.ocpp.profiles.writer`, or its twin of 2.x), told in watts."""
    of_16 = version is Version.V16
    body = "csChargingProfiles" if of_16 else "chargingProfile"
    profile = dict(payload[body])
    schedules = profile["chargingSchedule"]
    told = [_schedule(each, nominal_voltage_v) for each in ([schedules] if of_16 else schedules)]
    profile["chargingSchedule"] = told[0] if of_16 else told
    return {**payload, body: profile}


def _schedule(schedule: Mapping[str, Any], nominal_voltage_v: Volts) -> dict[str, Any]:
    periods = [
        {**period, "limit": watts(period["limit"], nominal_voltage_v)} for period in schedule["chargingSchedulePeriod"]
    ]
    return {**schedule, "chargingRateUnit": RateUnit.WATTS.value, "chargingSchedulePeriod": periods}
