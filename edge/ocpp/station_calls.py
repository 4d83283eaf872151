"""The CALLs of one station on their way to its cloud, or to whoever stands in for that. Sans-I/O."""

from collections import OrderedDict
from datetime import datetime

from edge.domain.station import StationDescribed
from edge.ocpp import signed, wire
from edge.ocpp.actions import Outbox
from edge.ocpp.asked_samples import AskedSamples
from edge.ocpp.cloud_profiles import CloudProfiles
from edge.ocpp.dialect import Dialect
from edge.ocpp.dossier import Description
from edge.ocpp.fields import fields, text
from edge.ocpp.introduction import Introduction
from edge.ocpp.profiles import foreign
from edge.ocpp.routing import FROM_STATION, Route, route
from edge.ocpp.stand_in import StandIn
from edge.ocpp.station_clock import parse_timestamp
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.upline import Upline
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds

PENDING_KEPT = 16  # CALLs whose answers carry facts; by the rules the station has one outstanding


class StationCalls:
    """Passes the station's CALLs on, and copies the facts out of them and out of their answers. ``asked_samples``: None
    where the cloud gets all samples.

    While the cloud is away, and nobody stands in for it, the newest waits: a station that calls anew has given up what
    it called before. What comes of it all goes into the outbox.
    """

    def __init__(
        self,
        dialect: Dialect,
        memory: StationMemory,
        upline: Upline,
        outbox: Outbox,
        profiles: CloudProfiles,
        introduction: Introduction,
        stand_in: StandIn | None,
        asked_samples: AskedSamples | None = None,
    ) -> None:
        self._dialect = dialect
        self._routes = FROM_STATION[dialect.version]
        self._memory = memory
        self._up = upline
        self._out = outbox
        self._profiles = profiles
        self._introduction = introduction
        self._stand_in = stand_in
        self._asked_samples = asked_samples
        self._held: Call | None = None
        self._pending: OrderedDict[str, Call] = OrderedDict()  # by id

    def speak(self, dialect: Dialect) -> None:
        """The station has come back with another edition of OCPP."""
        self._dialect = dialect
        self._routes = FROM_STATION[dialect.version]

    def receive(self, call: Call, now: Seconds, wall: datetime, *, relaying: bool) -> bool:
        """The station calls; return whether facts were read from that. ``relaying``: its cloud is there."""
        plain = signed.plain(call)
        if self._is_spare(call, now):
            self._out.to_station(wire.result_text(call.id, {}))
            self._out.keep_back(call)
        elif self._stand_in is not None and not (relaying and self._passes(self._stand_in, call, plain)):
            self._await_answer(call, plain.action)
            self._out.hand_over(call)
        elif relaying:
            self._send_up(call, plain.action, now)
        else:
            if self._held is not None:
                self._out.note("debug", "station gave up a call that waited for the cloud", action=self._held.action)
            self._held = call
        observed = route(self._routes, plain.action) is Route.OBSERVE
        if observed:
            facts = self._dialect.request(plain, now, wall)
            for fact in facts:
                if isinstance(fact, StationDescribed):
                    self._memory.describe(Description.of(fact), self._out, now)
            self._out.report_all(facts)
            self._profiles.station_called(plain, facts, now, wall)
        self._introduction.called(plain.action, now)
        return observed

    def is_for_us(self, call: Call, now: Seconds, wall: datetime) -> bool:
        """Whether the station answers a question of ours by this CALL: the cloud has no part in that."""
        plain = signed.plain(call)
        if plain.action != foreign.REPORT or not foreign.is_answer(plain.payload):
            return False
        self._out.to_station(wire.result_text(call.id, {}))
        self._profiles.reported(plain.payload, now, wall, self._clear)
        return True

    def _clear(self, number: int) -> None:
        """Have a profile of its cloud cleared from the station."""
        self._memory.in_the_way.forget()
        self._memory.questions.append(self._dialect.clear_call(number))

    def answered(self, frame: CallResult | CallError, now: Seconds, wall: datetime) -> None:
        """The station is answered, by whomever."""
        request = self._pending.pop(frame.id, None) if self._pending else None
        if request is None:
            return
        if isinstance(frame, CallResult) and signed.action_of(request) == "BootNotification":
            told = parse_timestamp(fields(frame.payload).get("currentTime"))
            if told is not None:
                self._memory.clock.told(told, now)
        facts = self._dialect.answer(request, frame, now)
        self._out.report_all(facts)
        self._profiles.learned(facts, now, wall)
        status = text(fields(frame.payload).get("status")) if isinstance(frame, CallResult) else None
        self._introduction.answered(signed.action_of(request), status, now)

    def asked_to_begin(self, identifier: str) -> bool:
        """Whether the unanswered CALL of this id is a StartTransaction, whose answer names the transaction (1.6)."""
        request = self._pending.get(identifier)
        return request is not None and signed.action_of(request) == "StartTransaction"

    @property
    def awaits_answer(self) -> bool:
        """Whether there is a CALL whose answer carries facts."""
        return bool(self._pending)

    def cloud_connected(self, now: Seconds) -> None:
        """The cloud is there: what waited for it goes up."""
        held, self._held = self._held, None
        if held is not None:
            self._send_up(held, signed.action_of(held), now)

    def cloud_gone(self) -> None:
        """The cloud is gone. Where nobody stands in, what went up unanswered is the station's to repeat."""
        if self._stand_in is None:
            self._pending.clear()

    def cloud_asks(self, call: Call) -> None:
        """The cloud calls: it may want to be told what it isn't otherwise."""
        if self._asked_samples is not None:
            self._asked_samples.cloud_asks(call)

    def station_gone(self) -> None:
        """The station is gone: forget everything."""
        if self._asked_samples is not None:
            self._asked_samples.forget()
        self._held = None
        self._pending.clear()

    def _is_spare(self, call: Call, now: Seconds) -> bool:
        """Whether it has samples that the cloud hasn't asked for."""
        asked = self._asked_samples
        return asked is not None and asked.is_spare(call, self._dialect.guard.samples_every_s, now)

    @staticmethod
    def _passes(stand_in: StandIn, call: Call, plain: Call) -> bool:
        """Whether a CALL needs nobody to stand in for the cloud."""
        return stand_in.passes(call.id, plain.action, plain.payload, call.text, signed=plain is not call)

    def _send_up(self, call: Call, action: str, now: Seconds) -> None:
        self._up.station_call(call.id, call.text, now)
        self._await_answer(call, action)

    def _await_answer(self, call: Call, action: str) -> None:
        if action in self._dialect.answers_read:
            self._pending[call.id] = call
            while len(self._pending) > PENDING_KEPT:
                self._pending.popitem(last=False)
