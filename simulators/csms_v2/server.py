"""The CSMS: answers what stations call, remembers it, and calls them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from ocpp.messages import MessageType, get_validator  # type: ignore[import-untyped] # ocpp 2.1 ships no types
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

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

    def __init__(self, *editions: str) -> None:
        self._editions = editions or ("2.1", "2.0.1")
        self.heard: list[tuple[str, str, Payload]] = []
        self.sends: list[tuple[str, str, Payload]] = []
        self.invalid: list[str] = []
        self.connections: dict[str, ServerConnection] = {}
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._calls = 0
        self._server: Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback."""
        names = [Subprotocol(f"ocpp{edition}") for edition in self._editions]
        self._server = await serve(self._meet, "127.0.0.1", self.port, subprotocols=names)
        self.port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Close all."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

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
        async for text in connection:
            kind, identifier, *rest = json.loads(text)
            match kind:
                case 2:
                    self._check(rest[0], rest[1], edition)
                    self.heard.append((identity, rest[0], rest[1]))
                    await connection.send(json.dumps([3, identifier, self._answer(rest[0])]))
                case 6:
                    self.sends.append((identity, rest[0], rest[1]))
                case 3 | 4 if identifier in self._answers:
                    self._answers.pop(identifier).set_result(rest[0] if kind == 3 else {})
                case _:
                    self.invalid.append(f"message type {kind}, id {identifier}")

    def _answer(self, action: str) -> Payload:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if action == "BootNotification":
            return {"currentTime": now, "interval": 300, "status": "Accepted"}
        return {"currentTime": now} if action == "Heartbeat" else _ANSWERS.get(action, {})

    def _check(self, action: str, payload: Payload, edition: str) -> None:
        problem = next(get_validator(MessageType.Call, action, edition).iter_errors(payload), None)
        if problem is not None:
            self.invalid.append(f"{action}: {problem.message}")
