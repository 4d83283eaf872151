"""The desk of one station's profiles: keeps the store, answers the cloud, tells the control what the cloud allows.

The one place of this package where state changes. It has no sockets and no clock: ``wall`` is our wall clock, by which
the cloud's schedules count, ``now`` monotonic seconds for the facts.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from edge.domain.site import EvseKey, Station
from edge.domain.station import CloudLimit, EvseStatus, SessionBegan, SessionEnded, StationFact, StatusReported
from edge.ocpp.fields import fields, text, whole_number
from edge.ocpp.profiles import answers_v2, answers_v16, readiness
from edge.ocpp.profiles.admission import Wiring
from edge.ocpp.profiles.answer import Answer, CallRefusal, Context, PlainStart, StartRequest
from edge.ocpp.profiles.composite import CloudAllowance, StationMaximum
from edge.ocpp.profiles.courses import READERS
from edge.ocpp.profiles.kept_store import KeptStore
from edge.ocpp.profiles.model import Moment
from edge.ocpp.profiles.store import AWAITED_MOST, STATION, ProfileStore
from edge.ocpp.shelf import Shelf
from edge.ocpp.versions import Version
from edge.units import Amps, Seconds, Volts

ASKED_MOST = 80  # CALLs that wait for the disk: a cloud has one on the line, a station may bring 64 profiles of it
STEP_S: Seconds = 1.0  # between two looks, which are seconds apart: NTP slews far less, and a schedule bears less


class ProfileDesk:
    """The profiles of one station. Without a shelf they live as long as the program.

    ``whole_a``: see :class:`edge.ocpp.profiles.admission.Wiring`. ``on_saved`` is called when a save is over, and all
    answers that waited for it are given: between two steps, as a disk takes its time.
    """

    def __init__(
        self, station: Station, nominal_voltage_v: Volts, shelf: Shelf | None = None, *, whole_a: Amps = 0.0
    ) -> None:
        self._station = station.id
        self._wiring = Wiring.of(station, nominal_voltage_v, whole_a)
        self._version = Version.V16
        self._kept = KeptStore(station.id, shelf)
        self.on_saved: Callable[[], None] = lambda: None
        self.store = self._kept.found
        self._asked: deque[Callable[[], None]] = deque()
        self.site_a: Mapping[int, Amps] = {}  # what the site allows now, by EVSE number; absent: as much as there is
        self._told: dict[int, Amps | None] = {}
        self._stale = True  # what is told may no longer be what the store says
        self._lead_s: Seconds | None = None  # of the wall clock over monotonic time, at the last look
        self._since: Seconds = 0.0  # when that first was
        self._until: Moment | None = None
        self._remote: OrderedDict[str, str] = OrderedDict()  # remoteStartId of transactions, by their id

    @property
    def problem(self) -> str | None:
        """What is wrong with the shelf; see :class:`edge.ocpp.profiles.kept_store.KeptStore`."""
        return self._kept.problem

    # The cloud asks.

    def speak(self, version: Version) -> None:
        """The version that station and cloud speak from now on."""
        self._stale = self._stale or version is not self._version
        self._version = version

    def owns(self, action: str) -> bool:
        """Whether :meth:`answer` answers that action."""
        return action in (answers_v2.ANSWERS if self._version.is_v2 else answers_v16.ANSWERS)

    def answer(self, action: str, payload: object, wall: datetime, reply: Callable[[Answer], None]) -> None:
        """Answer a CALL of the cloud that :meth:`owns` knows. ``reply`` gets the answer when what it says is on the
        disk, if anything is: before this returns, unless the shelf takes its time. Nothing holds before."""
        if len(self._asked) >= ASKED_MOST:
            reply(self._refusal("too many requests wait for the disk"))
            return
        find = partial(self._answer, action, payload, self._version, wall)
        self._asked.append(partial(self._answer_when_kept, find, reply))
        self._go_on()

    def _answer(self, action: str, payload: object, version: Version, wall: datetime) -> Answer:
        answer = answers_v2.answer if version.is_v2 else answers_v16.answer
        return answer(self.store, action, payload, replace(self._context(wall), version=version))

    def _answer_when_kept(self, find: Callable[[], Answer], reply: Callable[[Answer], None]) -> None:
        before, found = self.store, find()
        if not self._kept.lasts(found.store, before):
            self._take(found.store)
            reply(found)
            return

        def kept(problem: str | None) -> None:
            if problem is not None:
                reply(self._refusal("the charging profiles can't be stored"))
                return
            answer = found if self.store is before else find()  # the station may have told something meanwhile
            self._take(answer.store)
            reply(answer)

        self._save(found.store, kept)

    def _refusal(self, why: str) -> Answer:
        return Answer(store=self.store, reply=CallRefusal(code="InternalError", description=why))

    def start(self, payload: object, wall: datetime) -> StartRequest | Answer:
        """A CALL of the cloud to start a transaction with a profile: what to ask the station, or what to answer."""
        start = answers_v2.start if self._version.is_v2 else answers_v16.start
        found = start(self.store, payload, self._context(wall))
        if isinstance(found, StartRequest):
            at = wall.timestamp()
            self._keep(self.store.awaiting(found.evse, found.token, found.profile, at))
        return found

    def start_answered(self, evse: int | None, token: str, *, accepted: bool, transaction: str | None = None) -> None:
        """The station's answer to that; not accepted, too, where it was never asked. ``transaction``: the one that runs
        there already (2.x F02)."""
        store = self.store
        self._keep(store.only_awaiting(evse, token) if accepted else store.not_awaiting(evse, token))
        if accepted and transaction is not None:
            self._is_remote(transaction, token)

    def plain_start(self, payload: object) -> PlainStart | None:
        """A CALL of the cloud to start a transaction without a profile. In 2.x each has an id of its own, by which
        alone a profile is bound."""
        return None if self._version.is_v2 else answers_v16.plain_start(fields(payload))

    def plain_start_accepted(self, start: PlainStart) -> None:
        """The station has accepted that: what waits for a transaction there is of a start that came to nothing."""
        self._keep(self.store.none_awaiting(start.evse, start.token))

    # The station tells.

    def station_called(self, action: str, payload: object, facts: Sequence[StationFact], wall: datetime) -> None:
        """A CALL of the station went by, and these are the facts in it."""
        reader = READERS.get(action)
        store = self.store
        if reader is not None:
            store = reader(store, fields(payload), wall.timestamp())
        store = self._after(store, facts, wall)
        if action == "TransactionEvent":
            store = self._bound(store, fields(fields(payload).get("transactionInfo")), wall.timestamp())
        if self._version.is_v2:
            event = fields(payload) if action == "TransactionEvent" else {}
            store = readiness.followed(self.store, store, event, facts, wall.timestamp())
        self._keep(store)

    def learned(self, facts: Iterable[StationFact], wall: datetime) -> None:
        """Facts from elsewhere: the cloud's answer to a StartTransaction."""
        self._keep(self._after(self.store, facts, wall))

    def _bound(self, store: ProfileStore, info: Mapping[str, Any], at: Moment) -> ProfileStore:
        """OCPP 2.x: the remoteStartId says which request to start a transaction answers (F01.FR.25). It is told once,
        maybe before the EVSE is."""
        transaction, remote = text(info.get("transactionId")), whole_number(info.get("remoteStartId"))
        if transaction is None:
            return store
        if remote is not None:
            self._is_remote(transaction, str(remote))
        running, token = store.find(transaction), self._remote.get(transaction)
        if running is None or token is None:
            return store
        del self._remote[transaction]
        return store.began(running.evse, transaction, at, token=token)

    def _is_remote(self, transaction: str, token: str) -> None:
        self._remote[transaction] = token
        while len(self._remote) > AWAITED_MOST:
            self._remote.popitem(last=False)

    def _after(self, store: ProfileStore, facts: Iterable[StationFact], wall: datetime) -> ProfileStore:
        for fact in facts:
            match fact:
                case SessionBegan():
                    store = store.began(fact.key.evse, fact.transaction_id, wall.timestamp())
                case SessionEnded():
                    store = store.ended(fact.key.evse)
                case StatusReported(status=EvseStatus.AVAILABLE) if not self._version.is_v2:
                    store = store.ended(fact.key.evse)  # also what ended while the gateway was off (1.6 §4.9)
                case _:
                    pass
        return store

    # The control wants to know.

    def due(self, now: Seconds, wall: datetime, *, cloud_connected: bool) -> list[CloudLimit]:
        """What has changed of what the cloud allows. To be called about twice a second: mostly it does nothing."""
        at = wall.timestamp()
        self.follow_clock(now, wall)
        if self._kept.retries(now):
            self._go_on()
        self._see_cloud(at, connected=cloud_connected)
        if not (self._stale or (self._until is not None and at >= self._until)):
            return []
        self._stale = False
        allowances = {evse: self.allowance(evse, at) for evse in (STATION, *self._wiring.phases)}
        self._until = min((each.until for each in allowances.values() if each.until is not None), default=None)
        return [self._tell(evse, each.limit_a, now) for evse, each in allowances.items() if self._is_news(evse, each)]

    def follow_clock(self, now: Seconds, wall: datetime) -> None:
        """A schedule that counts from the begin of a session, and a cloud's absence, last as long as they do, whatever
        the clock is set to. To be called before anything else at that moment."""
        lead_s = wall.timestamp() - now
        before_s, self._lead_s = self._lead_s, lead_s
        if before_s is None:
            self._since = now
        elif abs(lead_s - before_s) >= STEP_S:
            self._stale = True
            since, until = self._since + before_s, now + before_s
            self._keep(self.store.moved(lead_s - before_s, since=since, until=until))

    def see_cloud(self, wall: datetime, *, connected: bool) -> None:
        """Whether the cloud is there: some profiles end when it has been away for long (2.1 K01.FR.101)."""
        self._see_cloud(wall.timestamp(), connected=connected)

    def _see_cloud(self, at: Moment, *, connected: bool) -> None:
        self._keep(self.store.online(at) if connected else self.store.offline(at))

    def maximum(self, wall: datetime) -> StationMaximum:
        """The station's maximum now, as the cloud has set it."""
        at = wall.timestamp()
        return Context(version=self._version, wiring=self._wiring, now=at).composer(self.store).maximum(at)

    def site_told(self, evses: Iterable[int]) -> None:
        """The cloud knows of a limit of the site's of these EVSEs, and of no other: it is told the end of each, though
        the gateway starts anew."""
        told = frozenset(evses)
        if told != self.store.site_told:
            self._keep(replace(self.store, site_told=told))

    @property
    def newest(self) -> Moment | None:
        """When the newest of the profiles was set; None where there is none."""
        return max((each.since for each in self.store.installed), default=None)

    def rest_s(self, wall: datetime) -> Seconds:
        """How long :meth:`due` has nothing to tell by itself: infinite where nothing of it changes with time."""
        if self._stale:
            return 0.0
        return math.inf if self._until is None else max(self._until - wall.timestamp(), 0.0)

    def allowance(self, evse: int, at: Moment) -> CloudAllowance:
        """What the cloud allows the EVSE, or the station as a whole, and until when."""
        context = Context(version=self._version, wiring=self._wiring, now=at)
        return context.composer(self.store).allowance(evse, at)

    def cloud_a(self, evses: Iterable[int], at: Moment) -> dict[int, Amps]:
        """What cloud and EVSE themselves allow each of these EVSEs per phase."""
        found = {}
        for evse in evses:
            limit_a, max_a = self.allowance(evse, at).limit_a, self._wiring.max_a[evse]
            found[evse] = max_a if limit_a is None else min(limit_a, max_a)
        return found

    def _is_news(self, evse: int, allowance: CloudAllowance) -> bool:
        return self._told.get(evse) != allowance.limit_a

    def _tell(self, evse: int, limit_a: Amps | None, now: Seconds) -> CloudLimit:
        self._told[evse] = limit_a
        return CloudLimit(key=EvseKey(station=self._station, evse=evse), at=now, limit_a=limit_a)

    # Keeping.

    def _context(self, wall: datetime) -> Context:
        return Context(version=self._version, wiring=self._wiring, now=wall.timestamp(), site_a=self.site_a)

    def _keep(self, store: ProfileStore) -> None:
        """Take over what the station told; it holds even where the disk fails."""
        if store is not self.store:
            self._take(store)
            self._go_on()

    def _take(self, store: ProfileStore) -> None:
        self._stale = self._stale or store != self.store
        self.store = store

    def _go_on(self) -> None:
        """Do what waits for the disk: answers first, then what was told."""
        while self._asked and not self._kept.is_saving:
            self._asked.popleft()()
        if not self._kept.is_saving and self._kept.lacks(self.store):
            self._save(self.store, lambda _problem: None)

    def _save(self, store: ProfileStore, then: Callable[[str | None], None]) -> None:
        def over(problem: str | None) -> None:
            then(problem)
            self._go_on()
            self.on_saved()

        self._kept.save(store, over)
