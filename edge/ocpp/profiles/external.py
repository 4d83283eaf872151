"""Telling a cloud of OCPP 2.x that the site's own limit binds, and that it no longer does (K11 to K14, 2.1 K24, K25).

The source is EMS: an energy manager on site. A limit that isn't below what the cloud allows is none of its business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.ocpp.profiles.answer import FollowUp
from edge.ocpp.profiles.fields import moment_text
from edge.ocpp.profiles.model import Moment
from edge.units import Amps, Seconds

SITE_SOURCE = "EMS"
PURPOSE = "ChargingStationExternalConstraints"

SIGNIFICANCE_PCT = 10.0  # LimitChangeSignificance, unless the station has been given another
BETWEEN_NOTICES_S: Seconds = 30.0  # a cloud that is told every second of a busy site would drown in it

# A limit this little below what the cloud allows comes of rounding to 0.1 A.
_BELOW_A = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The limit that the cloud was last told, and when; None: a cloud that has been away is to be told anew."""

    limit_a: Amps | None
    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the cloud knows of the site's limits, by EVSE number."""

    notices: Mapping[int, Notice] = field(default_factory=dict)

    def update(
        self,
        site_a: Mapping[int, Amps],
        cloud_a: Mapping[int, Amps],
        now: Moment,
        *,
        significance_pct: float = SIGNIFICANCE_PCT,
        with_schedules: bool = True,
    ) -> tuple["Told", tuple[FollowUp, ...]]:
        """The CALLs that are due: NotifyChargingLimit for a limit that binds and has changed by enough,
        ClearedChargingLimit for one that binds no longer.

        ``site_a`` is what the site allows each EVSE, ``cloud_a`` what cloud and EVSE themselves would, both per phase.
        ``with_schedules`` is EnableNotifyChargingLimitWithSchedules.
        """
        notices, calls = dict(self.notices), []
        for evse in sorted(site_a.keys() | notices.keys()):
            limit_a, known = site_a.get(evse), notices.get(evse)
            binds = limit_a is not None and limit_a < cloud_a.get(evse, float("inf")) - _BELOW_A
            if limit_a is not None and binds:
                if known is None or _is_due(known, limit_a, now, significance_pct):
                    notices[evse] = Notice(limit_a=limit_a, at=now)
                    calls.append(notify(evse, limit_a, now, with_schedule=with_schedules))
            elif known is not None and now - known.at >= BETWEEN_NOTICES_S:
                del notices[evse]
                calls.append(cleared(evse))
        return Told(notices=notices), tuple(calls)

    @classmethod
    def before(cls, evses: Iterable[int], now: Moment) -> "Told":
        """What a cloud was told before our start, of these EVSEs: it is told anew, or, after the time in which the
        site's limits become known, that it is over."""
        return cls(notices={evse: Notice(limit_a=None, at=now) for evse in evses})

    def again(self) -> "Told":
        """The cloud has been away, and what was on its way to it is lost."""
        return Told(notices={evse: Notice(limit_a=None, at=notice.at) for evse, notice in self.notices.items()})


def _is_due(known: Notice, limit_a: Amps, now: Moment, significance_pct: float) -> bool:
    if known.limit_a is None:
        return True
    change = abs(limit_a - known.limit_a)
    significant = change > known.limit_a * significance_pct / 100
    return significant and now - known.at >= BETWEEN_NOTICES_S


def notify(evse: int, limit_a: Amps, now: Moment, *, with_schedule: bool) -> FollowUp:
    """NotifyChargingLimitRequest (K11.FR.02 and 03, K12.FR.02 and 03)."""
    payload: dict[str, Any] = {
        "evseId": evse,
        "chargingLimit": {"chargingLimitSource": SITE_SOURCE, "isGridCritical": False},
    }
    if with_schedule:
        payload["chargingSchedule"] = [_schedule(evse, limit_a, now)]
    return FollowUp(action="NotifyChargingLimit", payload=payload)


def cleared(evse: int) -> FollowUp:
    """ClearedChargingLimitRequest (K13.FR.02, K14.FR.03)."""
    return FollowUp(action="ClearedChargingLimit", payload={"chargingLimitSource": SITE_SOURCE, "evseId": evse})


def profile(evse: int, limit_a: Amps, now: Moment) -> dict[str, Any]:
    """The site's limit as ReportChargingProfiles tells it. Its id is negative, as K11.FR.06 recommends."""
    return {
        "id": -1 - evse,
        "stackLevel": 0,
        "chargingProfilePurpose": PURPOSE,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [_schedule(evse, limit_a, now)],
    }


def _schedule(evse: int, limit_a: Amps, now: Moment) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": round(limit_a, 1)}
    start = moment_text(float(int(now)))
    return {"id": evse, "startSchedule": start, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
