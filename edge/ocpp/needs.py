"""What a car wants, out of its charging needs (OCPP 2.x part 2 §2.13 ChargingNeedsType)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.domain.site import EvseKey
from edge.domain.station import NeedStated
from edge.ocpp.fields import fields, number
from edge.ocpp.station_clock import StationClock, parse_timestamp
from edge.units import Seconds, WattHours

MAX_ENERGY_WH = 2_000_000.0  # the batteries of the largest lorries have 1 MWh


def energy_wanted_wh(needs: Mapping[str, Any]) -> WattHours | None:
    """The energy that the car asks for; None when it doesn't say.

    AC: energyAmount. DC: the same, or what lacks from the state of charge to full. V2X (2.1): the target.
    """
    ac, dc = fields(needs.get("acChargingParameters")), fields(needs.get("dcChargingParameters"))
    v2x = fields(needs.get("v2xChargingParameters"))
    stated = (ac.get("energyAmount"), dc.get("energyAmount"), v2x.get("evTargetEnergyRequest"), _to_full_wh(dc))
    amounts = (number(value) for value in stated)
    return next((amount for amount in amounts if amount is not None and 0 <= amount <= MAX_ENERGY_WH), None)


def stated(
    key: EvseKey, payload: Mapping[str, Any], clock: StationClock, now: Seconds, wall: datetime
) -> NeedStated | None:
    """The need in a NotifyEVChargingNeedsRequest; None where it is none."""
    needs = fields(payload.get("chargingNeeds"))
    energy_wh = energy_wanted_wh(needs)
    departure = parse_timestamp(needs.get("departureTime"))
    if energy_wh is None or departure is None:
        return None  # without a time it is no need: what a card or a person has said holds
    departs_in_s = clock.until_s(departure, now, wall)
    if departs_in_s < 0:
        return None
    return NeedStated(key=key, at=now, energy_wanted_wh=energy_wh, departs_in_s=departs_in_s)


def _to_full_wh(dc: Mapping[str, Any]) -> WattHours | None:
    """From the state of charge to the one that the car calls full, 100 % unless it says otherwise."""
    capacity_wh, charged, full = (number(dc.get(key)) for key in ("evEnergyCapacity", "stateOfCharge", "fullSoC"))
    if capacity_wh is None or charged is None:
        return None
    return capacity_wh * (full if full is not None else 100.0) / 100.0 - capacity_wh * charged / 100.0
