"""What the connectors of a station offer their cars now: what profiles allow, and how they share it. Pure.

Every `now` is in the station's own clock.
"""

import math
from collections.abc import Callable, Mapping

from simulators.charger.connector import Connector
from simulators.charger.profiles import ProfileStore


class Offers:
    """`obeys`: whether the station does what its profiles say."""

    def __init__(self, connectors: Mapping[int, Connector], profiles: ProfileStore, obeys: Callable[[], bool]) -> None:
        self._connectors = connectors
        self._profiles = profiles
        self._obeys = obeys

    def all_a(self, now: float, *, asking: int | None = None) -> dict[int, float]:
        """What each connector offers, in A per phase: of those that are energised, and of `asking` as if its session
        began now. Others offer 0."""
        offers_a = {number: self._claim_a(each, now, asking=asking) for number, each in self._connectors.items()}
        if not self._profiles.limit_the_station or not self._obeys():
            return offers_a
        claims_a = {each: amps for each, amps in offers_a.items() if self._connectors[each].energised or each == asking}
        least_a = max((self._connectors[each].spec.min_a for each in claims_a), default=0.0)
        return offers_a | share_a(self._profiles.station_limit_a(now), claims_a, least_a)

    def one_a(self, number: int, now: float) -> float:
        """What one connector offers, or would if its session began now."""
        if self._profiles.limit_the_station:
            return self.all_a(now, asking=number)[number]
        return self._claim_a(self._connectors[number], now, asking=number)

    def changes_soon_s(self, now: float, within_s: float) -> float | None:
        """In how many seconds an offer changes by its schedule, or a car comes to obey one; None: not `within_s`."""
        soon_s = math.inf
        for number, connector in self._connectors.items():
            if connector.transaction is None or connector.ev is None or not connector.energised:
                continue
            edge_s = self._profiles.next_edge_s(number, now, connector.transaction.started_s)
            obeys_in_s = connector.ev.obeys_in_s
            soon_s = min(soon_s, edge_s - now, math.inf if obeys_in_s is None else obeys_in_s)
        return soon_s if soon_s <= within_s else None

    def phases(self, connector: Connector, now: float) -> int:
        """On how many phases the connector offers current: all that are wired, unless it is told otherwise by
        numberPhases and can switch."""
        wired = connector.spec.phases
        if not connector.spec.switches_phases or not self._obeys():
            return wired
        since_s = now if connector.transaction is None else connector.transaction.started_s
        told = self._profiles.session_phases(connector.id, now, since_s)
        return wired if told is None else min(told, wired)

    def _claim_a(self, connector: Connector, now: float, *, asking: int | None) -> float:
        """What the connector would offer if it shared with no other."""
        spec, transaction = connector.spec, connector.transaction
        if not connector.energised and spec.connector_id != asking:
            return 0.0
        if not self._obeys():
            return spec.max_a
        since_s = now if transaction is None else transaction.started_s
        limit_a = self._profiles.session_limit_a(spec.connector_id, now, since_s)
        return spec.max_a if limit_a is None or limit_a > spec.max_a else limit_a


def share_a(total_a: float | None, claims_a: dict[int, float], minimum_a: float) -> dict[int, float]:
    """Divide a ChargePointMaxProfile's limit among the connectors (§3.13.3: it holds for all of them together).

    Max-min fair, nobody above its claim. Where the fair share would be below `minimum_a`, the connector with the
    highest number waits at 0. `total_a` None is no limit.
    """
    if total_a is None or math.fsum(claims_a.values()) <= total_a:
        return dict(claims_a)
    served = sorted(claims_a)
    while len(served) > 1 and total_a / len(served) < minimum_a:
        served.pop()
    shares_a = dict.fromkeys(claims_a, 0.0)
    left_a = total_a
    for position, connector_id in enumerate(sorted(served, key=lambda each: claims_a[each])):
        shares_a[connector_id] = min(claims_a[connector_id], left_a / (len(served) - position))
        left_a -= shares_a[connector_id]
    return shares_a
