"""GetCompositeSchedule: what the station expects to allow, as it is answered (OCPP 1.6 §5.7). Pure."""

import math
from collections.abc import Callable

from simulators.charger.frames import Payload
from simulators.charger.profile import RateUnit
from simulators.charger.profiles import Segment, piecewise
from simulators.charger.sessions import Sessions
from simulators.charger.timestamp import format_time

LONGEST_S = 31 * 86_400  # a month; beyond that the answer is Rejected instead of megabytes of daily periods


def composite_schedule(sessions: Sessions, connector_id: int, duration_s: int, unit: RateUnit, now_s: float) -> Payload:
    """GetCompositeSchedule.conf for the `duration_s` from the current whole second of the station's clock on.

    Of a connector: the lower of its composite limit and its own maximum ("local limits", §5.7), as if its session
    began now where none runs. Of connector 0: the sum over all connectors, at most the ChargePointMaxProfile.
    Limits are rounded down to the one digit that OCPP allows; in W they are of all wired phases together.
    """
    if connector_id not in {0, *sessions.connectors} or not 0 < duration_s <= LONGEST_S:
        return {"status": "Rejected"}
    from_s = float(math.floor(now_s))
    ids = list(sessions.connectors) if connector_id == 0 else [connector_id]

    def charging_since_s(each: int) -> float:
        transaction = sessions.connectors[each].transaction
        return from_s if transaction is None else min(from_s, transaction.started_s)

    def limit_a(at_s: float) -> float:
        total_a = math.fsum(_connector_limit_a(sessions, each, at_s, charging_since_s) for each in ids)
        station_a = sessions.profiles.station_limit_a(at_s)
        return total_a if station_a is None else min(total_a, station_a)

    to_s = from_s + duration_s
    edges = sessions.profiles.edges(ids, from_s, to_s, charging_since_s)
    segments = piecewise(limit_a, edges, from_s, to_s)
    phases = max(sessions.connectors[each].spec.phases for each in ids)
    to_unit = 1.0 if unit is RateUnit.AMPERES else sessions.spec.nominal_voltage_v * phases
    return {
        "status": "Accepted",
        "connectorId": connector_id,
        "scheduleStart": format_time(from_s),
        "chargingSchedule": {
            "duration": duration_s,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": _periods(segments, to_unit, phases),
        },
    }


def _connector_limit_a(
    sessions: Sessions, connector_id: int, at_s: float, charging_since_s: Callable[[int], float]
) -> float:
    max_a = sessions.connectors[connector_id].spec.max_a
    limit_a = sessions.profiles.session_limit_a(connector_id, at_s, charging_since_s(connector_id))
    return max_a if limit_a is None else min(limit_a, max_a)


def _periods(segments: tuple[Segment, ...], to_unit: float, phases: int) -> list[Payload]:
    periods: dict[int, Payload] = {}  # by start; of several that begin in the same second the last one counts
    for segment in segments:
        if segment.limit_a is not None:
            start = round(segment.start_s)
            limit = math.floor(segment.limit_a * to_unit * 10 + 1e-6) / 10  # 1e-6: 8.1 is stored as 8.0999…
            periods[start] = {"startPeriod": start, "limit": limit, "numberPhases": phases}
    return list(periods.values())
