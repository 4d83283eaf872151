"""The cloud of the world: the simulated CSMS, whose frames are watched and not kept."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from simulators.csms import Csms, TagList
from simulators.csms.answers import Payload, timestamp
from simulators.csms.record import Direction
from simulators.csms.server import CALLERROR
from simulators.interpreter import CloudInterpreter
from simulators.site import Endpoint
from simulators.world.drivers import ACCEPTED_TAG, BLOCKED_TAG
from simulators.world.node import start_on
from simulators.world.prompt import PromptServer

CLOUD: Final = "cloud"
LEAVER: Final = "LEAVER-1"  # a card that the cloud accepts, and that ends when a fault says so
CARDS: Final = frozenset(f"{ACCEPTED_TAG}-{number:02}" for number in range(40)) | {LEAVER}
CHECKS: Final = 20  # of each action from each station: their form doesn't change after that, and a schema costs a tick
GUESTS_EDITION: Final = Subprotocol("ocpp2.0.1")
BOOT_INTERVAL_S: Final = 900  # the stations' heartbeat, as most clouds ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards(TagList):
    """`barred` are those that the operator has come to refuse, `ends` says until when a card is good."""

    barred: set[str] = field(default_factory=set)
    ends: dict[str, datetime] = field(default_factory=dict)

    def status_of(self, id_tag: str) -> str:
        return "Blocked" if id_tag in self.barred else super(Cards, self).status_of(id_tag)


class CloudEar(Protocol):
    """Hears the cloud's side. Implemented by :class:`simulators.world.watch.Frames`."""

    def cloud_met(self, identity: str) -> None:
        """A station has a new connection."""

    def cloud_heard(self, identity: str, text: str) -> None:
        """A frame has come."""

    def cloud_said(self, identity: str, text: str) -> None:
        """A frame goes."""


class WorldCsms(Csms):
    """`ear` hears what comes of each station and what it is answered. `editions` are those of the stations that speak
    another OCPP than 1.6.
    """

    socket_class = PromptServer

    def __init__(
        self,
        listen: Endpoint,
        *,
        stations: frozenset[str],
        wall: Callable[[], datetime],
        ear: CloudEar,
        guests: frozenset[str] = frozenset(),
        editions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.cards = Cards(accepted=CARDS, blocked=frozenset({BLOCKED_TAG}))
        super().__init__(
            listen,
            tags=self.cards,
            stations=stations,
            boot_interval_s=BOOT_INTERVAL_S,
            checks=CHECKS,
            wall=wall,
        )
        self._ear = ear
        self._guests = guests
        self._editions = editions
        self._interpreters = {identity: CloudInterpreter() for identity in editions}
        self.of_guests: list[str] = []  # what has come of them
        self.fails_on: str | None = None  # answers the next CALL of this action with an InternalError
        self.spares: set[str] = set()  # but of these, which tell each thing once: it would be lost by nobody's fault
        self.poison: str | None = None  # answers each CALL of this id with an InternalError
        self.poisoned = 0  # how often it did
        self.loses_answer_to: str | None = None  # the connection is cut between the next CALL of it and its answer

    async def listen(self, identity: str, connection: ServerConnection) -> None:
        assert isinstance(connection, PromptServer)  # noqa: S101 - it is of the class named above

        interpreter = self._interpreters.get(identity)

        def hear(arrived: str | bytes) -> None:
            if interpreter is not None:
                arrived = interpreter.hears(arrived if isinstance(arrived, str) else arrived.decode())
            reply = self.hear(identity, arrived)
            if reply is not None:
                connection.say(reply)

        await connection.deliver(hear)

    def answer(self, identity: str, call_id: str, action: str, payload: Payload) -> list[Any]:
        if identity in self._guests:
            now = {"currentTime": timestamp(self._wall())}
            return [3, call_id, now | {"interval": BOOT_INTERVAL_S, "status": "Accepted"} if "Boot" in action else {}]
        if action == self.fails_on and identity not in self.spares:
            self.fails_on = None
            return [CALLERROR, call_id, "InternalError", "the database is away", {}]
        if call_id == self.poison:
            self.poisoned += 1
            return [CALLERROR, call_id, "InternalError", "the database can't take it", {}]
        if action == self.loses_answer_to:
            self.loses_answer_to = None
            self.cut_off(identity)
        answer = super().answer(identity, call_id, action, payload)
        ends = self.cards.ends.get(str(payload.get("idTag"))) if action == "Authorize" else None
        if ends is not None:
            answer[2]["idTagInfo"]["expiryDate"] = timestamp(ends)
        return answer

    def choose(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """A guest speaks OCPP 2.0.1, and gets of its answers what it has to have."""
        path = "" if connection.request is None else connection.request.path
        if path.rpartition("/")[2] in self._guests and GUESTS_EDITION in offered:
            return GUESTS_EDITION
        identity = path.rpartition("/")[2]
        if identity in self._editions:
            edition = Subprotocol(f"ocpp{self._editions[identity]}")
            return edition if edition in offered else None
        return super().choose(connection, offered)

    def _noted(self, identity: str, message: list[Any]) -> str:
        text = super()._noted(identity, message)
        interpreter = self._interpreters.get(identity)
        return text if interpreter is None else interpreter.says(text)

    def note(self, identity: str, direction: Direction, text: str) -> None:
        if identity in self._guests:
            if direction is Direction.RECEIVED:
                self.of_guests.append(text)
            return
        if direction is Direction.RECEIVED:
            self._ear.cloud_heard(identity, text)
        else:
            self._ear.cloud_said(identity, text)

    def arrived(self, identity: str) -> None:
        self._ear.cloud_met(identity)

    async def begin(self) -> None:
        """Listen, on its own machine."""
        await start_on(CLOUD, self.open())

    async def leave(self) -> None:
        """Its uplink fails."""
        if not self.away:
            await start_on(CLOUD, self.go_away())

    async def come_again(self) -> None:
        """It is in reach again."""
        if self.away:
            await start_on(CLOUD, self.come_back())

    async def end(self) -> None:
        """For good."""
        await asyncio.wait([start_on(CLOUD, self.close())], timeout=30.0)
