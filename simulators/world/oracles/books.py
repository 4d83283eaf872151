"""What the cloud bills, and whether everybody is served."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import orjson

from simulators.charger import TransactionAccount
from simulators.confirmation import confirmed, start_of
from simulators.csms import StartKey
from simulators.world.disk import Condition
from simulators.world.oracles.base import Oracle
from simulators.world.parking import Stay
from simulators.world.world import World

WRITTEN_S: Final = 10.0  # what a disk has refused is tried again each 5 s
HEAD: Final = 80  # characters of a frame: its id and its action are in them
# A car that comes needs a card asked for, a transaction, a first limit and a car that wakes: seconds each.
PATIENCE_S: Final = 300.0
# Reasons by which the gateway says: it isn't me who holds this car back.
NOT_WAITING: Final = frozenset({"MAXIMUM", "DEMAND_MET", "IDLE", "READY_IN_TIME", "NOT_LET_IN"})
# Reasons that have to pass by themselves, where no fault keeps the station away: a lost reconnect is none.
TRANSIENT: Final = frozenset(
    {
        "STATION_OFFLINE",
        "STATION_NEW",
        "STATION_SILENT",
        "RESTING",
        "STARTING",
        "SWITCHING_PHASES",
        "WAITING_FOR_CUT",
    }
)


class EachTransactionOnce(Oracle):
    """I2: each transaction is upstream exactly once in effect, with its own start and end.

    But for those whose number the cloud alone knows: it took the begin while the disk refused, their station had
    given up when it answered, and the gateway ended before it could write. Nobody can end these rightly; they may stay
    open in the cloud, and be begun anew.
    """

    name = "transactions"
    promise = "each transaction is in the cloud's books exactly once"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._refused_at = float("-inf")  # when the disk did so last
        self._unkept: dict[StartKey, int] = {}  # begins not written yet, and which start of it knows them

    def look(self) -> None:
        gateway, now = self.world.gateway, self.world.now()
        if gateway.disk.condition is not Condition.GOOD:
            self._refused_at = now
        for start, starts in list(self._unkept.items()):
            if gateway.starts != starts:
                self.world.forgotten.add(start)
            if gateway.starts != starts or now - self._refused_at > WRITTEN_S:
                del self._unkept[start]

    def cloud_got(self, identity: str, text: str) -> None:
        if self.world.gateway.disk.condition is not Condition.GOOD and '"StartTransaction"' in text[:HEAD]:
            self._unkept[StartKey.of(identity, orjson.loads(text)[3])] = self.world.gateway.starts

    def close(self) -> None:
        if self.grace_s == float("inf"):
            return
        record, accounts = self.world.cloud.record, self.world.accounts()
        lost = self._lost_numbers()
        judged = [account for account in accounts if account not in lost]
        known = confirmed(judged, record, made_anew=self.world.made_anew)
        if known < len(judged):
            self.fail(f"{len(judged) - known} of {len(judged)} transactions aren't in the cloud's books as they were")
        if len(record.transactions) > len(accounts) + len(lost):
            self.fail(f"the cloud has {len(record.transactions)} transactions, the stations had {len(accounts)}")
        may_be_open = set(lost.values())
        stops = Counter(each.stops_received for each in record.transactions.values() if each.start not in may_be_open)
        if record.orphan_stops:
            self.fail(f"{record.orphan_stops} ends came to the cloud that belong to no transaction")
        if stops[0]:
            self.fail(f"{stops[0]} transactions have no end in the cloud's books")

    def _lost_numbers(self) -> dict[TransactionAccount, StartKey]:
        """Those whose number nobody else knows any more, and their begins."""
        given_up = [account for station in self.world.stations.values() for account in station.given_up()]
        return {account: start_of(account) for account in given_up if start_of(account) in self.world.forgotten}


class NobodyIsStuck(Oracle):
    """I3: whoever waits is served, or the gateway says why not."""

    name = "stuck"
    promise = "every waiting car is served or has its reason"
    every_s = 60.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[int, float] = {}  # since when each stay has drawn nothing without a reason
        self._told: set[int] = set()

    def look(self) -> None:
        idle = {
            key: stay
            for key, stay in self.world.parking.here.items()
            if stay.ev.draw_a == 0.0 and not stay.ev.full and stay.may_charge and not stay.ev.napping
        }
        numbers = {id(stay) for stay in idle.values()}
        self._since = {number: since for number, since in self._since.items() if number in numbers}
        if idle:
            self._ask(idle)

    def _ask(self, idle: Mapping[tuple[str, int], Stay]) -> None:
        status = self.world.gateway.site_report()
        evses = evses_said(status) if status is not None else {}
        now = self.world.now()
        for key, stay in idle.items():
            number = id(stay)
            reason = evses.get(key, {}).get("reason")
            # A car that was offered its minimum and takes none has paused by itself.
            has_reason = reason is not None and reason not in NOT_WAITING | TRANSIENT and reason != "CAR_PAUSED"
            if has_reason or self._waits_for_cloud(key):
                self._since.pop(number, None)
            elif now - self._since.setdefault(number, now) > PATIENCE_S + self.grace_s and number not in self._told:
                self._told.add(number)
                said = "nothing, as it isn't there" if status is None else f"{reason}"
                self.fail(
                    f"{stay.label} wants to charge and has drawn nothing for {PATIENCE_S:g} s; the gateway says {said}"
                )

    def _waits_for_cloud(self, key: tuple[str, int]) -> bool:
        """Whether its driver's card isn't taken while the scenario's cloud is away: nobody on the site knows it."""
        now, (station, evse) = self.world.now(), key
        is_away = any(from_s <= now < from_s + for_s for from_s, for_s in self.world.scenario.cloud_away)
        return is_away and self.world.stations[station].refuses(evse)


def evses_said(status: Any) -> dict[tuple[str, int], dict[str, Any]]:
    """What the gateway's report says of each EVSE."""
    return {(each["id"], evse["id"]): evse for each in status["stations"] for evse in each["evses"]}
