"""One configured station's place in the shell: its relay, and its two sockets while there are any. Holds no rules."""

import asyncio
from collections.abc import Iterable
from typing import Any, assert_never

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.setpoint import LimitCommand
from edge.ocpp.actions import Action, CloseStation, Note, Report, ToCloud, ToStation
from edge.ocpp.relay import Relay, RelayState
from edge.ocpp.sockets import closing_reason, push
from edge.ocpp.timings import LinkTimings
from edge.ocpp.upstream import Upstream

CLOSE_REPLACED = 1000  # RFC 6455 §7.4.1: the purpose of this connection has been fulfilled


class StationLink:
    """Carries frames between one station, its relay and its cloud."""

    def __init__(
        self, *, relay: Relay, clock: Clock, sink: FactSink, timings: LinkTimings, log: FilteringBoundLogger
    ) -> None:
        self._relay = relay
        self._clock = clock
        self._sink = sink
        self._timings = timings
        self._log = log
        self._connection: ServerConnection | None = None
        self._upstream: Upstream | None = None
        self._heard_at = 0.0
        self._stops = False
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> ServerConnection | None:
        """The station's socket."""
        return self._connection

    @property
    def cloud_connected(self) -> bool:
        """Whether the station's upstream connection is up."""
        return self._relay.state is RelayState.RELAYING

    async def serve(self, connection: ServerConnection, upstream: Upstream, **details: Any) -> None:
        """Serve one connection of the station until it ends; the one before it, if any, ends now."""
        before = self._attach(connection, upstream, details)
        if before is not None:
            await before.close()
        tasks = [
            asyncio.create_task(self._read(connection)),
            asyncio.create_task(self._keep_alive(connection)),
            asyncio.create_task(
                upstream.run(
                    lambda: self._cloud_up(upstream),
                    lambda text: self._cloud_text(upstream, text),
                    lambda why: self._cloud_down(upstream, why),
                )
            ),
        ]
        why = "the gateway stops"
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            why = self._outcome(done)
        finally:
            self._detach(connection, why)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await upstream.close()

    def write_limit(self, command: LimitCommand) -> None:
        """See :class:`edge.control.ports.LimitPort`."""
        self._perform(self._relay.write_limit(command, self._clock.monotonic(), self._clock.wall()))

    def expect_stop(self) -> None:
        """The gateway stops: that the station's connection ends is no trouble from now on."""
        self._stops = True

    def tick(self) -> None:
        """Let the relay's and the upstream connection's deadlines pass."""
        if self._connection is not None:
            self._perform(self._relay.tick(self._clock.monotonic(), self._clock.wall()))
        if self._upstream is not None:
            self._upstream.tick()

    async def is_alive(self, connection: ServerConnection) -> bool:
        """Whether the station at the other end of its connection answers a ping."""
        try:
            async with asyncio.timeout(self._timings.takeover_ping_s):
                await (await connection.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    def _attach(self, connection: ServerConnection, upstream: Upstream, details: dict[str, Any]) -> Upstream | None:
        before, old = self._upstream, self._connection
        if old is not None:
            self._detach(old, "replaced by a new connection")
            self._close(old, CLOSE_REPLACED, "replaced by a new connection")
        self._connection, self._upstream = connection, upstream
        self._heard_at = self._clock.monotonic()
        self._perform(self._relay.station_connected(self._heard_at, **details))
        return before

    def _detach(self, connection: ServerConnection, why: str) -> None:
        if self._connection is connection:
            self._connection = self._upstream = None
            self._perform(self._relay.station_gone(self._clock.monotonic(), why, planned=self._stops))

    async def _read(self, connection: ServerConnection) -> str:
        try:
            while True:
                text = await connection.recv()
                if self._connection is not connection:
                    return "replaced by a new connection"
                self._heard_at = self._clock.monotonic()
                self._perform(self._relay.receive_from_station(text, self._heard_at, self._clock.wall()))
        except ConnectionClosed as closed:
            return closing_reason(closed)

    async def _keep_alive(self, connection: ServerConnection) -> str:
        """Ping; end when nothing at all was heard for long. A station that answers no ping gets one ping only."""
        pong: asyncio.Future[float] | None = None
        try:
            while True:
                await asyncio.sleep(self._timings.ping_every_s)
                if self._clock.monotonic() - self._heard_at > self._timings.silence_s:
                    return f"nothing was heard for {self._timings.silence_s:g} s"
                try:
                    async with asyncio.timeout(self._timings.ping_every_s):
                        if pong is None or pong.done():
                            pong = asyncio.ensure_future(await connection.ping())
                            pong.add_done_callback(self._pong)
                        else:
                            await connection.pong()
                except TimeoutError:
                    continue  # its socket is full: then only silence can tell
        except ConnectionClosed as closed:
            return closing_reason(closed)

    def _pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._heard_at = self._clock.monotonic()

    def _cloud_up(self, upstream: Upstream) -> None:
        if self._upstream is upstream:
            self._perform(self._relay.cloud_connected(self._clock.monotonic()))

    def _cloud_text(self, upstream: Upstream, text: str | bytes) -> None:
        if self._upstream is upstream:
            now, wall = self._clock.monotonic(), self._clock.wall()
            self._perform(self._relay.receive_from_cloud(text, now, wall))

    def _cloud_down(self, upstream: Upstream, why: str) -> None:
        if self._upstream is upstream:
            self._perform(self._relay.cloud_disconnected(self._clock.monotonic(), why))

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case ToStation():
                    if self._connection is not None and not push(self._connection, action.text):
                        self._log.warning("cut the station off because it doesn't read")
                case ToCloud():
                    if self._upstream is not None:
                        self._upstream.send(action.text)
                case Report():
                    self._sink.take(action.fact)
                case CloseStation():
                    if self._connection is not None:
                        self._close(self._connection, action.code, action.reason)
                case Note():
                    getattr(self._log, action.level)(action.event, **action.fields)
                case _:
                    assert_never(action)

    def _close(self, connection: ServerConnection, code: int, reason: str) -> None:
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
