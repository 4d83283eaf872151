"""The telemetry image: every point's value at one tick, made from one status report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.bms.points import CIRCUIT_POINTS, CONTROL_POINTS, EVSE_POINTS, SITE_POINTS
from edge.bms.view import SiteView, Value, circuit_views, evse_views
from edge.domain.site import EvseKey, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Values in the points' units, by the points' names; None is "not available".

    ``circuits`` and ``evses`` are in the site file's order. All is of the tick with number ``tick``.
    """

    tick: int
    site: Mapping[str, Value]
    control: Mapping[str, Value]
    circuits: Mapping[str, Mapping[str, Value]]
    evses: Mapping[EvseKey, Mapping[str, Value]]
    effective: Mapping[str, Any]
    reasons: Mapping[EvseKey, str]  # the setpoint's sentence


def image(report: Mapping[str, Any], site: Site) -> Image:
    """What ``report`` says of ``site``, as points. Nothing but the two is looked at."""
    view = SiteView.of(report, site)
    evses = evse_views(report, site)
    return Image(
        tick=report.get("control", {}).get("ticks", 0),
        site={point.name: point.read(view) for point in SITE_POINTS},
        control={point.name: point.read(view) for point in CONTROL_POINTS},
        circuits={
            each.circuit.id: {point.name: point.read(each) for point in CIRCUIT_POINTS}
            for each in circuit_views(report, site)
        },
        evses={each.evse.key: {point.name: point.read(each) for point in EVSE_POINTS} for each in evses},
        effective=dict(view.effective),
        reasons={each.evse.key: each.part.get("text", "") for each in evses},
    )
