"""Register tables of simulated meters, one for each family that a gateway may meet.

Written from the makers' tables, not from the gateway's catalogue: what reads both the same is right.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from simulators.meter.maps.building import BUILDING_MAPS
from simulators.meter.maps.layout import Layout
from simulators.meter.maps.panel import PANEL_MAPS
from simulators.meter.maps.rail import RAIL_MAPS
from simulators.meter.maps.sunspec import SUNSPEC_MAPS

MAPS: Final[Mapping[str, Layout]] = MappingProxyType(RAIL_MAPS | PANEL_MAPS | BUILDING_MAPS | SUNSPEC_MAPS)
"""By the family's name."""

__all__ = ["MAPS", "Layout"]
