"""The state machine of one station between its socket and its cloud. Sans-I/O: frames in, actions out.

It lives as long as the program, through all connections of its station. Frames of others are forwarded as the very text
that came in; the facts in them are copied out on the way. ``now`` is monotonic seconds, ``wall`` our wall clock.
"""

from collections import OrderedDict, deque
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Mode, Station
from edge.domain.station import CloudLink, LimitOutcome, StationOffline, StationOnline
from edge.errors import FrameError
from edge.ocpp import v16, wire
from edge.ocpp.actions import Action, Level, Outbox
from edge.ocpp.arbiter import Arbiter
from edge.ocpp.line import Line
from edge.ocpp.routing import FROM_CLOUD_V16, FROM_STATION_V16, Route
from edge.ocpp.settings import CloudLoss
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds, Volts

# A station that has just started sends its BootNotification first and listens to nobody before the answer (OCPP 1.6
# §4.2); one that merely reconnects may say nothing for minutes. So our questions wait this long for a boot,
BOOT_GRACE_S = 1.0
# and this long for the boot's answer.
BOOT_ANSWER_S = 10.0

UNREADABLE_WINDOW_S = 60.0
UNREADABLE_MAX = 20  # in that window: a station with a bad habit is kept, one that floods is dropped
PENDING_KEPT = 16  # the station's CALLs whose answers carry facts; by the rules it has one outstanding
EXCERPT = 60  # characters of an unreadable text that go into the log

CLOSE_GOING_AWAY = 1001  # RFC 6455 §7.4.1
CLOSE_POLICY = 1008

# The station's CALLs whose answers the relay reads.
_ANSWER_READ = frozenset({"BootNotification", "StartTransaction"})


class RelayState(StrEnum):
    """Which of the two peers is there. The cloud is dialled only while the station is there."""

    OFFLINE = "offline"
    CLOUD_AWAY = "cloud away"
    RELAYING = "relaying"


class Relay:
    """One station's relay. ``nonce``: see :class:`edge.ocpp.arbiter.Arbiter`."""

    def __init__(
        self,
        *,
        station: Station,
        nominal_voltage_v: Volts,
        mode: Mode,
        cloud_loss: CloudLoss,
        nonce: str,
    ) -> None:
        self._station = station
        self._controls = mode is Mode.CONTROL
        self._cloud_loss = cloud_loss
        self._out = Outbox()
        self._dialect = v16.DialectV16(station, nominal_voltage_v)
        self._line = Line(station, self._dialect, Arbiter(nonce), self._out)
        self._state = RelayState.OFFLINE
        self._epoch = 0  # counts upstream connections
        self._held: Call | None = None  # the station's newest CALL that never went up
        self._pending: OrderedDict[str, Call] = OrderedDict()  # went up, and their answers are to be read
        self._setup_at: Seconds | None = None
        self._cloud_lost_at: Seconds | None = None
        self._unreadable: deque[Seconds] = deque(maxlen=UNREADABLE_MAX)
        self._cloud_unreadable_at: Seconds | None = None

    @property
    def state(self) -> RelayState:
        """Which of the two peers is there."""
        return self._state

    # The peers come and go.

    def station_connected(self, now: Seconds, **details: Any) -> list[Action]:
        """The station's handshake is done. ``details`` go into the log."""
        self._enter(RelayState.CLOUD_AWAY, "info", "station connected", **details)
        self._out.report(StationOnline(station=self._station.id, at=now))
        self._setup_at = now + BOOT_GRACE_S if self._controls else None
        self._cloud_lost_at = None
        self._unreadable.clear()
        return self._out.empty()

    def station_gone(self, now: Seconds, why: str = "", *, planned: bool = False) -> list[Action]:
        """The station's socket is closed; its upstream connection is to be closed too. ``planned``: we stop."""
        if self._state is RelayState.RELAYING:
            self._out.report(CloudLink(station=self._station.id, at=now, connected=False))
        self._enter(RelayState.OFFLINE, "info" if planned else "warning", "station is gone", why=why)
        self._line.station_gone(now)
        self._held = None
        self._pending.clear()
        self._setup_at = None
        self._out.report(StationOffline(station=self._station.id, at=now))
        return self._out.empty()

    def cloud_connected(self, now: Seconds) -> list[Action]:
        """The station's upstream connection is up."""
        self._epoch += 1
        if self._cloud_lost_at is None:
            self._enter(RelayState.RELAYING, "info", "cloud connected")
        else:
            away_s = round(now - self._cloud_lost_at, 1)
            self._enter(RelayState.RELAYING, "info", f"cloud is back after {away_s:g} s", away_s=away_s)
        self._out.report(CloudLink(station=self._station.id, at=now, connected=True))
        held, self._held = self._held, None
        if held is not None:
            self._send_up(held)
        return self._out.empty()

    def cloud_disconnected(self, now: Seconds, why: str = "") -> list[Action]:
        """The station's upstream connection broke. What went up unanswered is the station's to repeat."""
        dropped = self._line.cloud_gone()
        self._pending.clear()
        self._cloud_lost_at = now
        self._enter(RelayState.CLOUD_AWAY, "warning", "cloud is away", why=why, calls_dropped=dropped)
        self._out.report(CloudLink(station=self._station.id, at=now, connected=False))
        if self._cloud_loss is CloudLoss.TRANSPARENT:
            self._out.close_station(CLOSE_GOING_AWAY, "the cloud is away")
        return self._out.empty()

    # Frames.

    def receive_from_station(self, text: str | bytes, now: Seconds, wall: datetime) -> list[Action]:
        """One message of the station."""
        try:
            frame = wire.parse(text)
        except FrameError as error:
            self._unreadable_from_station(text, now, error)
            return self._out.empty()
        match frame:
            case Call():
                self._station_calls(frame, now, wall)
            case CallResult() | CallError():
                if self._controls:
                    epoch = self._epoch if self._state is RelayState.RELAYING else None
                    self._line.answer(frame, epoch, now, wall)
                else:
                    self._pass_up(frame.text)
            case _:
                assert_never(frame)
        return self._out.empty()

    def receive_from_cloud(self, text: str | bytes, now: Seconds, wall: datetime) -> list[Action]:
        """One message of the cloud."""
        try:
            frame = wire.parse(text)
        except FrameError as error:
            self._unreadable_from_cloud(text, now, error)
            return self._out.empty()
        match frame:
            case Call():
                self._cloud_calls(frame, now, wall)
            case CallResult() | CallError():
                self._cloud_answers(frame, now)
            case _:
                assert_never(frame)
        return self._out.empty()

    def write_limit(self, command: LimitCommand, now: Seconds, wall: datetime) -> list[Action]:
        """Write a limit ahead of all that waits; see :class:`edge.control.ports.LimitPort`."""
        if self._state is RelayState.OFFLINE:
            self._line.settle(command, now, LimitOutcome.NOT_SENT, "the station isn't connected")
        elif not self._controls:
            self._line.settle(command, now, LimitOutcome.NOT_SENT, "the controller only observes")
        else:
            self._line.write_limit(command, now, wall)
        return self._out.empty()

    def tick(self, now: Seconds, wall: datetime) -> list[Action]:
        """Time passes: deadlines. To be called about twice a second while the station is there."""
        self._line.tick(now, wall)
        if self._setup_at is not None and now >= self._setup_at:
            self._set_up(now, wall)
        return self._out.empty()

    def _station_calls(self, call: Call, now: Seconds, wall: datetime) -> None:
        if self._state is RelayState.RELAYING:
            self._send_up(call)
        else:
            if self._held is not None:
                self._out.note("debug", "station gave up a call that waited for the cloud", action=self._held.action)
            self._held = call
        if FROM_STATION_V16.get(call.action) is Route.OBSERVE:
            for fact in self._dialect.request(call, now, wall):
                self._out.report(fact)
        if self._setup_at is not None:
            if call.action == "BootNotification":
                self._setup_at = now + BOOT_ANSWER_S
            else:
                self._set_up(now, wall)

    def _cloud_calls(self, call: Call, now: Seconds, wall: datetime) -> None:
        if not self._controls:
            self._out.to_station(call.text)
            return
        route = FROM_CLOUD_V16.get(call.action, Route.RELAY)
        if route is Route.SCREEN and v16.carries_profile(call):
            self._out.note("warning", "refused a call of the cloud that carries a charging profile", action=call.action)
            route = Route.OWN
        if route is Route.OWN:
            self._out.to_cloud(wire.result_text(call.id, v16.OWN_ANSWERS[call.action]))
        else:
            self._line.call_from_cloud(call, self._epoch, now, wall)

    def _cloud_answers(self, frame: CallResult | CallError, now: Seconds) -> None:
        self._out.to_station(frame.text)
        request = self._pending.pop(frame.id, None)
        if request is None:
            return
        for fact in self._dialect.answer(request, frame, now):
            self._out.report(fact)
        if request.action == "BootNotification" and self._setup_at is not None:
            self._setup_at = now  # done by the next tick, when the station has taken in its answer

    def _send_up(self, call: Call) -> None:
        self._out.to_cloud(call.text)
        if call.action in _ANSWER_READ:
            self._pending[call.id] = call
            while len(self._pending) > PENDING_KEPT:
                self._pending.popitem(last=False)

    def _pass_up(self, text: str) -> None:
        if self._state is RelayState.RELAYING:
            self._out.to_cloud(text)

    def _set_up(self, now: Seconds, wall: datetime) -> None:
        self._setup_at = None
        self._line.set_up(now, wall)

    def _unreadable_from_station(self, text: str | bytes, now: Seconds, error: FrameError) -> None:
        self._out.note("warning", "unreadable text from the station", problem=error.what, excerpt=_excerpt(text))
        if not self._controls and isinstance(text, str):
            self._pass_up(text)
        self._unreadable.append(now)
        if len(self._unreadable) == UNREADABLE_MAX and now - self._unreadable[0] <= UNREADABLE_WINDOW_S:
            self._out.close_station(CLOSE_POLICY, f"{UNREADABLE_MAX} unreadable messages within a minute")

    def _unreadable_from_cloud(self, text: str | bytes, now: Seconds, error: FrameError) -> None:
        if not self._controls and isinstance(text, str):
            self._out.to_station(text)
        noted_at, self._cloud_unreadable_at = self._cloud_unreadable_at, now
        if noted_at is None or now - noted_at > UNREADABLE_WINDOW_S:
            self._out.note("warning", "unreadable text from the cloud", problem=error.what, excerpt=_excerpt(text))

    def _enter(self, state: RelayState, level: Level, event: str, **details: Any) -> None:
        """The one place where the state changes; it logs each change."""
        was, self._state = self._state, state
        self._out.note(level, event, was=was.value, state=state.value, **details)


def _excerpt(text: str | bytes) -> str:
    return repr(text[:EXCERPT])
