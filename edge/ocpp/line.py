"""The line down to one station: how each CALL that the arbiter puts on it becomes a frame, and what its answer means.

Sans-I/O. Everything that comes of it goes into the outbox.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import TypeAlias, assert_never

from edge.domain.setpoint import LimitCommand
from edge.domain.station import LimitAnswered, LimitOutcome, LimitSent
from edge.ocpp import signed, wire
from edge.ocpp.actions import Level, Outbox
from edge.ocpp.arbiter import OWN_TIMEOUT_S, Arbiter, CloudCall, LimitCall, Outstanding, OwnCall, Work, action_of
from edge.ocpp.diagnosis import Diagnosis
from edge.ocpp.dialect import Dialect, limit_outcome
from edge.ocpp.figures import Answerer, Figures
from edge.ocpp.guarded import named
from edge.ocpp.left_profiles import LeftProfiles
from edge.ocpp.other_ids import OtherIds
from edge.ocpp.piecemeal import STILL_TRUE, is_question
from edge.ocpp.profiles import foreign
from edge.ocpp.stand_in import StandIn
from edge.ocpp.stand_in_answers import RulesHeard, answer_instead
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.wire import Call, CallError, CallResult, CallResultError, ErrorCode
from edge.ocpp.written import CLEARED, WrittenLimits
from edge.units import Seconds

CloudAnswerReader: TypeAlias = Callable[[Call, CallResult | CallError | None], None]


class Line:
    """The CALLs toward one station, of the cloud and our own.

    ``epoch`` counts the station's upstream connections: an answer goes only to the one that asked. ``heard`` is shown
    each answer to a CALL of the cloud, with that CALL, and None for one that never goes down.
    """

    def __init__(
        self,
        dialect: Dialect,
        memory: StationMemory,
        arbiter: Arbiter,
        outbox: Outbox,
        figures: Figures,
        diagnosis: Diagnosis,
        heard: CloudAnswerReader,
        stand_in: StandIn | None = None,
    ) -> None:
        self._stand_in = stand_in
        self._rules = RulesHeard(stand_in)
        self._dialect = dialect
        self._memory = memory
        self._arbiter = arbiter
        self._out = outbox
        self._figures = figures
        self._diagnosis = diagnosis
        self._heard = heard
        self._silent_since: Seconds | None = None  # the station's first CALL that stayed unanswered
        self._asks = False  # the station is there, and isn't only observed
        self._asked_again = False  # for its configuration
        self._written = WrittenLimits(memory)
        self._left = LeftProfiles(memory.ladder)
        self._answered_as = OtherIds()  # by the cloud's ids, those under which the station answered

    def speak(self, dialect: Dialect) -> None:
        """The station has come back with another edition of OCPP."""
        self._dialect = dialect

    def call_from_cloud(self, call: Call, epoch: int, now: Seconds, wall: datetime) -> None:
        """Pass a CALL of the cloud on as soon as the line is free; refuse it when too many wait."""
        work = CloudCall(call=call, epoch=epoch, since=now)
        if self._arbiter.repeats(work):
            self._out.note("debug", "the cloud repeats a call that is being done", action=call.action)
        elif self._arbiter.add_cloud(work):
            self._pump(now, wall)
        else:
            text = wire.error_text(call.id, ErrorCode.GENERIC, "too many calls wait for this station")
            self._out.to_cloud(text)
            self._heard(call, None)

    def write_limit(self, command: LimitCommand, now: Seconds, wall: datetime) -> None:
        """Write a limit ahead of all that waits."""
        replaced = self._arbiter.add_limit(command)
        if replaced is not None:
            self.settle(replaced, now, LimitOutcome.NOT_SENT, "replaced by a newer limit")
        self._pump(now, wall)

    def set_right(self, now: Seconds, wall: datetime) -> None:
        """The station has shown what time it has: what was written to begin at another is written anew, as it should
        have been. And what else it has raised is asked."""
        while self._memory.questions:
            question = self._memory.questions.pop(0)
            if not self._arbiter.has_own(question):
                self._arbiter.add_own(question)
                self._pump(now, wall)
        self._memory.keep_clock()
        for written, what in self._written.amiss(now, wall):
            command = written.command
            if not self._arbiter.has_limit((command.key, command.purpose)):
                began = written.begins.isoformat() if written.begins is not None else None
                level: Level = "debug" if began is None else "info" if what == CLEARED else "warning"
                self._out.note(level, f"a limit {what}, and is written anew", evse=command.key.evse, began=began)
                self._arbiter.add_limit(command)
                self._pump(now, wall)

    def end_session(self, transaction: str, now: Seconds, wall: datetime) -> None:
        """Ask the station to end a transaction; not one that it began while it spoke another edition."""
        question = self._dialect.stop_call(transaction)
        if question is not None:
            self._arbiter.add_own(question)
            self._pump(now, wall)

    def set_up(self, now: Seconds, wall: datetime) -> None:
        """Ask what the control needs to know of a station that has connected."""
        self._asks, self._asked_again = True, False
        for work in self._dialect.setup_calls(of_cards=self._rules.are_wanted):
            self._arbiter.add_own(work)
        self._pump(now, wall)

    def answer(self, frame: CallResult | CallError, epoch: int | None, now: Seconds, wall: datetime) -> None:
        """Take in an answer of the station. ``epoch`` is None while the cloud is away."""
        answered = self._arbiter.answered(frame.id)
        if answered is None:
            self._drop(frame, "nothing of this id was asked")
            return
        cloud_asked = isinstance(answered.work, CloudCall)
        who = Answerer.STATION_TO_CLOUD if cloud_asked else Answerer.STATION_TO_GATEWAY
        self._figures.answered(who, now - answered.sent)
        if isinstance(frame, CallResult):
            self._diagnosis.answers(action_of(answered.work), frame, self._dialect.version)
        if self._silent_since is not None:
            silent_s = round(now - self._silent_since, 1)
            self._silent_since = None
            self._out.note("info", f"station answers again after {silent_s:g} s", silent_s=silent_s)
        match answered.work:
            case CloudCall() as work:
                plain, told = signed.plain(work.call), signed.plain_answer(work.call, frame)
                self._heard(work.call, told)
                self._rules.answered(plain.action, plain.payload, told)
                self._cleared(plain.action, told)
                text, writes = self._dialect.guard.answered(plain, told)
                for write in writes:
                    self._out.note("info", "restores what control needs of the configuration", **named(write.payload))
                    self._arbiter.add_own(write)
                instead = answer_instead(self._stand_in, self._dialect.version, plain, told)
                if plain is not work.call:  # nobody else can sign it
                    text, instead = frame.text, None
                if answered.overtaken or work.epoch != epoch:
                    what = "id has been used again" if answered.overtaken else "cloud connection that asked is gone"
                    self._drop(frame, f"the {what}")
                elif instead is not None:
                    self._out.to_cloud(wire.result_text(work.call.id, instead))
                else:
                    same = frame.id == work.call.id
                    self._answered_as.note(work.call.id, frame.id)
                    self._out.to_cloud(text if same else wire.with_id(text, work.call.id))
            case LimitCall() if answered.late:
                self._drop(frame, "it came too late")
            case OwnCall(action=action) if answered.late and action not in STILL_TRUE:
                self._drop(frame, "it came too late")
            case LimitCall() as work:
                outcome, detail = limit_outcome(frame)
                self.settle(work.command, now, outcome, detail)
                self._learn(work.command, outcome, now, detail)
            case OwnCall() as work:
                if not foreign.is_our_clear(work):
                    self._cleared(work.action, frame)
                self._rules.answered(work.action, work.payload, frame)
                self._out.report_all(self._dialect.concluded(work, frame, now))
                for more in self._dialect.learn(work, frame):
                    self._arbiter.add_own(more)
            case _:
                assert_never(answered.work)
        self._pump(now, wall)

    def complains(self, complaint: CallResultError) -> None:
        """The cloud complains of an answer of the station (2.1), which knows it by the id that it bore."""
        self._out.to_station(self._answered_as.under_other(complaint))

    @property
    def is_idle(self) -> bool:
        """Whether time has nothing to change."""
        return self._arbiter.is_idle

    def tick(self, now: Seconds, wall: datetime) -> None:
        """Time passes: free the line of what stays unanswered, refuse what waited too long."""
        self.set_right(now, wall)
        if self._written.wants_time(now, wall):
            questions = reversed(self._dialect.setup_calls())
            states = (each for each in questions if each.payload.get("requestedMessage") == "StatusNotification")
            for question in islice(states, 1):
                self._arbiter.add_own(question)
        for question in self._dialect.overdue(now) if self._asks else ():
            if not self._arbiter.has_own(question):
                self._arbiter.add_own(question)
        if self._arbiter.is_idle:
            return  # nearly always
        expired = self._arbiter.expire(now)
        if expired is not None:
            self._unanswered(expired, now)
        for stale in self._arbiter.stale_cloud(now):
            text = wire.error_text(stale.call.id, ErrorCode.GENERIC, "the station didn't get free in time")
            self._out.to_cloud(text)
            self._heard(stale.call, None)
        self._pump(now, wall)

    def cloud_gone(self) -> int:
        """Forget the cloud's CALLs that never went down; return how many there were."""
        dropped = self._arbiter.drop_cloud()
        for work in dropped:
            self._heard(work.call, None)
        return len(dropped)

    def station_gone(self, now: Seconds) -> None:
        """Forget everything, and settle the limits on the way."""
        abandoned = self._arbiter.clear()
        if isinstance(abandoned.outstanding, LimitCall):
            self._left.may_hold(abandoned.outstanding.command, self._memory.ladder.rung)
            self.settle(abandoned.outstanding.command, now, LimitOutcome.SILENT, "the link broke")
        for work in abandoned.queued:
            if isinstance(work, LimitCall):
                self.settle(work.command, now, LimitOutcome.NOT_SENT, "the link broke")
            elif isinstance(work, CloudCall):
                self._heard(work.call, None)
        self._silent_since, self._asks = None, False
        self._written.clear()

    def settle(self, command: LimitCommand, now: Seconds, outcome: LimitOutcome, detail: str) -> None:
        """Report what became of a limit."""
        self._out.report(LimitAnswered(key=command.key, at=now, command=command.id, outcome=outcome, detail=detail))

    def _cleared(self, action: str, frame: CallResult | CallError) -> None:
        """A profile of the cloud's was cleared. Some stations take more than they were asked to: ours are told anew."""
        if action == "ClearChargingProfile" and limit_outcome(frame)[0] is LimitOutcome.ACCEPTED:
            self._written.doubt()

    def _learn(self, command: LimitCommand, outcome: LimitOutcome, now: Seconds, detail: str) -> None:
        """What the station did with a limit says how it is to be told the next."""
        if outcome is LimitOutcome.ACCEPTED:
            rung = self._memory.ladder.rung
            self._out.report_all(self._memory.limit_accepted(command, now))
            for number in self._left.replaced(command, rung):
                self._arbiter.add_own(self._dialect.clear_call(number))
        elif outcome is LimitOutcome.REFUSED:
            # Of one that is written anew control knows nothing: it is to write what is due.
            is_unknown, way = self._written.refused(command), self._memory.way
            question = self._memory.in_the_way.question(detail)
            if question is not None:  # control tells the limit again after some seconds
                self._arbiter.add_own(question)
                return
            if not self._memory.limit_refused(command) and not is_unknown:
                return
            if self._memory.way != way:
                self._out.note("warning", "station refuses its limits; trying", way=self._memory.way)
            self._out.report(self._memory.limits_taken(now))

    def _unanswered(self, work: Work, now: Seconds) -> None:
        if self._silent_since is None:
            self._silent_since = now
            self._out.note("warning", "station doesn't answer", asked=action_of(work))
        if isinstance(work, LimitCall):
            self._left.may_hold(work.command, self._memory.ladder.rung)
            self.settle(work.command, now, LimitOutcome.SILENT, f"no answer within {OWN_TIMEOUT_S:g} s")
        elif isinstance(work, OwnCall) and is_question(work) and not self._asked_again:
            self._asked_again = True
            self._arbiter.add_own(work)

    def _pump(self, now: Seconds, wall: datetime) -> None:
        """Put the next CALL on the line, if it is free."""
        while (outstanding := self._arbiter.take(now)) is not None:
            if self._send(outstanding, now, wall):
                return
            self._arbiter.answered(outstanding.id)

    def _send(self, outstanding: Outstanding, now: Seconds, wall: datetime) -> bool:
        """Send the CALL; False when it can't be written, and its outcome is settled."""
        match outstanding.work:
            case CloudCall() as work:
                same = outstanding.id == work.call.id
                self._out.to_station(work.call.text if same else wire.with_id(work.call.text, outstanding.id))
                return True
            case LimitCall() as work:
                return self._send_limit(outstanding.id, work.command, now, wall)
            case OwnCall() as work:
                self._out.to_station(wire.call_text(outstanding.id, work.action, work.payload))
                return True
            case _:
                assert_never(outstanding.work)

    def _send_limit(self, identifier: str, command: LimitCommand, now: Seconds, wall: datetime) -> bool:
        try:
            start = self._written.write(command, now, wall)
            payload = self._dialect.limit_payload(command, start)
        except ValueError as exc:
            self._written.refused(command)
            self.settle(command, now, LimitOutcome.NOT_SENT, str(exc))
            return False
        self._out.to_station(wire.call_text(identifier, "SetChargingProfile", payload))
        told_a = self._memory.lower_a(command, start)
        self._out.report(LimitSent(key=command.key, at=now, command=command.id, limit_a=told_a))
        return True

    def _drop(self, frame: CallResult | CallError, why: str) -> None:
        self._figures.dropped_of_station += 1
        self._out.note("debug", "dropped an answer of the station", why=why, id=frame.id)
