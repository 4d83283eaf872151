"""The station: its socket, its messages, its transactions."""

import asyncio
import base64
import json
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ocpp.messages import MessageType, get_validator  # type: ignore[import-untyped] # ocpp 2.1 ships no types
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.charger.ev import ElectricVehicle
from simulators.charger.quirks import written
from simulators.charger.spec import Quirk
from simulators.charger_v2.commands import COMMANDS
from simulators.charger_v2.profiles import Profiles

PHASES = ("L1", "L2", "L3")


@dataclass(slots=True)
class EvseV2:
    """An EVSE with one connector, and the car behind it."""

    number: int
    max_a: float
    car: ElectricVehicle | None = None
    transaction: str | None = None
    sequence: int = 0
    energy_wh: float = 0.0
    phases: int = 3


@dataclass(slots=True)
class StationV2:
    """A station of OCPP 2.0.1 or 2.1 (``edition``).

    Time comes in through :meth:`step`, except for what waits on the socket. ``variables`` is its device model, by
    component and variable.
    """

    identity: str
    evses: list[EvseV2]
    edition: str = "2.0.1"
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    variables: dict[tuple[str, str], str] = field(
        default_factory=lambda: {
            ("SmartChargingCtrlr", "ProfileStackLevel"): "3",
            ("SampledDataCtrlr", "TxUpdatedInterval"): "60",
            ("SampledDataCtrlr", "TxUpdatedMeasurands"): "Energy.Active.Import.Register",
        }
    )
    quirks: frozenset[Quirk] = frozenset()
    password: str | None = None  # shown by HTTP Basic
    profiles_received: int = 0
    profiles_accepted: int = 0
    profiles: Profiles = field(default_factory=Profiles)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # the CALLs that were answered
    subprotocol: str | None = None
    _connection: ClientConnection | None = None
    _answers: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _reader: asyncio.Task[None] | None = None
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    _calls: int = 0
    _since_sample_s: float = 0.0

    async def connect(
        self, url: str, *, headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Connect, boot, and tell the state of each connector."""
        self._connection = await connect(
            f"{url}/{self.identity}",
            subprotocols=[Subprotocol(f"ocpp{self.edition}")],
            additional_headers={**self._credentials(), **(headers or {})},
            ssl=tls,
            proxy=None,
        )
        self.subprotocol = self._connection.subprotocol
        self._reader = asyncio.create_task(self._read(self._connection))
        unit = {"vendorName": "Simulated", "model": "V2", "serialNumber": self.identity}
        await self.call("BootNotification", {"reason": "PowerUp", "chargingStation": unit})
        for evse in self.evses:
            await self.tell_status(evse)

    async def disconnect(self) -> None:
        """Close the socket."""
        if self._connection is not None and self._reader is not None:
            await self._connection.close()
            await self._reader

    @property
    def reader(self) -> asyncio.Task[None]:
        """What reads the socket; it is done when that is closed."""
        if self._reader is None:
            raise RuntimeError("the station has never been connected")
        return self._reader

    def begin(self, evse: EvseV2, car: ElectricVehicle) -> str:
        """A car comes, and its transaction begins, without a word; return the transaction's id."""
        evse.car, evse.transaction, evse.sequence = car, str(uuid.uuid4()), 0
        return evse.transaction

    def end(self, evse: EvseV2) -> None:
        """The car leaves, without a word."""
        self.profiles.transaction_over(evse.number)
        evse.car = evse.transaction = None

    async def plug(self, number: int, car: ElectricVehicle) -> str:
        """A car comes, and its transaction begins; return the transaction's id."""
        evse = self.evse(number)
        transaction = self.begin(evse, car)
        await self.tell_status(evse)
        await self._event(evse, "Started", "CablePluggedIn")
        return transaction

    async def unplug(self, number: int) -> None:
        """The car leaves."""
        evse = self.evse(number)
        await self._event(evse, "Ended", "EVDeparted")
        self.end(evse)
        await self.tell_status(evse)

    async def step(self, seconds: float) -> None:
        """Time passes for the cars; samples are sent when they are due."""
        for evse in self.advance(seconds):
            await self._event(evse, "Updated", "MeterValuePeriodic")

    def advance(self, seconds: float) -> list[EvseV2]:
        """Time passes for the cars; the EVSEs whose transactions are to be sampled now."""
        for evse in self.evses:
            if evse.car is not None:
                offered_a = self.offer_a(evse)
                evse.energy_wh += evse.car.step(seconds, offered_a=offered_a, phases=evse.phases, voltage_v=230.0)
        self._since_sample_s += seconds
        if self._since_sample_s < float(self.variables["SampledDataCtrlr", "TxUpdatedInterval"]):
            return []
        self._since_sample_s = 0.0
        return [evse for evse in self.evses if evse.transaction is not None]

    def offer_a(self, evse: EvseV2) -> float:
        """What the EVSE offers its car per phase."""
        limit_a = self.profiles.limit_a(evse.number, self.wall())
        return evse.max_a if limit_a is None else min(evse.max_a, limit_a)

    def evse(self, number: int) -> EvseV2:
        """By its number."""
        return next(evse for evse in self.evses if evse.number == number)

    async def tell_status(self, evse: EvseV2) -> None:
        """StatusNotification of its connector."""
        await self.call("StatusNotification", self.status_of(evse))

    def status_of(self, evse: EvseV2) -> dict[str, Any]:
        """The payload of its StatusNotification."""
        status = "Available" if evse.car is None else "Occupied"
        return {"timestamp": self.stamp(), "connectorStatus": status, "evseId": evse.number, "connectorId": 1}

    async def tell_transaction(self, evse: EvseV2) -> None:
        """TransactionEvent because it was asked for."""
        await self._event(evse, "Updated", "Trigger")

    async def tell_meter(self, evse: EvseV2) -> None:
        """MeterValues because it was asked for."""
        await self.call("MeterValues", {"evseId": evse.number, "meterValue": self._meter(evse)})

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Make a CALL and wait for its answer; one at a time (part 4 §4.1.1)."""
        problem = next(get_validator(MessageType.Call, action, self.edition).iter_errors(payload), None)
        if problem is not None:
            raise ValueError(f"{action}: {problem.message}")
        async with self._line:
            self._calls += 1
            identifier = f"{self.identity}-{self._calls}"
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._answers[identifier] = answer
            await self._say([2, identifier, action, written(self.quirks, action, payload)])
            return await answer

    async def send(self, action: str, payload: dict[str, Any]) -> None:
        """A message that nothing answers (2.1)."""
        await self._say([6, str(uuid.uuid4()), action, payload])

    def stamp(self) -> str:
        """The station's time."""
        return self.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def _event(self, evse: EvseV2, kind: str, reason: str) -> None:
        await self.call("TransactionEvent", self.event(evse, kind, reason))

    def event(self, evse: EvseV2, kind: str, reason: str) -> dict[str, Any]:
        """The payload of the transaction's next TransactionEvent."""
        drawing = evse.car is not None and evse.car.draw_a > 0
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": self.stamp(),
            "triggerReason": reason,
            "seqNo": evse.sequence,
            "transactionInfo": {
                "transactionId": evse.transaction,
                "chargingState": "Charging" if drawing else "SuspendedEVSE",
            },
            "meterValue": self._meter(evse),
        }
        if kind == "Started":
            payload["evse"] = {"id": evse.number, "connectorId": 1}  # only the first event must say where
        evse.sequence += 1
        return payload

    def _meter(self, evse: EvseV2) -> list[dict[str, Any]]:
        wanted = self.variables["SampledDataCtrlr", "TxUpdatedMeasurands"].split(",")
        samples: list[dict[str, Any]] = []
        if "Current.Import" in wanted:
            for index, phase in enumerate(PHASES):
                drawn_a = evse.car.draw_a if evse.car is not None and index < min(evse.car.phases, evse.phases) else 0.0
                samples.append({"value": round(drawn_a, 1), "measurand": "Current.Import", "phase": phase})
        samples.append({"value": round(evse.energy_wh, 1)})
        return [{"timestamp": self.stamp(), "sampledValue": samples}]

    def _credentials(self) -> dict[str, str]:
        if self.password is None:
            return {}
        pair = f"{self.identity}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    async def _say(self, message: list[Any]) -> None:
        if self._connection is not None:
            await self._connection.send(json.dumps(message))

    async def _read(self, connection: ClientConnection) -> None:
        followers: set[asyncio.Task[None]] = set()
        try:
            async for text in connection:
                kind, identifier, *rest = json.loads(text)
                if kind == 2:
                    after = await self._answer(identifier, rest[0], rest[1])
                    if after is not None:
                        task = asyncio.create_task(after())
                        followers.add(task)
                        task.add_done_callback(followers.discard)
                elif kind in (3, 4) and identifier in self._answers:
                    self._answers.pop(identifier).set_result(rest[0] if kind == 3 else {})
        except ConnectionClosed:
            pass
        finally:
            for task in followers:
                task.cancel()
            for answer in self._answers.values():
                answer.cancel()

    async def _answer(self, identifier: str, action: str, payload: dict[str, Any]) -> Any:
        """Answer a CALL; return what is to be done after that."""
        command = COMMANDS.get(action)
        if command is None:
            await self._say([4, identifier, "NotImplemented", action, {}])
            return None
        problem = next(get_validator(MessageType.Call, action, self.edition).iter_errors(payload), None)
        if problem is not None:
            await self._say([4, identifier, "FormatViolation", problem.message[:255], {}])
            return None
        answer, after = command(self, payload)
        self.heard.append((action, payload))
        await self._say([3, identifier, answer])
        return after
