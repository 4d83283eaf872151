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
from edge.ocpp.actions import Action, CloseStation, HandOver, KeepBack, Note, PassBinary, Report, ToCloud, ToStation
from edge.ocpp.carrier import Carrier
from edge.ocpp.courier import Absence
from edge.ocpp.dossier import Dossier
from edge.ocpp.farewell import Farewell, close
from edge.ocpp.figures import Figures
from edge.ocpp.liveness import Liveness
from edge.ocpp.mirror import Mirror
from edge.ocpp.relay import AWAY, REST_S, Relay
from edge.ocpp.stand_in import StandIn
from edge.ocpp.stand_in_line import StandInLine
from edge.ocpp.station_connection import StationConnection
from edge.ocpp.timings import LinkTimings
from edge.ocpp.trace import Trace
from edge.ocpp.upstream import Upstream
from edge.ocpp.versions import Version
from edge.units import Seconds

CLOSE_REPLACED = 1000  # RFC 6455 §7.4.1: the purpose of this connection has been fulfilled
CLOSE_TO_COME_ANEW = 1012  # IANA registry of close codes: service restart


class StationLink:
    """Carries frames between one station, its relay and its cloud.

    As a wire it makes nothing of its own: no ping, no pause before an answer, and an end of one side's connection is
    passed on with its code and reason.
    """

    def __init__(
        self,
        *,
        station: str,
        relay: Relay,
        clock: Clock,
        sink: FactSink,
        timings: LinkTimings,
        figures: Figures,
        log: FilteringBoundLogger,
        dossier: Dossier,
        stand_in: StandIn | None = None,
        is_wire: bool = False,
    ) -> None:
        self._station = station
        self._is_wire = is_wire
        self._stand_in = stand_in
        self._figures = figures
        self._carrier = Carrier(station, clock, figures, log)
        self._relay = relay
        relay.outbox.on_late = lambda: self._perform(relay.outbox.empty())
        self._clock = clock
        self._line = StandInLine(stand_in, relay, clock, self._perform) if stand_in is not None else None
        self._sink = sink
        self._log = log
        self._stops = False
        self.absence = Absence(stand_in, self._line, self.trace, clock, log)
        self._liveness = Liveness(clock, timings)
        self._dossier = dossier
        self._spoken = dossier.edition
        self._closing: set[asyncio.Task[None]] = set()
        self._trouble: str | None = None
        self.due_at: Seconds = 0.0  # before then a tick changes nothing, unless something happens
        self._take_on_quirks()

    @property
    def connection(self) -> StationConnection | None:
        """The station's socket."""
        return self._carrier.connection

    @property
    def trace(self) -> Trace:
        """The station's last frames."""
        return self._carrier.trace

    @property
    def cloud_problem(self) -> str | None:
        """Why the station's upstream connection is down; None while it is up, and while the station is away."""
        return self._carrier.upstream.problem if self._carrier.upstream is not None else None

    @property
    def spoken(self) -> Version | None:
        """The edition that the station spoke last, or that its cloud had chosen before the gateway's start; None where
        neither is known."""
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
        before = self._attach(connection, upstream, version, mirrors, details)
        if before is not None:
            await before.close()
        up = upstream.run(
            lambda: self._cloud_up(upstream),
            lambda text: self._cloud_text(upstream, text),
            lambda why: self._cloud_down(upstream, why),
            lambda: self._cloud_missed(upstream),
        )
        down = connection.deliver(partial(self._station_text, connection))
        tasks = [asyncio.create_task(up), asyncio.create_task(down)]
        if not self._is_wire:
            tasks.append(asyncio.create_task(self._liveness.watch(connection)))
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
            await upstream.close(connection)

    def write_limit(self, command: LimitCommand) -> None:
        """See :class:`edge.control.ports.LimitPort`."""
        self._perform(self._relay.write_limit(command, self._clock.monotonic(), self._clock.wall()))

    def expect_stop(self) -> None:
        """The gateway stops: that the station's connection ends is no trouble from now on."""
        self._stops = True

    def tick(self) -> None:
        """Let the deadlines of the relay, of who stands in and of the upstream connection pass. To be called when it is
        ``due_at``, which this sets anew.
        """
        now = self._clock.monotonic()
        rest_s = REST_S
        if self._carrier.connection is not None:
            wall = self._clock.wall()
            if actions := self._relay.tick(now, wall):
                self._perform(actions)
            rest_s = self._relay.rest_s(wall)
        if self._stand_in is not None:
            if not (rests := self._stand_in.rests):
                self._stand_in.tick()
                rests = self._stand_in.rests
            rest_s = rest_s if rests else 0.0
        if self._carrier.upstream is not None:
            self._carrier.upstream.tick()
        self.due_at = now + rest_s
        before, self._trouble = self._trouble, self._relay.trouble
        if self._trouble is not None and self._trouble != before:
            self._log.error(self._trouble)

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
        self,
        connection: StationConnection,
        upstream: Upstream,
        version: Version,
        mirrors: Sequence[Mirror],
        details: dict[str, Any],
    ) -> Upstream | None:
        self.absence.ends()
        before, old = self._carrier.upstream, self._carrier.connection
        if old is not None:
            self._detach(old, "replaced by a new connection")
            self._close(old, CLOSE_REPLACED, "replaced by a new connection")
        self._carrier.attach(connection, upstream, mirrors, version)
        now = self._clock.monotonic()
        self._liveness.heard(now)
        self._spoken = version
        self._perform(self._relay.station_connected(now, version, **details))
        if self._stand_in is not None:
            self._stand_in.station_connected(version)
        return before

    def _detach(self, connection: StationConnection, why: str) -> None:
        if self.connection is connection:
            self._carrier.detach()
            self._perform(self._relay.station_gone(self._clock.monotonic(), why, planned=self._stops))
            if self._stand_in is not None:
                self._stand_in.station_gone()

    def _station_text(self, connection: StationConnection, text: str | bytes) -> Seconds:
        if self._carrier.connection is not connection:
            return 0.0  # it has been replaced
        now = self._clock.monotonic()
        self.due_at = 0.0
        self._liveness.heard(now)
        actions = self._relay.receive_from_station(text, now, self._clock.wall())
        first = actions[0] if actions else None
        onward = first.text if isinstance(first, ToCloud) else None
        if self._carrier.came_up(text, now, onward):
            del actions[0]
        if actions:
            self._perform(actions)
        return self._carrier.pause_s(now, len(text))

    def _cloud_up(self, upstream: Upstream) -> None:
        if self._carrier.upstream is upstream and not self._speaks_otherwise(upstream):
            if self._is_wire and self.connection is not None:
                upstream.join(self.connection)
            self._perform(self._relay.cloud_connected(self._clock.monotonic()))
            if self._stand_in is not None:
                self._stand_in.cloud_connected()

    def _speaks_otherwise(self, upstream: Upstream) -> bool:
        """Whether the cloud, which was away when the station was answered, has chosen another of its editions: then the
        station has to come anew, and is answered that."""
        chosen, told, connection = upstream.chosen, self._spoken, self.connection
        if chosen is not None:
            self._dossier.chosen(chosen)
        if chosen is None or told is None or connection is None or chosen is told:
            if told is not None:
                upstream.settle(told)
            return False
        self._log.warning("the cloud wants another edition than the station was told", told=told, wants=chosen)
        self._spoken = chosen
        self._detach(connection, why := f"its cloud speaks {chosen}")
        self._close(connection, CLOSE_TO_COME_ANEW, why)
        return True

    def _cloud_text(self, upstream: Upstream, text: str | bytes) -> Seconds:
        if self._carrier.upstream is upstream:
            now = self._clock.monotonic()
            self.due_at = 0.0
            actions = self._relay.receive_from_cloud(text, now, self._clock.wall())
            first = actions[0] if actions else None
            if self._carrier.came_down(text, now, first.text if isinstance(first, ToStation) else None):
                del actions[0]
            if actions:
                self._perform(actions)
        return 0.0

    def _cloud_down(self, upstream: Upstream, why: str) -> None:
        if self._carrier.upstream is upstream:
            word = upstream.farewell if self._is_wire else AWAY
            self._perform(self._relay.cloud_disconnected(self._clock.monotonic(), why, word))
            if self._stand_in is not None:
                self._stand_in.cloud_lost()

    def _cloud_missed(self, upstream: Upstream) -> None:
        if self._carrier.upstream is upstream and self._stand_in is not None:
            self._stand_in.cloud_lost()

    def _perform(self, actions: Iterable[Action]) -> None:
        self.due_at = 0.0
        for action in actions:
            match action:
                case ToStation():
                    self._carrier.down(action.text)
                case ToCloud():
                    self._carrier.up(action.text)
                case PassBinary():
                    self._carrier.binary(action.data, to_station=action.to_station)
                case Report():
                    if isinstance(action.fact, StationDescribed):
                        self._take_on_quirks()
                    self._sink.take(action.fact)
                case HandOver():
                    if self._line is not None:
                        self._line.hand_over(action.frame)
                case KeepBack():
                    self._carrier.copy(action.call.text)
                    if self._line is not None:
                        self._line.reads(action.call)
                case CloseStation():
                    if self.connection is not None:
                        self._close(self.connection, action.code, action.reason)
                case Note():
                    getattr(self._log, action.level)(action.event, **action.fields)
                case _:
                    assert_never(action)

    def _take_on_quirks(self) -> None:
        if not self._is_wire:
            self._carrier.quirks = self._liveness.quirks = self._relay.quirks

    def _close(self, connection: StationConnection, code: int, reason: str) -> None:
        """Start the closing handshake, and wait for nobody."""
        task = asyncio.create_task(close(connection, Farewell(code=code, reason=reason)))
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
