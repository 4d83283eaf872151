"""The line down to one station: how each CALL that the arbiter puts on it becomes a frame, and what its answer means.

Sans-I/O. Everything that comes of it goes into the outbox.
"""

from datetime import datetime
from typing import assert_never

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Station
from edge.domain.station import LimitAnswered, LimitOutcome, LimitSent
from edge.ocpp import v16, wire
from edge.ocpp.actions import Outbox
from edge.ocpp.arbiter import OWN_TIMEOUT_S, Arbiter, CloudCall, LimitCall, Outstanding, OwnCall, Work
from edge.ocpp.profiles import writer
from edge.ocpp.wire import Call, CallError, CallResult, ErrorCode
from edge.units import Seconds


class Line:
    """The CALLs toward one station, of the cloud and our own.

    ``epoch`` counts the station's upstream connections: an answer goes only to the one that asked.
    """

    def __init__(self, station: Station, dialect: v16.DialectV16, arbiter: Arbiter, outbox: Outbox) -> None:
        self._station = station
        self._dialect = dialect
        self._arbiter = arbiter
        self._out = outbox
        self._silent_since: Seconds | None = None  # the station's first CALL that stayed unanswered

    def call_from_cloud(self, call: Call, epoch: int, now: Seconds, wall: datetime) -> None:
        """Pass a CALL of the cloud on as soon as the line is free; refuse it when too many wait."""
        if self._arbiter.add_cloud(CloudCall(call=call, epoch=epoch, since=now)):
            self._pump(now, wall)
        else:
            text = wire.error_text(call.id, ErrorCode.GENERIC, "too many calls wait for this station")
            self._out.to_cloud(text)

    def write_limit(self, command: LimitCommand, now: Seconds, wall: datetime) -> None:
        """Write a limit ahead of all that waits."""
        replaced = self._arbiter.add_limit(command)
        if replaced is not None:
            self.settle(replaced, now, LimitOutcome.NOT_SENT, "replaced by a newer limit")
        self._pump(now, wall)

    def set_up(self, now: Seconds, wall: datetime) -> None:
        """Ask what the control needs to know of a station that has connected."""
        for work in v16.setup_calls(self._station):
            self._arbiter.add_own(work)
        self._pump(now, wall)

    def answer(self, frame: CallResult | CallError, epoch: int | None, now: Seconds, wall: datetime) -> None:
        """Take in an answer of the station. ``epoch`` is None while the cloud is away."""
        answered = self._arbiter.answered(frame.id)
        if answered is None:
            self._drop(frame, "nothing of this id was asked")
            return
        if self._silent_since is not None:
            silent_s = round(now - self._silent_since, 1)
            self._silent_since = None
            self._out.note("info", f"station answers again after {silent_s:g} s", silent_s=silent_s)
        match answered.work:
            case CloudCall() as work:
                if work.epoch == epoch:
                    self._out.to_cloud(frame.text)
                else:
                    self._drop(frame, "the cloud connection that asked is gone")
            case LimitCall() | OwnCall() if answered.late:
                self._drop(frame, "it came too late")
            case LimitCall() as work:
                self.settle(work.command, now, *v16.limit_outcome(frame))
            case OwnCall() as work:
                if work.action == "GetConfiguration":
                    self._dialect.configuration(frame)
            case _:
                assert_never(answered.work)
        self._pump(now, wall)

    def tick(self, now: Seconds, wall: datetime) -> None:
        """Time passes: free the line of what stays unanswered, refuse what waited too long."""
        expired = self._arbiter.expire(now)
        if expired is not None:
            self._unanswered(expired, now)
        for stale in self._arbiter.stale_cloud(now):
            text = wire.error_text(stale.call.id, ErrorCode.GENERIC, "the station didn't get free in time")
            self._out.to_cloud(text)
        self._pump(now, wall)

    def cloud_gone(self) -> int:
        """Forget the cloud's CALLs that never went down; return how many there were."""
        return self._arbiter.drop_cloud()

    def station_gone(self, now: Seconds) -> None:
        """Forget everything, and settle the limits on the way."""
        abandoned = self._arbiter.clear()
        if isinstance(abandoned.outstanding, LimitCall):
            self.settle(abandoned.outstanding.command, now, LimitOutcome.SILENT, "the link broke")
        for work in abandoned.queued:
            if isinstance(work, LimitCall):
                self.settle(work.command, now, LimitOutcome.NOT_SENT, "the link broke")
        self._silent_since = None

    def settle(self, command: LimitCommand, now: Seconds, outcome: LimitOutcome, detail: str) -> None:
        """Report what became of a limit."""
        self._out.report(LimitAnswered(key=command.key, at=now, command=command.id, outcome=outcome, detail=detail))

    def _unanswered(self, work: Work, now: Seconds) -> None:
        if self._silent_since is None:
            self._silent_since = now
            self._out.note("warning", "station doesn't answer", asked=_name(work))
        if isinstance(work, LimitCall):
            self.settle(work.command, now, LimitOutcome.SILENT, f"no answer within {OWN_TIMEOUT_S:g} s")

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
                self._out.to_station(work.call.text)
                return True
            case LimitCall() as work:
                return self._send_limit(outstanding.id, work.command, now, wall)
            case OwnCall() as work:
                self._out.to_station(wire.call_text(outstanding.id, work.action, work.payload))
                return True
            case _:
                assert_never(outstanding.work)

    def _send_limit(self, identifier: str, command: LimitCommand, now: Seconds, wall: datetime) -> bool:
        level = self._dialect.stack_level
        try:
            payload = writer.request(
                command,
                start=self._dialect.clock.time(now, wall),
                stack_level=writer.DEFAULT_STACK_LEVEL if level is None else level,
            )
        except ValueError:
            detail = f"transaction {command.transaction_id!r} is no number, as OCPP 1.6 has them"
            self.settle(command, now, LimitOutcome.NOT_SENT, detail)
            return False
        self._out.to_station(wire.call_text(identifier, "SetChargingProfile", payload))
        self._out.report(LimitSent(key=command.key, at=now, command=command.id))
        return True

    def _drop(self, frame: CallResult | CallError, why: str) -> None:
        self._out.note("debug", "dropped an answer of the station", why=why, id=frame.id)


def _name(work: Work) -> str:
    match work:
        case CloudCall():
            return work.call.action
        case LimitCall():
            return "SetChargingProfile"
        case OwnCall():
            return work.action
        case _:
            assert_never(work)
