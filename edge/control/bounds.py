"""Whom the site itself limits: what its clouds are to be told of a decision (OCPP 2.x K11 to K13)."""

from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.control.ports import SiteLimitSink
from edge.domain.setpoint import Reason

# The EVSE, its car or its cloud wants no more; of all else the cause is the site.
NOT_THE_SITES = frozenset(
    {
        Reason.MAXIMUM,
        Reason.DEMAND_MET,
        Reason.CAR_PAUSED,
        Reason.NOT_LET_IN,
        Reason.IDLE,
        Reason.BELOW_MINIMUM,
        Reason.CLOUD_LIMIT,
    }
)
# Over within a minute, and no limit: a schedule of an hour isn't at most this. What was told before holds on.
PASSING = frozenset(
    {
        Reason.STEADYING,
        Reason.STARTING,
        Reason.RESTING,
        Reason.WAITING_FOR_CUT,
        Reason.WRITES_SPENT,
        Reason.SWITCHING_PHASES,
        Reason.STATION_NEW,
    }
)
# A cloud is told every half minute at most, and a setpoint costs time to make: each is looked at every so many ticks.
EVERY_TICKS = 10


class Bounds:
    """Tells the sink whom the site limits, a part of the EVSEs with each tick."""

    def __init__(self, sink: SiteLimitSink) -> None:
        self._sink = sink
        self._tick = 0

    def tell(self, snapshot: Snapshot, decision: Decision) -> None:
        """After a tick."""
        self._tick = (self._tick + 1) % EVERY_TICKS
        for number in range(self._tick, len(snapshot.evses), EVERY_TICKS):
            state = snapshot.evses[number]
            limit_a = None
            if state.in_session:
                setpoint = decision.setpoint(number)
                if setpoint.reason in PASSING:
                    continue
                limit_a = setpoint.limit_a if setpoint.reason not in NOT_THE_SITES else None
            self._sink.take(state.key, limit_a)
