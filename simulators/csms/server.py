"""The CSMS on real sockets: one WebSocket per station at ws://host:port/<identity>, subprotocol ocpp1.6."""

import asyncio
import http
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Self
from urllib.parse import unquote

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from simulators.csms.answers import Answerer, CallRefusedError, Payload, TagList
from simulators.csms.record import Direction, Frame, Record
from simulators.site import Endpoint
from simulators.visits import has_come, has_left

SUBPROTOCOL: Final = Subprotocol("ocpp1.6")
CALL, CALLRESULT, CALLERROR = 2, 3, 4
BOOT_INTERVAL_S: Final = 300
PROTOCOL_ERROR: Final = 1002  # WebSocket close code: no common subprotocol (OCPP-J 1.6 section 3.2)
PING_S: Final = 300.0  # most clouds leave it to the stations

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


class CallFailedError(Exception):
    """A station answered a CALL with a CALLERROR, not at all, or isn't connected."""


class Csms:
    """Accepts stations, answers their CALLs, records all, sends CALLs on demand; can be away for a while.

    It sends nothing of its own accord.
    """

    socket_class: type[ServerConnection] = ServerConnection

    def __init__(
        self,
        listen: Endpoint,
        *,
        tags: TagList,
        stations: frozenset[str] | None = None,
        boot_interval_s: int = BOOT_INTERVAL_S,
        checks: int | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`stations` are the identities let in, None for any; `checks` as of :class:`Answerer`.

        `told` gets a sentence for people whenever a station connects or leaves.
        """
        self.record = Record()
        self.seen_station = asyncio.Event()  # set by the first station that connects
        self._stations = stations
        self._told = told
        self._wall = wall
        self._answerer = Answerer(
            tags=tags, record=self.record, boot_interval_s=boot_interval_s, wall=wall, checks=checks
        )
        self.endpoint = listen
        self._server: Server | None = None
        self._sockets: dict[str, ServerConnection] = {}
        self._awaited: dict[tuple[str, str], asyncio.Future[Payload]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._call_ids = count(1)

    @property
    def connected(self) -> frozenset[str]:
        """The stations connected now."""
        return frozenset(self._sockets)

    @property
    def away(self) -> bool:
        return self._server is None

    async def open(self) -> Self:
        """Listen. Raises OSError if the port is taken."""
        await self.come_back()
        return self

    async def come_back(self) -> None:
        """Listen again after `go_away`. Raises OSError if another took the port meanwhile."""
        if self._server is None:
            self._server = await serve(
                self._station,
                self.endpoint.host,
                self.endpoint.port,
                process_request=self._admit,
                select_subprotocol=self.choose,
                ping_interval=PING_S,
                create_connection=self.socket_class,
                logger=logger,
            )

    async def go_away(self) -> None:
        """Vanish as a failed uplink does: no closing handshake, and connections are refused until `come_back`."""
        server, self._server = self._server, None
        if server is None:
            return
        # Those that we know in the order in which they came: that of the library's set is another in each process.
        for connection in dict.fromkeys((*self._sockets.values(), *server.connections)):
            connection.transport.abort()
        server.close()
        await server.wait_closed()

    async def close(self) -> None:
        """End for good, with a closing handshake on each socket."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def call(self, identity: str, action: str, payload: Payload, *, timeout_s: float = 30.0) -> Payload:
        """Send a CALL to a station and return the payload of its answer; one at a time for each station.

        Raises CallFailedError.
        """
        async with self._turns.setdefault(identity, asyncio.Lock()):
            connection = self._sockets.get(identity)
            if connection is None:
                raise CallFailedError(f"{identity} isn't connected")
            call_id = f"csms-{next(self._call_ids)}"
            answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
            self._awaited[identity, call_id] = answer
            try:
                await connection.send(self._noted(identity, [CALL, call_id, action, payload]))
                return await asyncio.wait_for(answer, timeout_s)
            except TimeoutError as exc:
                raise CallFailedError(f"{identity} didn't answer {action} within {timeout_s:g} s") from exc
            except ConnectionClosed as exc:
                raise CallFailedError(f"{identity} went away during {action}") from exc
            finally:
                del self._awaited[identity, call_id]

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """404 for an identity that isn't ours (OCPP-J 1.6 section 3.2)."""
        identity = _identity_of(request)
        if not identity or (self._stations is not None and identity not in self._stations):
            return connection.respond(http.HTTPStatus.NOT_FOUND, "unknown charge point\n")
        return None

    async def _station(self, connection: ServerConnection) -> None:
        """Serve one station's socket until it closes."""
        if connection.subprotocol is None:
            await connection.close(PROTOCOL_ERROR, "no common subprotocol")
            return
        identity = _identity_of(connection.request)
        previous = self._sockets.get(identity)
        self._sockets[identity] = connection
        self.seen_station.set()
        self.arrived(identity)
        self._told(has_come(identity, connection))
        if previous is not None:
            previous.transport.abort()  # the station has a new socket, so its old one is dead
        try:
            await self.listen(identity, connection)
        except ConnectionClosed:
            pass  # cut without a closing handshake; the station will come again
        finally:
            self._told(has_left(identity, connection))
            if self._sockets.get(identity) is connection:
                del self._sockets[identity]
                self._give_up_calls(identity)

    def _give_up_calls(self, identity: str) -> None:
        for (station, _call_id), answer in self._awaited.items():
            if station == identity and not answer.done():
                answer.set_exception(CallFailedError(f"{identity} went away"))

    async def listen(self, identity: str, connection: ServerConnection) -> None:
        """Hear what arrives until the socket is closed. Raises ConnectionClosed then."""
        while True:
            reply = self.hear(identity, await connection.recv())
            if reply is not None:
                await connection.send(reply)

    def hear(self, identity: str, arrived: str | bytes) -> str | None:
        """A message has arrived; the answer to it that is now to be sent."""
        text = arrived if isinstance(arrived, str) else arrived.decode()
        self.note(identity, Direction.RECEIVED, text)
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None  # nothing in it could be answered: it has no message id
        match message:
            case [2, str(call_id), str(action), dict(payload)]:
                return self._noted(identity, self.answer(identity, call_id, action, payload))
            case [2, str(call_id), *_]:
                error = [CALLERROR, call_id, "FormationViolation", "a CALL is [2, id, action, {...}]", {}]
                return self._noted(identity, error)
            case [3, str(call_id), dict(payload)]:
                if (answer := self._awaited.get((identity, call_id))) and not answer.done():
                    answer.set_result(payload)
            case [4, str(call_id), str(code), str(description), *_]:
                if (answer := self._awaited.get((identity, call_id))) and not answer.done():
                    answer.set_exception(CallFailedError(f"{identity} answered {code}: {description}"))
        return None

    def answer(self, identity: str, call_id: str, action: str, payload: Payload) -> list[Any]:
        """The whole message that answers a CALL."""
        try:
            return [CALLRESULT, call_id, self._answerer.answer(identity, action, payload)]
        except CallRefusedError as refusal:
            return [CALLERROR, call_id, refusal.code, refusal.description, {}]

    def _noted(self, identity: str, message: list[Any]) -> str:
        """The text of a message that goes."""
        text = orjson.dumps(message).decode()
        self.note(identity, Direction.SENT, text)
        return text

    def cut_off(self, identity: str) -> None:
        """The station's connection is reset, where it has one."""
        connection = self._sockets.get(identity)
        if connection is not None:
            connection.transport.abort()

    def arrived(self, identity: str) -> None:
        """A station has connected, or has connected again."""

    def choose(self, _connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """The edition that is spoken with a station that offers these; None: none of them."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    def note(self, identity: str, direction: Direction, text: str) -> None:
        """A frame has come or goes: keep it."""
        self.record.frames.append(Frame(identity=identity, direction=direction, at=self._wall(), text=text))


def _identity_of(request: Request | None) -> str:
    """The last part of the path, percent-decoded (OCPP-J 1.6 section 3.1.1); empty if there is none."""
    path = request.path.partition("?")[0] if request is not None else ""
    return unquote(path.rsplit("/", 1)[-1])
