"""The power that a meter shows in the status report, and how old that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.domain.site import Site
from edge.units import PhaseAmps, Seconds, Watts, watts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a meter showed ``age_s`` ago; positive is drawn."""

    power_w: Watts
    age_s: Seconds


def shown(report: Mapping[str, Any], meter: str | None, site: Site) -> Shown | None:
    """The meter's newest reading, as long as it counts (``meter_stale_s``): one poll that failed is no silence.

    Where the meter tells no power it is what its currents come to at the nominal voltage. None: it tells neither, is
    silent, or isn't there.
    """
    part = next((each for each in report.get("meters", ()) if each["id"] == meter), None)
    if part is None or part["age_s"] is None or part["age_s"] > site.control.meter_stale_s:
        return None
    power_w, current_a = part.get("power_w"), part.get("current_a")
    if power_w is None and current_a is not None:
        power_w = watts(PhaseAmps(*current_a), site.nominal_voltage_v)
    return Shown(power_w=float(power_w), age_s=float(part["age_s"])) if power_w is not None else None
