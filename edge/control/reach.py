"""How far an EVSE is ours to limit, by what its station and the EVSE itself have shown."""

from edge.allocation.state import Reach
from edge.control.peers import StationRecord
from edge.control.records import FAILURES_THAT_COUNT, EvseRecord
from edge.units import Seconds

# A station that has just connected is asked for nothing but its first limit for this long: two own CALLs and an answer
# over a slow mobile link.
NEW_GRACE_S = 10.0
# After our start a station that isn't back yet counts as arriving for this long: stations reconnect within seconds of
# finding their link dead, and nobody is to be cut for those that come next.
START_GRACE_S = 15.0


def reach_of(record: EvseRecord, station: StationRecord, *, now: Seconds, started_at: Seconds) -> Reach:
    """``started_at`` is when this program did."""
    online_since = station.online_since
    if online_since is None:
        expected = not station.ever_online and now - started_at < START_GRACE_S
        return Reach.EXPECTED if expected else Reach.OFFLINE
    if record.disobeys:
        return Reach.DISOBEYING
    if record.refuses:
        return Reach.REFUSING
    if record.silences >= FAILURES_THAT_COUNT:
        return Reach.SILENT
    if record.holdings.is_governed:
        # Until it has confirmed another limit: it may be on its way up after a while out of reach.
        rises = record.rises_at is not None and record.rises_at <= now
        return Reach.UNCONFIRMED if rises else Reach.OBEYING
    return Reach.NEW if now - online_since < NEW_GRACE_S else Reach.UNCONFIRMED
