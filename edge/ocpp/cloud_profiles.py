"""The cloud's charging profiles on the way through the relay: kept, answered, and never passed on, but for a clear of
what isn't known here. Sans-I/O.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from edge.clock import EARLIEST_PLAUSIBLE
from edge.domain.site import Station
from edge.domain.station import StationFact
from edge.ocpp import signed, wire
from edge.ocpp.actions import Outbox
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.fields import fields, text
from edge.ocpp.own_station.cloud_time import CloudTime
from edge.ocpp.profiles import foreign
from edge.ocpp.profiles.answer import Answer, CallRefusal, PlainStart, StartRequest
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.profiles.external import Told
from edge.ocpp.station_clock import EPOCH
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.upline import Upline
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, ErrorCode
from edge.units import Amps, Seconds

STARTS_KEPT = 16  # passed on and unanswered; the arbiter lets one be outstanding, and drops what waits for too long

CLEARED_KEPT = 64  # as many profiles as are kept for a station


class CloudProfiles:
    """One station's. ``desk`` keeps the profiles; what comes of a step goes into the outbox, between two steps where an
    answer waits for the disk. ``site_a`` tells what the site allows each EVSE: a cloud of 2.x is told where that is
    less than what it allows itself."""

    def __init__(
        self,
        station: Station,
        memory: StationMemory,
        desk: ProfileDesk,
        upline: Upline,
        outbox: Outbox,
        site_a: Callable[[], Mapping[int, Amps]],
        *,
        has_cloud: bool = True,
    ) -> None:
        """``has_cloud``: the site has one, away or not."""
        self._has_cloud_at_all = has_cloud
        self._station = station
        self._memory = memory
        self._site_a = site_a
        self._cloud_number = 0  # how many connections of the cloud have ended
        self._told = Told()
        self._told_before = desk.store.site_told  # our start, and not yet seen to
        self._cloud_connected = False
        self._version = Version.V16
        self._desk = desk
        desk.on_saved = self._is_late
        self._up = upline
        self._out = outbox
        self._problem: str | None = None
        self._replaced = foreign.Replaced()
        self._cleared: deque[Mapping[str, Any]] = deque(maxlen=CLEARED_KEPT)  # what the station was asked to clear
        self._kept_time = CloudTime()
        self._ahead = timedelta(0)  # the time by which schedules count, of our wall clock
        self._starts: OrderedDict[str, PlainStart] = OrderedDict()  # by the CALL's id

    def speak(self, version: Version) -> None:
        """The edition that the station speaks from now on."""
        self._version = version
        self._desk.speak(version)

    def station_connected(self) -> None:
        """The station has come, maybe another one under its identity."""
        self._cleared.clear()

    def answer(self, call: Call, now: Seconds, wall: datetime, pass_on: Callable[[Call], None]) -> None:
        """Answer a CALL of the cloud about profiles, and send the reports that it asks for. One that asks to clear what
        isn't known here is for the station, which may hold it from before: it goes to ``pass_on``. What is cleared here
        the station is asked to clear, too. Either of it once: it gets nothing anew, and one that always says Accepted
        would have our limits told anew each time."""
        wall = self._at(now, wall)
        self._desk.follow_clock(now, wall)
        plain, cloud = signed.plain(call), self._cloud_number

        def reply(answer: Answer) -> None:
            onward = self._for_the_station(call, plain, answer)
            if cloud == self._cloud_number:
                if onward is not None:
                    pass_on(onward)
                else:
                    self._reply(call, answer, now)

        self._desk.answer(plain.action, plain.payload, wall, reply)

    def _for_the_station(self, call: Call, plain: Call, answer: Answer) -> Call | None:
        """Have the station asked to clear what it may hold from before; the CALL itself, where only the station can
        answer it."""
        if isinstance(answer.reply, CallRefusal):
            return None
        if plain.action == "UpdateDynamicSchedule":
            known = {each.profile.id for each in self._desk.store.installed}
            return call if foreign.may_be_updated(plain.payload, self._station, known) else None
        status = answer.reply.get("status")
        below = self._below(plain) if plain.action == "ClearChargingProfile" else None
        if below is not None and below not in self._cleared:
            if status != "Unknown":
                self._cleared.append(below)
                self._memory.questions.append(OwnCall(action=plain.action, payload=below))
            elif below == plain.payload:
                return call
            elif plain is call:
                text = wire.call_text(call.id, call.action, below)
                return Call(id=call.id, action=call.action, payload=below, text=text)
        if plain.action != "SetChargingProfile" or status != "Accepted" or self._version is not Version.V16:
            return None
        if not self._station.is_controller:
            self._memory.questions.extend(self._replaced.by(plain.payload, self._station, self._memory.ladder))
        return None

    def cloud_gone(self) -> None:
        """Whoever has asked is gone, and hears no answer any more; what it set still holds."""
        self._cloud_number += 1

    def start(self, call: Call, now: Seconds, wall: datetime) -> Call | None:
        """A CALL to start a transaction with a profile: the one to pass on without it, None when it was refused.

        A signed one can't be changed, so it is refused.
        """
        if call.action != signed.action_of(call):
            self._out.to_cloud(wire.result_text(call.id, {"status": "Rejected"}))
            return None
        wall = self._at(now, wall)
        self._desk.follow_clock(now, wall)
        found = self._desk.start(call.payload, wall)
        if isinstance(found, StartRequest):
            self._await(call.id, found)
            frame = wire.call_text(call.id, call.action, found.forward)
            return Call(id=call.id, action=call.action, payload=found.forward, text=frame)
        self._out.note("warning", "refused a start of the cloud for its charging profile", action=call.action)
        self._reply(call, found, now)
        return None

    def plain_start(self, call: Call) -> None:
        """A CALL to start a transaction without a profile goes to the station."""
        found = self._desk.plain_start(signed.plain(call).payload)
        if found is not None:
            self._await(call.id, found)

    def _await(self, identifier: str, start: PlainStart) -> None:
        self._starts[identifier] = start
        while len(self._starts) > STARTS_KEPT:
            self._starts.popitem(last=False)

    def heard(self, call: Call, answer: CallResult | CallError | None) -> None:
        """The station's answer to a CALL of the cloud, None where it was never asked: maybe to one that :meth:`start`
        or :meth:`answer` has passed on."""
        if isinstance(answer, CallResult) and signed.action_of(call) == "ClearChargingProfile":
            self._cleared.append(fields(signed.plain(call).payload))
        start = self._starts.pop(call.id, None)
        if start is not None:
            told = fields(answer.payload) if isinstance(answer, CallResult) else {}
            accepted, transaction = told.get("status") == "Accepted", text(told.get("transactionId"))
            if isinstance(start, StartRequest):
                self._desk.start_answered(start.evse, start.token, accepted=accepted, transaction=transaction)
            elif accepted:
                self._desk.plain_start_accepted(start)

    def station_called(self, call: Call, facts: Sequence[StationFact], now: Seconds, wall: datetime) -> None:
        """A CALL of the station, as it reads without its signature, and the facts in it."""
        wall = self._at(now, wall)
        self._desk.follow_clock(now, wall)
        self._desk.station_called(call.action, call.payload, facts, wall)
        self._tell(now, wall)

    def reported(self, payload: object, now: Seconds, wall: datetime, clear: Callable[[int], None]) -> None:
        """What the station holds of its cloud is taken over as if that had set it now; ``clear`` gets each id that is
        to be cleared from the station, when it is on the disk. One that the cloud has set anew here meanwhile has been
        replaced by that."""
        wall = self._at(now, wall)
        self._desk.follow_clock(now, wall)
        for number, profile in foreign.reported(payload, self._station):
            if not self._has_cloud_at_all:  # nobody could ever clear it
                self._out.note("info", "cleared a profile of a former cloud from the station", profile=number)
                clear(number)
            elif any(each.profile.id == number for each in self._desk.store.installed):
                clear(number)
            else:
                self._take_over(number, profile, wall, clear)

    def _take_over(self, number: int, profile: Mapping[str, Any], wall: datetime, clear: Callable[[int], None]) -> None:
        def taken(answer: Answer) -> None:
            reply = answer.reply
            if isinstance(reply, CallRefusal) or reply.get("status") != "Accepted":
                why = reply.description if isinstance(reply, CallRefusal) else reply.get("statusInfo")
                self._out.note("warning", "station keeps a profile of its cloud from before", profile=number, why=why)
            else:
                self._out.note("info", "took over a profile of the cloud from the station", profile=number)
                clear(number)

        self._desk.answer("SetChargingProfile", profile, wall, taken)

    def learned(self, facts: Sequence[StationFact], now: Seconds, wall: datetime) -> None:
        """Facts in an answer of the cloud."""
        wall = self._at(now, wall)
        self._desk.follow_clock(now, wall)
        self._desk.learned(facts, wall)
        self._tell(now, wall)

    def tick(self, now: Seconds, wall: datetime, *, cloud_connected: bool, lets_talk: bool = True) -> None:
        """Report what has changed of what the cloud allows. ``lets_talk``: it has taken the station in, and may be told
        of the site."""
        wall = self._at(now, wall)
        self._out.report_all(self._desk.due(now, wall, cloud_connected=cloud_connected))
        self._tell_of_the_site(now, wall, cloud_connected=cloud_connected, lets_talk=lets_talk)
        before, self._problem = self._problem, self._desk.problem
        if self._problem is not None and self._problem != before:
            self._out.note("error", self._problem)
        elif self._problem is None and before is not None:
            self._out.note("info", "charging profiles are stored again")

    def rest_s(self, wall: datetime) -> Seconds:
        """How long :meth:`tick` has nothing to tell by itself, as far as the cloud's profiles go."""
        return self._desk.rest_s(wall + self._ahead)

    def _at(self, now: Seconds, wall: datetime) -> datetime:
        """The time by which the cloud's schedules count: ours. While our clock isn't set what a cloud has said, else no
        moment before the newest of them was set: in 1970 none of today has begun, and none limits anything."""
        if wall >= EARLIEST_PLAUSIBLE:
            at = wall
        else:
            said = self._memory.clock.hearsay.of_clouds
            kept = self._desk.newest
            at = self._kept_time.at(now, wall, kept=kept) if said is None else EPOCH + timedelta(seconds=said + now)
        self._ahead = at - wall
        return at

    def _tell(self, now: Seconds, wall: datetime) -> None:
        """Report what changes with a session in the step that begins it: a tick of the control may fall before ours."""
        if self._desk.rest_s(wall) == 0.0:
            self._out.report_all(self._desk.due(now, wall, cloud_connected=self._cloud_connected))

    def _tell_of_the_site(self, now: Seconds, wall: datetime, *, cloud_connected: bool, lets_talk: bool) -> None:
        """OCPP 2.x K11 to K13."""
        self._desk.site_a = site_a = self._site_a()
        was_connected, self._cloud_connected = self._cloud_connected, cloud_connected
        if was_connected and not cloud_connected:
            self._told = self._told.again()
        may_tell = cloud_connected and lets_talk and self._version.is_v2
        if not may_tell or not (site_a or self._told.notices or self._told_before):
            return
        at = wall.timestamp()
        if self._told_before:
            self._told, self._told_before = Told.before(self._told_before, at), frozenset()
        self._told, calls = self._told.update(site_a, self._desk.cloud_a(site_a, at), at)
        for each in calls:
            self._up.own_call(each.action, each.payload, now)
        self._desk.site_told(self._told.notices)

    def _is_late(self) -> None:
        self._out.on_late()

    def _below(self, clear: Call) -> Mapping[str, Any] | None:
        """What the station may be asked to clear; None where that could hit a limit of ours."""
        if self._station.is_controller:
            return None
        return foreign.for_station(clear.payload, self._version, self._station, self._memory.ladder)

    def _reply(self, call: Call, answer: Answer, now: Seconds) -> None:
        if isinstance(answer.reply, CallRefusal):
            code, description = ErrorCode(answer.reply.code), answer.reply.description
            self._out.to_cloud(wire.error_text(call.id, code, description))
        else:
            self._out.to_cloud(wire.result_text(call.id, answer.reply))
        for each in answer.follow_ups:
            self._up.own_call(each.action, each.payload, now)
