"""Limits that outsiders set on a circuit: they may lower the site's power, never raise it, and end by themselves."""

from dataclasses import dataclass
from enum import StrEnum

from edge.domain.site import EvseKey
from edge.units import Amps, Seconds, Watts


class LimitSource(StrEnum):
    """Who limits."""

    GRID = "grid"  # the grid operator: §14a EnWG, Rundsteuerung
    GRID_EEBUS = "grid_eebus"  # the grid operator's box over EEBUS
    OPENADR = "openadr"  # events of a demand response programme
    BMS_MQTT = "bms_mqtt"
    BMS_MODBUS = "bms_modbus"
    CLOUD = "cloud"
    DEMAND_WINDOW = "demand_window"
    SCHEDULE = "schedule"
    INSTALLER = "installer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStated:
    """A limit on what a circuit may carry in all, background included, in A per phase or in W; both None: the source
    limits nothing now.

    It holds from ``at`` until ``ends_at`` (monotonic; None: until it is stated anew). When it ends without having been
    stated anew, ``fallback_a`` or ``fallback_w`` holds in its place, and where neither is given, nothing: that is for
    limits that say themselves when they are over.
    """

    source: LimitSource
    circuit: str
    at: Seconds
    limit_a: Amps | None = None
    limit_w: Watts | None = None
    ends_at: Seconds | None = None
    fallback_a: Amps | None = None
    fallback_w: Watts | None = None

    def amps(self, now: Seconds) -> Amps | None:
        """What it allows per phase now, None where it sets no limit in A."""
        return self.limit_a if not self.is_over(now) else self.fallback_a

    def watts(self, now: Seconds) -> Watts | None:
        """What it allows in W now, None where it sets no limit in W."""
        return self.limit_w if not self.is_over(now) else self.fallback_w

    def is_over(self, now: Seconds) -> bool:
        """Whether it has ended without renewal."""
        return self.ends_at is not None and now >= self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseCapped:
    """What the sun's surplus leaves an EVSE from now on, in A per phase; None: it doesn't live on that any more.

    ``eco``: it does so because the building's mode asks for it, not because the site file does.
    """

    key: EvseKey
    at: Seconds
    limit_a: Amps | None
    eco: bool = False
