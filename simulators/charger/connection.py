"""The simulated station on a real socket: the core's actions done, its clock kept, its link rebuilt."""

import asyncio
import base64
import logging
import random
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from simulators.charger.ev import ElectricVehicle
from simulators.charger.ledger import TransactionAccount
from simulators.charger.spec import Counters, StationSpec
from simulators.charger.station import ROUNDING_S, Action, Disconnect, Send, StationCore

FIRST_BACK_OFF_S = 1.0  # RetryBackOffWaitMinimum: a gateway that restarts finds its chargers back in seconds
LONGEST_BACK_OFF_S = 16.0  # doubled up to here
OPEN_TIMEOUT_S = 10.0
PING_S = 60.0  # WebSocketPingInterval
EARLY_S = ROUNDING_S / 2  # a timer may fire by so much too early: times since the epoch are no finer
CLOSE_TIMEOUT_S = 1.0  # a station that is stopped doesn't wait for a peer that hangs

logger = logging.getLogger("simulators.charger")


def steady_clock() -> Callable[[], float]:
    """True time that never jumps: the wall clock's reading now, counted on by the monotonic clock."""
    began_s = time.time() - time.monotonic()
    return lambda: began_s + time.monotonic()


class ChargingStation:
    """A charging station that connects to `url` (ws://host:port/<identity>, in full) and obeys OCPP 1.6J.

    Everything but `run` and `drained` returns at once and belongs into the event loop that runs `run`. `now` is the
    source of true time: seconds on the scale of the epoch, never going back. `complain` is told, once for each time
    that it happens, why there is no connection. Raises ValueError for a URL that is none.
    """

    socket_class: type[ClientConnection] = ClientConnection

    def __init__(
        self,
        spec: StationSpec,
        url: str,
        *,
        now: Callable[[], float] | None = None,
        complain: Callable[[str], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        try:
            parse_uri(url)
        except InvalidURI as error:
            raise ValueError(
                f"station {spec.identity}: the url must be ws://host:port/{spec.identity}, not {url!r}"
            ) from error
        self.spec = spec
        self.subprotocol = Subprotocol(f"ocpp{spec.edition}")
        self.url = url
        self.connected = False
        self._now = now or steady_clock()
        self._complain = complain or self._warn
        self._core = StationCore(spec)
        self._socket: ClientConnection | None = None  # while it is connected
        self._outgoing: asyncio.Queue[Action] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._failed: asyncio.Future[None] | None = None  # while it runs
        self._drained = asyncio.Event()
        self._drained.set()
        self._jitter = random.Random(spec.identity)

    @property
    def counters(self) -> Counters:
        """What has happened so far."""
        return self._core.sessions.counters

    async def run(self) -> None:
        """Connect, serve, reconnect, until cancelled; then the socket is closed in good order."""
        self._failed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_connected())
                self._plan()
                await self._failed
        finally:
            self._failed = None
            if self._timer is not None:
                self._timer.cancel()

    def transactions(self) -> tuple[TransactionAccount, ...]:
        """The station's own account of every transaction, the oldest first."""
        return self._core.sessions.ledger.accounts()

    async def drained(self) -> None:
        """Wait until no StartTransaction, MeterValues or StopTransaction waits for its delivery."""
        await self._drained.wait()

    def plug_in(self, connector_id: int, ev: ElectricVehicle, id_tag: str) -> None:
        """A car arrives, its driver presents a card. Raises ValueError where a car is plugged in already."""
        self.perform(self._core.plug_in(connector_id, ev, id_tag, self._now()))

    def unplug(self, connector_id: int) -> None:
        """The driver ends the session and leaves."""
        self.perform(self._core.unplug(connector_id, self._now()))

    def fault(self, connector_id: int, error_code: str | None) -> None:
        """A fault (ChargePointErrorCode) stops the connector's energy; None: it is repaired."""
        self.perform(self._core.fault(connector_id, error_code, self._now()))

    def step(self, dt_s: float) -> None:
        """Advance the electrical physics by `dt_s`; meant to be called about every 0.1 s."""
        actions = self._core.step(dt_s, self._now())
        if actions:
            self.perform(actions)

    def draw_a(self, connector_id: int) -> tuple[float, float, float]:
        """The true instantaneous draw on the EVSE's own L1, L2, L3."""
        return self._core.sessions.connectors[connector_id].draw_a

    def offered_a(self, connector_id: int) -> float:
        """What the connector offers per phase now; without a session, what it would offer if one began now."""
        clock_s = self._now() + self.spec.clock_offset_s
        return self._core.sessions.offers.one_a(connector_id, clock_s)

    def offered_phases(self, connector_id: int) -> int:
        """On how many of its phases the connector offers that."""
        sessions = self._core.sessions
        return sessions.offers.phases(sessions.connectors[connector_id], self._now() + self.spec.clock_offset_s)

    def wanted_a(self, connector_id: int) -> float:
        """What the car would draw per phase if only the connector's maximum limited it; 0 if there is no car, no
        session, or the car is full."""
        return self._core.sessions.connectors[connector_id].wanted_a

    def changes_soon_s(self, within_s: float) -> float | None:
        """In how many seconds what it offers or what a car draws changes next by itself; None: not `within_s`.

        Between such moments, and as long as nobody tells it anything, a car's draw only falls as its battery fills.
        """
        return self._core.sessions.offers.changes_soon_s(self._now() + self.spec.clock_offset_s, within_s)

    def charging(self) -> bool:
        """Whether any car may draw now."""
        for connector in self._core.sessions.connectors.values():
            if connector.ev is not None and connector.energised:
                return True
        return False

    def status(self, connector_id: int) -> str:
        """ChargePointStatus of the connector."""
        return self._core.sessions.connectors[connector_id].status.value

    def energy_wh(self) -> float:
        """Delivered by all connectors since the station was made."""
        return sum(each.register_wh for each in self._core.sessions.connectors.values())

    async def listen(self, socket: ClientConnection) -> None:
        """Hear what arrives until the socket is closed. Raises ConnectionClosed then."""
        while True:
            self.hear(await socket.recv())

    def hear(self, arrived: str | bytes) -> None:
        """A message has arrived."""
        self.perform(self._core.receive(arrived, self._now()))

    def ticks(self) -> None:
        """Something is due at the station's logic, a sample maybe: whoever keeps its physics brings it up to now."""

    def perform(self, actions: list[Action]) -> None:
        """Do what the station's logic wants done."""
        for action in actions:
            self.do(action)
        if self._core.outbound.drained:
            self._drained.set()
        else:
            self._drained.clear()
        self._plan()

    def do(self, action: Action) -> None:
        """Send, or hang up, in the order of the calls."""
        self._outgoing.put_nowait(action)

    def _plan(self) -> None:
        """Look again when the next thing is due. A timer that fires too early does no harm."""
        if self._failed is None:
            return
        now = self._now()
        due_s = self._core.next_due(now)
        loop = asyncio.get_running_loop()
        due_at = None if due_s is None else loop.time() + max(due_s - now, 0.0)
        if self._timer is not None:
            if due_at is not None and self._timer.when() <= due_at:
                return
            self._timer.cancel()
        self._timer = None if due_at is None else loop.call_at(due_at, self._look)

    def _look(self) -> None:
        """Tick the core if something is due."""
        self._timer = None
        now = self._now()
        due_s = self._core.next_due(now)
        if due_s is None or due_s > now + EARLY_S:
            self._plan()
            return
        try:
            self.ticks()
            self.perform(self._core.tick(now))
        except Exception as fault:
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(fault)

    async def _keep_connected(self) -> None:
        back_off_s = self._back_off()
        complained = False
        while True:
            await asyncio.sleep(max(self._core.down_until - self._now(), 0.0))
            trouble: str | None = None
            try:
                async with self._connect() as socket:
                    if socket.subprotocol == self.subprotocol:
                        back_off_s = self._back_off()
                        await self._serve(socket)
                    else:
                        trouble = f"it doesn't speak {self.subprotocol}"
            except (OSError, TimeoutError, WebSocketException) as error:
                trouble = str(error)
            if trouble is not None and not complained:
                self._complain(trouble)
            complained = trouble is not None
            await asyncio.sleep(next(back_off_s))

    def _warn(self, trouble: str) -> None:
        logger.warning("%s: no connection to %s: %s", self.spec.identity, self.url, trouble)

    def _connect(self) -> connect:
        headers = {}
        if self.spec.password is not None:
            pair = f"{self.spec.identity}:{self.spec.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return connect(
            self.url,
            subprotocols=[self.subprotocol],
            additional_headers=headers,
            compression=None,
            ssl=self._tls,
            proxy=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=PING_S,
            create_connection=self.socket_class,
            user_agent_header=None,
        )

    async def _serve(self, socket: ClientConnection) -> None:
        """Pass messages between socket and core until the socket is closed."""
        self._socket, self._outgoing = socket, asyncio.Queue()
        writer = asyncio.create_task(self._write(socket))
        self.connected = True
        logger.info("%s: connected", self.spec.identity)
        try:
            self.perform(self._core.connected(self._now()))
            await self.listen(socket)
        except ConnectionClosed:
            pass  # with an error code; the core learns the same either way
        finally:
            self.perform(self._core.disconnected(self._now()))
            self._socket, self.connected = None, False
            logger.info("%s: disconnected", self.spec.identity)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await socket.close()  # here, as leaving `connect` by cancellation would call it an internal error

    async def _write(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                match await self._outgoing.get():
                    case Send(text=text):
                        await socket.send(text)
                    case Disconnect():
                        await socket.close()

    def _back_off(self) -> Generator[float]:
        """Doubled each time, with up to a second of chance on top, so that a site doesn't come back in one blow."""
        wait_s = FIRST_BACK_OFF_S
        while True:
            yield wait_s + self._jitter.random()
            wait_s = min(2 * wait_s, LONGEST_BACK_OFF_S)
