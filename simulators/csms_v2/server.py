"""The CSMS: answers what stations call, remembers it, and calls them."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ocpp.messages import MessageType, get_validator  # type: ignore[import-untyped] # ocpp 2.1 ships no types
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.visits import has_come, has_left

Payload = dict[str, Any]

# What is answered to whom says more than nothing; all else is acknowledged with an empty payload.
_ANSWERS: dict[str, Payload] = {
    "Authorize": {"idTokenInfo": {"status": "Accepted"}},
    "DataTransfer": {"status": "UnknownVendorId"},
    "NotifyEVChargingNeeds": {"status": "Accepted"},
    "NotifyEVChargingSchedule": {"status": "Accepted"},
    "SignCertificate": {"status": "Rejected"},
}


class CsmsV2:
    """Chooses the first of ``editions`` that a station offers. ``heard``: identity, action and payload of each CALL."""

    def __init__(
        self, *editions: str, host: str = "127.0.0.1", port: int = 0, told: Callable[[str], None] = lambda _: None
    ) -> None:
        """``told`` gets a sentence for people whenever a station connects or leaves."""
        self._told = told
        self._host = host
        self.seen_station = asyncio.Event()  # set by the first station that connects
        self.transactions: dict[str, dict[str, Any]] = {}  # by id, as the cloud would bill them
        self._editions = editions or ("2.1", "2.0.1")
        self.heard: list[tuple[str, str, Payload]] = []
        self.sends: list[tuple[str, str, Payload]] = []
        self.invalid: list[str] = []
        self.connections: dict[str, ServerConnection] = {}
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._calls = 0
        self._server: Server | None = None
        self.port = port

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        names = [Subprotocol(f"ocpp{edition}") for edition in self._editions]
        self._server = await serve(self._meet, self._host, self.port, subprotocols=names)
        self.port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Close all."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    @property
    def away(self) -> bool:
        """Whether it can't be reached."""
        return self._server is None

    async def come_back(self) -> None:
        """Listen again. Raises OSError if another took the port meanwhile."""
        if self._server is None:
            await self.start()

    async def go_away(self) -> None:
        """Vanish as a failed uplink does: no closing handshake."""
        if self._server is not None:
            for connection in self._server.connections:
                connection.transport.abort()
        await self.stop()

    async def call(self, identity: str, action: str, payload: Payload) -> Payload:
        """Call a station; the payload of its answer, empty where it refuses."""
        self._calls += 1
        identifier = f"csms-{self._calls}"
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._answers[identifier] = answer
        await self.connections[identity].send(json.dumps([2, identifier, action, payload]))
        return await answer

    async def _meet(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request is not None else ""
        identity = path.rpartition("/")[2]
        edition = str(connection.subprotocol).removeprefix("ocpp")
        self.connections[identity] = connection
        self.seen_station.set()
        self._told(has_come(identity, connection))
        try:
            with suppress(ConnectionClosed):
                await self._listen(connection, identity, edition)
        finally:
            self._told(has_left(identity, connection))

    async def _listen(self, connection: ServerConnection, identity: str, edition: str) -> None:
        async for text in connection:
            kind, identifier, *rest = json.loads(text)
            match kind:
                case 2:
                    self._check(rest[0], rest[1], edition)
                    self.heard.append((identity, rest[0], rest[1]))
                    if rest[0] == "TransactionEvent":
                        self._book(identity, rest[1])
                    await connection.send(json.dumps([3, identifier, self._answer(rest[0])]))
                case 6:
                    self.sends.append((identity, rest[0], rest[1]))
                case 3 | 4 if identifier in self._answers:
                    self._answers.pop(identifier).set_result(rest[0] if kind == 3 else {})
                case _:
                    self.invalid.append(f"message type {kind}, id {identifier}")

    def _book(self, identity: str, event: Payload) -> None:
        number = event["transactionInfo"]["transactionId"]
        new = {"identity": identity, "transaction_id": number, "started_at": None, "stopped_at": None, "events": 0}
        entry = self.transactions.setdefault(number, new)
        entry["events"] += 1
        place = {"Started": "started_at", "Ended": "stopped_at"}.get(event["eventType"])
        if place is not None:
            entry[place] = event["timestamp"]

    def _answer(self, action: str) -> Payload:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if action == "BootNotification":
            return {"currentTime": now, "interval": 300, "status": "Accepted"}
        return {"currentTime": now} if action == "Heartbeat" else _ANSWERS.get(action, {})

    def _check(self, action: str, payload: Payload, edition: str) -> None:
        problem = next(get_validator(MessageType.Call, action, edition).iter_errors(payload), None)
        if problem is not None:
            self.invalid.append(f"{action}: {problem.message}")
