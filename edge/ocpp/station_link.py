"""One configured station's place in the shell: its relay, and its two sockets while there are any. Holds no rules."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, assert_never

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.setpoint import LimitCommand
from edge.domain.station import StationDescribed
from edge.ocpp.actions import Action, CloseStation, HandOver, Note, Report, ToCloud, ToStation
from edge.ocpp.dossier import Description, Dossier
from edge.ocpp.figures import Figures
from edge.ocpp.liveness import Liveness
from edge.ocpp.mirror import Mirror
from edge.ocpp.pace import Pace
from edge.ocpp.quirk_records import quirks_of
from edge.ocpp.relay import Relay, RelayState
from edge.ocpp.sockets import push
from edge.ocpp.stand_in import StandIn
from edge.ocpp.stand_in_line import StandInLine
from edge.ocpp.start_delay import StartDelay
from edge.ocpp.station_connection import StationConnection
from edge.ocpp.timings import LinkTimings
from edge.ocpp.trace import Trace, Way
from edge.ocpp.upstream import Upstream
from edge.ocpp.versions import Version
from edge.units import Seconds

THROTTLED_TOLD_EVERY_S = 60.0
CLOSE_REPLACED = 1000  # RFC 6455 §7.4.1: the purpose of this connection has been fulfilled


class StationLink:
    """Carries frames between one station, its relay and its cloud."""

    def __init__(
        self,
        *,
        station: str,
        dossier: Dossier,
        relay: Relay,
        clock: Clock,
        sink: FactSink,
        timings: LinkTimings,
        figures: Figures,
        log: FilteringBoundLogger,
        stand_in: StandIn | None = None,
    ) -> None:
        self._station = station
        self._stand_in = stand_in
        self._dossier = dossier
        self._figures = figures
        self.trace = Trace()
        self._pace = Pace()
        self._relay = relay
        self._clock = clock
        self._line = StandInLine(stand_in, relay, clock, self._perform) if stand_in is not None else None
        self._sink = sink
        self._log = log
        self._connection: StationConnection | None = None
        self._upstream: Upstream | None = None
        self._stops = False
        self._mirrors: Sequence[Mirror] = ()
        self._liveness = Liveness(clock, timings)
        self._spoken: Version | None = None
        self._throttled_at: Seconds | None = None
        self._start_delay = StartDelay()
        self._closing: set[asyncio.Task[None]] = set()
        if dossier.description is not None:
            self._know(dossier.description)
        self._shelf_problem: str | None = None
        self._rests_until: Seconds = 0.0  # before then a tick of the relay changes nothing, unless something happens

    @property
    def connection(self) -> StationConnection | None:
        """The station's socket."""
        return self._connection

    @property
    def cloud_connected(self) -> bool:
        """Whether the station's upstream connection is up."""
        return self._relay.state is RelayState.RELAYING

    @property
    def spoken(self) -> Version | None:
        """The edition that the station spoke last; None before it first came."""
        return self._spoken

    async def serve(
        self,
        connection: StationConnection,
        upstream: Upstream,
        version: Version,
        mirrors: Sequence[Mirror] = (),
        **details: Any,
    ) -> None:
        """Serve one connection of the station until it ends; the one before it, if any, ends now."""
        before = self._attach(connection, upstream, version, details)
        self._mirrors = mirrors
        if before is not None:
            await before.close()
        tasks = [
            asyncio.create_task(connection.deliver(partial(self._station_text, connection))),
            asyncio.create_task(self._liveness.watch(connection)),
            asyncio.create_task(
                upstream.run(
                    lambda: self._cloud_up(upstream),
                    lambda text: self._cloud_text(upstream, text),
                    lambda why: self._cloud_down(upstream, why),
                )
            ),
        ]
        copying = [asyncio.create_task(mirror.run()) for mirror in mirrors]
        why = "the gateway stops"
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            why = self._outcome(done)
        finally:
            self._detach(connection, why)
            for task in (*tasks, *copying):
                task.cancel()
            await asyncio.gather(*tasks, *copying, return_exceptions=True)
            await upstream.close()

    def write_limit(self, command: LimitCommand) -> None:
        """See :class:`edge.control.ports.LimitPort`."""
        self._perform(self._relay.write_limit(command, self._clock.monotonic(), self._clock.wall()))

    def expect_stop(self) -> None:
        """The gateway stops: that the station's connection ends is no trouble from now on."""
        self._stops = True

    def tick(self) -> None:
        """Let the relay's and the upstream connection's deadlines pass."""
        now = self._clock.monotonic()
        if self._connection is not None and now >= self._rests_until:
            wall = self._clock.wall()
            self._perform(self._relay.tick(now, wall))
            self._rests_until = now + self._relay.rest_s(wall)
        if self._stand_in is not None:
            self._stand_in.tick()
        if self._upstream is not None:
            self._upstream.tick()
        problem = self._dossier.problem
        if problem is not None and problem != self._shelf_problem:
            self._log.error(problem)
        self._shelf_problem = problem

    def diagnose(self) -> bool:
        """Check one of the station's messages, if there is one to be checked."""
        looked = self._relay.diagnosis.look()
        if looked is None:
            return False
        found, news = looked
        for _ in range(found):
            self._figures.violation(self._station)
        for sentence in news:
            self._log.info("station breaks the schema", violation=sentence)
        return True

    async def is_alive(self, connection: ServerConnection) -> bool:
        """Whether the station at the other end of its connection answers a ping."""
        return await self._liveness.answers_ping(connection)

    def _attach(
        self, connection: StationConnection, upstream: Upstream, version: Version, details: dict[str, Any]
    ) -> Upstream | None:
        before, old = self._upstream, self._connection
        if old is not None:
            self._detach(old, "replaced by a new connection")
            self._close(old, CLOSE_REPLACED, "replaced by a new connection")
        self._connection, self._upstream = connection, upstream
        now = self._clock.monotonic()
        self._liveness.heard(now)
        self._spoken = version
        self._pace = Pace()
        self._perform(self._relay.station_connected(now, version, **details))
        if self._stand_in is not None:
            self._stand_in.station_connected(version)
        return before

    def _detach(self, connection: StationConnection, why: str) -> None:
        if self._connection is connection:
            self._connection = self._upstream = None
            self._perform(self._relay.station_gone(self._clock.monotonic(), why, planned=self._stops))
            if self._stand_in is not None:
                self._stand_in.station_gone()

    def _station_text(self, connection: StationConnection, text: str | bytes) -> Seconds:
        if self._connection is not connection:
            return 0.0  # it has been replaced
        now = self._clock.monotonic()
        self._rests_until = 0.0
        self._liveness.heard(now)
        if self._liveness.quirks.start_answer_delay_s:
            self._start_delay.called(text, self._relay.version)
        actions = self._relay.receive_from_station(text, now, self._clock.wall())
        first = actions[0] if actions else None
        self._figures.from_station += 1
        if isinstance(first, ToCloud) and first.text is text and self._upstream is not None:
            self.trace.add(Way.FROM_STATION, text, now, Way.TO_CLOUD)
            self._figures.to_cloud += 1
            self._push_up(self._upstream, first.text)
            del actions[0]
        else:
            self.trace.add(Way.FROM_STATION, text, now)
        if actions:
            self._perform(actions)
        pause_s = self._pace.frame(now)
        if pause_s > 0:
            self._slow_down(now)
        return pause_s

    def _slow_down(self, now: Seconds) -> None:
        self._figures.throttled(self._station)
        if self._throttled_at is None or now - self._throttled_at >= THROTTLED_TOLD_EVERY_S:
            self._throttled_at = now
            self._log.warning("station sends too fast and is read more slowly")

    def _cloud_up(self, upstream: Upstream) -> None:
        if self._upstream is upstream:
            self._perform(self._relay.cloud_connected(self._clock.monotonic()))
            if self._stand_in is not None:
                self._stand_in.cloud_connected()

    def _cloud_text(self, upstream: Upstream, text: str | bytes) -> Seconds:
        if self._upstream is upstream:
            now = self._clock.monotonic()
            self._rests_until = 0.0
            actions = self._relay.receive_from_cloud(text, now, self._clock.wall())
            first = actions[0] if actions else None
            self._figures.from_cloud += 1
            if isinstance(first, ToStation) and first.text is text and not self._start_delay.waits:
                self.trace.add(Way.FROM_CLOUD, text, now, Way.TO_STATION)
                self._figures.to_station += 1
                self._push(self._connection, first.text)
                del actions[0]
            else:
                self.trace.add(Way.FROM_CLOUD, text, now)
            if actions:
                self._perform(actions)
        return 0.0

    def _cloud_down(self, upstream: Upstream, why: str) -> None:
        if self._upstream is upstream:
            self._perform(self._relay.cloud_disconnected(self._clock.monotonic(), why))
            if self._stand_in is not None:
                self._stand_in.cloud_lost()

    def _perform(self, actions: Iterable[Action]) -> None:
        self._rests_until = 0.0
        for action in actions:
            match action:
                case ToStation():
                    self._send_down(action.text)
                case ToCloud():
                    if self._upstream is not None:
                        self._note_frame(Way.TO_CLOUD, action.text)
                        self._push_up(self._upstream, action.text)
                case Report():
                    if isinstance(action.fact, StationDescribed):
                        self._know(Description.of(action.fact))
                    self._sink.take(action.fact)
                case HandOver():
                    if self._line is not None:
                        self._line.hand_over(action.frame)
                case CloseStation():
                    if self._connection is not None:
                        self._close(self._connection, action.code, action.reason)
                case Note():
                    getattr(self._log, action.level)(action.event, **action.fields)
                case _:
                    assert_never(action)

    def _know(self, described: Description) -> None:
        """The station has told what it is, now or before: what is known of its like."""
        self._dossier.describe(described)
        quirks, names = quirks_of(described.vendor, described.model, described.firmware)
        if quirks != self._liveness.quirks:
            self._log.info("station has quirks", records=", ".join(names))
        self._liveness.quirks = quirks

    def _send_down(self, text: str) -> None:
        """Send to the station: at once, or after a while where it can't take an answer so soon."""
        if self._start_delay.holds(text, self._relay.version):
            asyncio.get_running_loop().call_later(
                self._liveness.quirks.start_answer_delay_s, self._push_down, self._connection, text
            )
        else:
            self._push_down(self._connection, text)

    def _push_down(self, connection: StationConnection | None, text: str) -> None:
        if connection is None or connection is not self._connection:
            return  # it has gone, and its successor hasn't asked
        self._note_frame(Way.TO_STATION, text)
        self._push(connection, text)

    def _push_up(self, upstream: Upstream, text: str) -> None:
        upstream.send(text)
        for mirror in self._mirrors:
            mirror.copy(text)

    def _push(self, connection: StationConnection | None, text: str) -> None:
        if connection is not None:
            self._pace.sent()
            if not push(connection, text):
                self._log.warning("cut the station off because it doesn't read")

    def _note_frame(self, way: Way, text: str) -> None:
        self.trace.add(way, text, self._clock.monotonic())
        self._figures.frame(way)

    def _close(self, connection: StationConnection, code: int, reason: str) -> None:
        """Start the closing handshake, and wait for nobody."""
        task = asyncio.create_task(connection.close(code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _outcome(self, done: Iterable[asyncio.Task[str]]) -> str:
        """Why a connection ended. An error of our own ends this connection only, and is logged whole."""
        reasons = []
        for task in done:
            error = task.exception()
            if error is None:
                reasons.append(task.result())
            else:
                self._log.error("a fault of the gateway ended a station's connection", exc_info=error)
                reasons.append("a fault of the gateway")
        return reasons[0]
