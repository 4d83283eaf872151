"""A charging station that speaks OCPP 2.0.1 or 2.1, with a car behind each EVSE."""

from simulators.charger_v2.driven import DrivenStationV2
from simulators.charger_v2.profiles import Profiles
from simulators.charger_v2.station import EvseV2, StationV2

__all__ = ["DrivenStationV2", "EvseV2", "Profiles", "StationV2"]
