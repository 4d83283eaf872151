"""The CALLs of one station's cloud, while the gateway controls: passed on, answered, or refused. Sans-I/O."""

from collections import deque
from datetime import datetime

from edge.ocpp import signed, wire
from edge.ocpp.actions import Outbox
from edge.ocpp.ambiguous import JUDGED, is_ambiguous, misspelt
from edge.ocpp.cloud_profiles import CloudProfiles
from edge.ocpp.dialect import Dialect
from edge.ocpp.line import Line
from edge.ocpp.routing import FROM_CLOUD, Route, route
from edge.ocpp.stand_in import StandIn
from edge.ocpp.wire import Call, ErrorCode
from edge.units import Seconds

ANSWERED_KEPT = 16  # CALLs that we answered ourselves, in case the cloud complains of the answer (2.1)
# An answer is on the disk within some 10 ms. Where the disk refuses, the cloud's CALLs go on without it.
ANSWER_KEPT_WITHIN_S: Seconds = 2.0
BEHIND_MOST = 64  # beyond these a cloud doesn't wait for answers, and has no order to keep


class CloudCalls:
    """Does with each CALL what the routing table says. What comes of it goes into the outbox.

    The cloud's answer to a StartTransaction reaches the station by way of the disk. What the cloud calls behind that
    answer may be about the transaction that it names (SetChargingProfile, RemoteStopTransaction), so it waits for it:
    from :meth:`wait_for_answer` on, until :meth:`go_on`.
    """

    def __init__(
        self, dialect: Dialect, line: Line, profiles: CloudProfiles, outbox: Outbox, stand_in: StandIn | None
    ) -> None:
        self._dialect = dialect
        self._line = line
        self._profiles = profiles
        self._out = outbox
        self._stand_in = stand_in
        self._answered: deque[str] = deque(maxlen=ANSWERED_KEPT)
        self._waits_since: Seconds | None = None
        self._behind: deque[tuple[Call, int]] = deque()

    def speak(self, dialect: Dialect) -> None:
        """The station has come back with another edition of OCPP."""
        self._dialect = dialect

    def receive(self, call: Call, epoch: int, now: Seconds, wall: datetime) -> None:
        """The cloud calls, over its connection number ``epoch``."""
        if self._waits_since is not None and len(self._behind) < BEHIND_MOST:
            self._behind.append((call, epoch))
        else:
            self._do(call, epoch, now, wall)

    def wait_for_answer(self, now: Seconds) -> None:
        """An answer of the cloud is on its way to the disk: what it calls now is to reach the station after that."""
        self._waits_since = now

    def go_on(self, now: Seconds, wall: datetime) -> None:
        """The answer has gone to the station."""
        self._waits_since = None
        while self._behind:
            call, epoch = self._behind.popleft()
            self._do(call, epoch, now, wall)

    def tick(self, now: Seconds, wall: datetime) -> None:
        """Time passes: the answer may not come."""
        if self._waits_since is not None and now - self._waits_since >= ANSWER_KEPT_WITHIN_S:
            self.go_on(now, wall)

    @property
    def is_idle(self) -> bool:
        """Whether time has nothing to change."""
        return self._waits_since is None

    def cloud_gone(self) -> None:
        """Whoever called is gone."""
        self._profiles.cloud_gone()
        self._waits_since = None
        self._behind.clear()

    def _do(self, call: Call, epoch: int, now: Seconds, wall: datetime) -> None:
        way = route(FROM_CLOUD[self._dialect.version], call.action)
        if misspelt(call, self._dialect.version) or (way in JUDGED and is_ambiguous(call)):
            self._refuse(call)
            return
        if way in (Route.OWN, Route.REWRITE):
            call = self._as_the_station_knows_it(call)
        if way is Route.OWN:
            self._answered.append(call.id)

            def pass_on(onward: Call) -> None:
                if call.id in self._answered:
                    self._answered.remove(call.id)
                self._line.call_from_cloud(onward, epoch, now, wall)

            self._profiles.answer(call, now, wall, pass_on)
            return
        if way is Route.SCREEN:
            passed_on = self._screened(call, now, wall)
        elif way is Route.GUARD:
            passed_on = self._guarded(call)
        else:
            passed_on = call
        if passed_on is None:
            self._answered.append(call.id)
        else:
            self._line.call_from_cloud(passed_on, epoch, now, wall)

    def _refuse(self, call: Call) -> None:
        """One that the station may read otherwise than we do."""
        self._answered.append(call.id)
        self._out.note("warning", "refused a call of the cloud that can be read in two ways", action=call.action)
        self._out.to_cloud(wire.error_text(call.id, ErrorCode.SECURITY, "it can be read in two ways"))

    def has_answered(self, identifier: str) -> bool:
        """Whether we have answered the CALL of this id ourselves."""
        return identifier in self._answered

    def forget(self) -> None:
        """The station has come anew."""
        self._answered.clear()
        self.cloud_gone()

    def _as_the_station_knows_it(self, call: Call) -> Call:
        """The CALL with the transaction's id that the station knows."""
        if self._stand_in is None:
            return call
        text = self._stand_in.to_station(call.id, call.action, call.payload, call.text)
        translated = wire.parse(text, self._dialect.version) if text is not call.text else call
        return translated if isinstance(translated, Call) else call

    def _screened(self, call: Call, now: Seconds, wall: datetime) -> Call | None:
        """A start of a transaction without its profile; None when it was refused."""
        if self._dialect.carries_profile(signed.plain(call)):
            return self._profiles.start(call, now, wall)
        self._profiles.plain_start(call)
        return call

    def _guarded(self, call: Call) -> Call | None:
        """The CALL, without what would take from control what it needs; None where nothing is left of it."""
        screened = self._dialect.guard.screen(call, signed.plain(call))
        if screened.refused:
            names = ", ".join(screened.refused)
            self._out.note("warning", "refused a write of the cloud that control can't do with", names=names)
        if screened.reply is not None:
            self._out.to_cloud(wire.result_text(call.id, screened.reply))
        return screened.passes
