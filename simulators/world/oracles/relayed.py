"""What reaches the cloud: what the stations have sent, by themselves or late, and what the gateway may say itself."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import orjson

from simulators.confirmation import began_in
from simulators.csms import StartKey
from simulators.world.oracles.base import Oracle
from simulators.world.world import World

REMEMBERED: Final = 20_000  # frames of a station: what was kept over a day without the cloud may still come
CALL: Final = re.compile(r'\[\s*2\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"')
RESULT: Final = re.compile(r'\[\s*3\s*,\s*"([^"]*)"')
TRANSACTION: Final = re.compile(r'("transactionId"\s*:\s*)(-?\d+)')
MAPPED: Final = frozenset({"MeterValues", "StopTransaction"})  # these name a transaction, by an id that may be local
ORDERED: Final = frozenset({"StartTransaction", "MeterValues", "StopTransaction"})
LOST: Final = "-1"  # of a transaction whose number the station never learned: of any of them (errata 3.18)
OWN: Final = "edge-"  # the prefix of the gateway's own message ids
# Whether the cloud answers again, and what it says of a token; in 2.x also which limit is the site's (K12, K13).
OWN_ACTIONS: Final = frozenset({"Heartbeat", "Authorize", "NotifyChargingLimit", "ClearedChargingLimit"})
START: Final = "StartTransaction"


@dataclass(slots=True)
class _Sent:
    """A CALL of a station. `answered_on`: the number of the connection on which the cloud has answered it."""

    order: int
    transaction: str | None
    times: int = 1
    arrivals: int = 0
    answered_on: int | None = None


class BytesPass(Oracle):
    """I5: a CALL that the cloud gets is, byte for byte, one that its station has made, or one of OWN_ACTIONS, or the
    start of a transaction whose own was never answered.

    The one thing that may differ is the number of a transaction that was begun without the cloud, and each stands for
    one number for ever. What the cloud has answered doesn't come again on the same connection. Messages of
    transactions come in the station's order. Answers to the cloud's CALLs may be the gateway's: it owns the charging
    profiles.
    """

    name = "bytes"
    promise = "what reaches the cloud is what the station sent, byte for byte"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sent: dict[str, OrderedDict[str, _Sent]] = {}
        self._by_id: dict[tuple[str, str], _Sent] = {}
        self._numbers: dict[tuple[str, str], str] = {}  # of the transaction as the station knows it: the cloud's
        self._connections: dict[str, int] = {}
        self._newest: dict[str, int] = {}  # the order of the last message of a transaction that has come
        self._count = 0

    def station_said(self, identity: str, text: str) -> None:
        call = CALL.match(text)
        if call is None:
            return
        form, number = _form(call[2], text)
        sent = self._sent.setdefault(identity, OrderedDict())
        self._count += 1
        if form in sent:
            sent[form].times += 1
            return
        sent[form] = self._by_id[identity, call[1]] = _Sent(order=self._count, transaction=number)
        if len(sent) > REMEMBERED:
            oldest, _ = sent.popitem(last=False)
            gone = CALL.match(oldest)
            if gone is not None:
                self._by_id.pop((identity, gone[1]), None)

    def cloud_met(self, identity: str) -> None:
        self._connections[identity] = self._connections.get(identity, 0) + 1

    def cloud_said(self, identity: str, text: str) -> None:
        result = RESULT.match(text)
        sent = self._by_id.get((identity, result[1])) if result is not None else None
        if sent is not None:
            sent.answered_on = self._connections.get(identity, 0)

    def cloud_got(self, identity: str, text: str) -> None:
        call = CALL.match(text)
        if call is None or (call[1].startswith(OWN) and call[2] in OWN_ACTIONS):
            return
        if call[1].startswith(OWN) and call[2] == START and self._is_made_anew(identity, text):
            return
        form, number = _form(call[2], text)
        sent = self._sent.setdefault(identity, OrderedDict()).get(form)
        if sent is None:
            self.fail(f"the cloud got of {identity} what it never sent: {text[:160]}")
            return
        sent.arrivals += 1
        if sent.arrivals > sent.times and sent.answered_on == self._connections.get(identity, 0) and not self.grace_s:
            self.fail(f"the cloud got of {identity} what it had answered on the same connection: {text[:160]}")
        if number is not None and sent.transaction is not None and sent.transaction != LOST:
            known = self._numbers.setdefault((identity, sent.transaction), number)
            if known != number:
                self.fail(f"transaction {sent.transaction} of {identity} is {known} to the cloud, and now {number}")
        if sent.arrivals == 1 and call[2] in ORDERED and (number is not None or call[2] == START):
            if sent.order < self._newest.get(identity, 0):
                self.fail(f"the cloud got of {identity} a message of a transaction after later ones: {text[:160]}")
            self._newest[identity] = max(sent.order, self._newest.get(identity, 0))

    def _is_made_anew(self, identity: str, text: str) -> bool:
        """Whether it is the start of a transaction that its station has given up telling, as nobody answered."""
        start = StartKey.of(identity, orjson.loads(text)[3])
        given_up = self.world.stations[identity].given_up()
        if any(began_in(account, start) for account in given_up):
            self.world.made_anew.add(start)
        return start in self.world.made_anew


def _form(action: str, text: str) -> tuple[str, str | None]:
    """The text without its transaction's number, and that number."""
    found = TRANSACTION.search(text) if action in MAPPED else None
    if found is None:
        return text, None
    return f"{text[: found.start(2)]}#{text[found.end(2) :]}", found[2]
