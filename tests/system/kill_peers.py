"""Stations and a cloud that keep their own accounts, for a gateway that is killed again and again between them."""

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

V16, V201 = "ocpp1.6", "ocpp2.0.1"
PATIENCE_S = 12.0  # a station waits so long for an answer before it asks again
Booked = tuple[str, str, str, int]  # step, transaction, the station's time, register


class Cloud:
    """Knows a message that it has had by its content, as clouds do; numbers the transactions of 1.6 from 1."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self.account: dict[str, list[Booked]] = {}
        self.wrong: list[str] = []
        self.again = 0
        self._known: set[tuple[str, Booked]] = set()
        self._begun: dict[str, int] = {}
        self._number_of: dict[int, str] = {}
        self._server: Server | None = None
        self.fails: Callable[[], bool] = lambda: False  # at a begin or an end

    async def come(self) -> None:
        if self._server is None:
            protocols = [Subprotocol(V16), Subprotocol(V201)]
            self._server = await serve(self._handle, *self._where, subprotocols=protocols, reuse_address=True)

    async def go(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            # What it has accepted in this very moment gets its handler, before asyncio (3.11) forgets it unclosed.
            for listening in server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            await asyncio.sleep(0)
            server.close()
            await server.wait_closed()

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        station = connection.request.path.strip("/")
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                frame = json.loads(text)
                if frame[0] == 2:
                    await connection.send(json.dumps(self._to(station, *frame[1:])))

    def _to(self, station: str, identifier: str, action: str, payload: dict[str, Any]) -> list[Any]:
        bounds = action in ("StartTransaction", "StopTransaction") or payload.get("eventType") in ("Started", "Ended")
        if bounds and self.fails():
            return [4, identifier, "InternalError", "", {}]
        return [3, identifier, self._answer(station, action, payload)]

    def _answer(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        accepted = {"status": "Accepted"}
        match action:
            case "BootNotification":
                return accepted | {"currentTime": datetime.now(UTC).isoformat(), "interval": 300}
            case "Heartbeat":
                return {"currentTime": datetime.now(UTC).isoformat()}
            case "StartTransaction":
                content = json.dumps([station, payload], sort_keys=True)
                number = self._begun.setdefault(content, len(self._begun) + 1)
                self._book(station, ("begin", payload["timestamp"], payload["timestamp"], payload["meterStart"]))
                self._number_of[number] = payload["timestamp"]
                return {"transactionId": number, "idTagInfo": accepted}
            case "StopTransaction":
                name = self._name(payload["transactionId"])
                self._book(station, ("end", name, payload["timestamp"], payload["meterStop"]))
            case "MeterValues":
                value = payload["meterValue"][0]
                figure = int(value["sampledValue"][0]["value"])
                self._book(station, ("meter", self._name(payload["transactionId"]), value["timestamp"], figure))
            case "TransactionEvent":
                step = {"Started": "begin", "Updated": "meter", "Ended": "end"}[payload["eventType"]]
                figure = int(payload["meterValue"][0]["sampledValue"][0]["value"])
                name = payload["transactionInfo"]["transactionId"]
                self._book(station, (step, name, payload["timestamp"], figure))
        return {}

    def _name(self, number: int) -> str:
        """A transaction by what both sides know of it: the time of its begin."""
        if number not in self._number_of:
            self.wrong.append(f"transaction {number} was never begun")
        return self._number_of.get(number, f"unknown {number}")

    def _book(self, station: str, what: Booked) -> None:
        if (station, what) in self._known:
            self.again += 1
        else:
            self._known.add((station, what))
            self.account.setdefault(station, []).append(what)


@dataclass
class Station:
    """Charges one car after the other; each message is sent, again and again, until it is answered."""

    id: str
    edition: str
    gateway: str
    dice: random.Random
    account: list[Booked] = field(default_factory=list)  # what was answered
    ending: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._connection: ClientConnection | None = None
        self._waits: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._time = datetime.now(UTC).replace(microsecond=0)
        self._register = self.dice.randint(0, 10_000)

    async def run(self) -> None:
        """Until :attr:`ending`, and the session is over."""
        link = asyncio.create_task(self.link())
        try:
            while not self.ending:
                await self._session()
        finally:
            link.cancel()
            await asyncio.gather(link, return_exceptions=True)

    def _now(self) -> str:
        self._time += timedelta(seconds=1)
        return self._time.isoformat().replace("+00:00", "Z")

    async def _session(self) -> None:
        begun = self._now()
        values = self.dice.randint(0, 4)
        if self.edition == V16:
            payload = {"connectorId": 1, "idTag": "CARD", "meterStart": self._register, "timestamp": begun}
            answer = await self._say("StartTransaction", payload, ("begin", begun, begun, self._register))
            number = answer["transactionId"]
            for _ in range(values):
                figure, at = self._more(), self._now()
                sample = {"timestamp": at, "sampledValue": [{"value": str(figure)}]}
                payload = {"connectorId": 1, "transactionId": number, "meterValue": [sample]}
                await self._say("MeterValues", payload, ("meter", begun, at, figure))
            figure, at = self._more(), self._now()
            payload = {"transactionId": number, "meterStop": figure, "timestamp": at}
            await self._say("StopTransaction", payload, ("end", begun, at, figure))
            return
        name = f"{self.id}-{begun}"
        for order, kind in enumerate(["Started", *["Updated"] * values, "Ended"]):
            step = {"Started": "begin", "Updated": "meter", "Ended": "end"}[kind]
            figure = self._more()
            at = self._now()
            event: dict[str, Any] = {
                "eventType": kind,
                "timestamp": at,
                "triggerReason": "Authorized",
                "seqNo": order,
                "transactionInfo": {"transactionId": name},
                "evse": {"id": 1},
                "meterValue": [{"timestamp": at, "sampledValue": [{"value": figure}]}],
            }
            if kind == "Started":
                event["idToken"] = {"idToken": "CARD", "type": "ISO14443"}
            await self._say("TransactionEvent", event, (step, name, at, figure))

    def _more(self) -> int:
        self._register += self.dice.randint(1, 500)
        return self._register

    async def _say(self, action: str, payload: dict[str, Any], what: Booked) -> dict[str, Any]:
        """The answer, which comes in the end."""
        self.account.append(what)
        while True:
            await asyncio.sleep(self.dice.uniform(0.0, 0.1))
            connection = self._connection
            if connection is None:
                continue
            identifier = f"{self.id}-{next(self._ids)}-{self.dice.getrandbits(30)}"
            waits = self._waits[identifier] = asyncio.get_running_loop().create_future()
            try:
                await connection.send(json.dumps([2, identifier, action, payload]))
                async with asyncio.timeout(PATIENCE_S):
                    answer: dict[str, Any] = await waits
            except (ConnectionClosed, ConnectionError, TimeoutError):
                continue
            finally:
                self._waits.pop(identifier, None)
            self.answered.set()
            return answer

    async def link(self) -> None:
        """Be connected, whenever that can be."""
        while True:
            try:
                async with connect(
                    f"ws://{self.gateway}/{self.id}",
                    subprotocols=[Subprotocol(self.edition)],
                    proxy=None,
                    ping_interval=None,
                    open_timeout=5,
                    close_timeout=0.2,
                ) as connection:
                    self._connection = connection
                    async for text in connection:
                        frame = json.loads(text)
                        if frame[0] == 2:
                            await connection.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
                        elif frame[1] in self._waits and not self._waits[frame[1]].done():
                            waits = self._waits[frame[1]]
                            if frame[0] == 4:  # of a card that only the cloud can judge: it is said again
                                waits.set_exception(ConnectionError(frame[2]))
                            else:
                                waits.set_result(frame[2])
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, EOFError, TimeoutError):
                pass
            finally:
                self._connection = None
                for waits in self._waits.values():
                    if not waits.done():
                        waits.set_exception(ConnectionError())
            await asyncio.sleep(self.dice.uniform(0.02, 0.2))
